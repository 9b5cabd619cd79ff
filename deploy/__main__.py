"""Roll out the image of this commit on AWS, and roll back if it does not serve the expected model. Run: make deploy

Exit 0: the image runs and passed the smoke test. Exit 1: it does not; the previous image runs again (nothing, on a
first deployment). Exit 2: it does not, and the rollback failed too: a person has to look.
"""

import argparse
import os
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from deploy import registry, rollout
from deploy.aws import Patience
from deploy.smoke import expect
from deploy.stack import outputs
from deploy.targets import TARGETS
from stages.utils.errors import PipelineError
from stages.utils.files import read_json
from tools.image import revision
from webapp.pin import PinError


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploy", description="Roll out the image of this commit on AWS.")
    parser.add_argument("--target", choices=TARGETS, default=os.environ.get("DEPLOY_TARGET", "ecs-express"))
    parser.add_argument("--name", default="dvc-elasticnet", help="bootstrap stack; the service's stack is NAME-TARGET")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the service's stack"
    )
    parser.add_argument(
        "--traffic", type=float, default=20, help="good requests per second during a rollout on ecs-express"
    )
    parser.add_argument("--timeout", type=float, default=1800, help="longest time for one step, in seconds")
    parser.add_argument("--pause", type=float, default=10, help="time between two polls, in seconds")
    return parser.parse_args()


def main() -> None:
    arguments = read_arguments()
    try:
        sys.exit(deploy(arguments))
    except PipelineError as error:
        raise SystemExit(f"deploy: FAILED before anything changed: {error}") from None
    except (BotoCoreError, ClientError, PinError) as error:
        raise SystemExit(f"deploy: FAILED: {error}") from None


def deploy(arguments: argparse.Namespace) -> int:
    """Check what must hold first, push the image and roll it out; return the exit code.

    Raises:
        PipelineError: a check failed, or the image could not be pushed; nothing was changed.
    """
    sha = revision()
    if sha.endswith("-dirty"):
        raise PipelineError("there are uncommitted changes; commit them: the image is named after its commit")
    if not read_json("metrics/test.json")["gate"]["passed"]:
        raise PipelineError("the gate has not passed (metrics/test.json); improve the model, not the gate")
    expected = expect(Path(), sha)
    made = outputs(arguments.name)
    if "RepositoryUri" not in made:
        raise PipelineError(f"no stack {arguments.name} in this account and region; see deploy/README.md, step 1")
    repository = made["RepositoryUri"]
    if not registry.is_pushed(repository.partition("/")[2], sha):
        registry.push(repository, sha)
    plan = rollout.Plan(
        target=TARGETS[arguments.target],
        stack=f"{arguments.name}-{arguments.target}",
        role=made.get("StackRoleArn"),
        image=f"{repository}:{sha}",
        parameters={"Bootstrap": arguments.name} | dict(pair.split("=", 1) for pair in arguments.set),
        expected=expected,
        patience=Patience(arguments.timeout, arguments.pause),
        traffic=arguments.traffic,
    )
    outcome = rollout.roll_out(plan)
    print(f"deploy: {outcome.text}", file=sys.stderr if outcome.exit_code else sys.stdout)
    return outcome.exit_code


if __name__ == "__main__":
    main()
