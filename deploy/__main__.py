"""Roll out the image of this commit on AWS, and roll back if it does not serve what it should. Run: make deploy

Exit 0: the image runs and passed the smoke test. Exit 1: it does not; what ran before runs again (or, on a first
deployment, nothing does). Exit 2: it does not, and going back failed too: a person has to look.
"""

import argparse
import os
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from deploy import registry, rollout
from deploy.aws import DeployError, Patience
from deploy.smoke import expect
from deploy.stack import outputs
from deploy.targets import TARGETS
from stages.utils.files import read_json
from tools.container import revision
from webapp.pin import PinError


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploy", description="Roll out the image of this commit on AWS.")
    parser.add_argument("--target", choices=TARGETS, default=os.environ.get("DEPLOY_TARGET", "ecs-express"))
    parser.add_argument("--name", default="dvc-elasticnet", help="of the bootstrap stack; the service's gets -TARGET")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="parameter of the service's stack"
    )
    parser.add_argument("--timeout", type=float, default=1800, help="seconds that any one step may take")
    parser.add_argument("--pause", type=float, default=10, help="seconds between two looks")
    return parser.parse_args()


def main() -> None:
    arguments = read_arguments()
    try:
        sys.exit(deploy(arguments))
    except DeployError as error:
        raise SystemExit(f"deploy: FAILED before anything was changed: {error}") from None
    except (BotoCoreError, ClientError, PinError) as error:
        raise SystemExit(f"deploy: FAILED: {error}") from None


def deploy(arguments: argparse.Namespace) -> int:
    """Do it; returns the exit code.

    Raises:
        DeployError: it must not or cannot be tried.
    """
    sha = revision()
    if sha.endswith("-dirty"):
        raise DeployError("there are changes that are not committed; commit them: the image is named by its commit")
    if not read_json("metrics/test.json")["gate"]["passed"]:
        raise DeployError("the gate has not passed (metrics/test.json); mend the model, not the gate")
    expected = expect(Path(), sha)
    made = outputs(arguments.name)
    if "RepositoryUri" not in made:
        raise DeployError(
            f"there is no stack {arguments.name} in this account and region; see deploy/README.md, step 2"
        )
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
    )
    outcome = rollout.roll_out(plan)
    print(f"deploy: {outcome.text}", file=sys.stderr if outcome.exit_code else sys.stdout)
    return outcome.exit_code


if __name__ == "__main__":
    main()
