"""The deploy script against a scripted fake of AWS, by the real botocore; the templates by cfn-lint."""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.smoke import expect
from tests.helpers.fake_aws import REPOSITORY, Aws, serve
from tests.helpers.project import ROOT, Project

TARGETS = ("apprunner", "ecs-express")
OLD = f"{REPOSITORY}:old"
REGIONS = ("us-east-1", "eu-central-1", "eu-west-1")
DOCKER = """#!/bin/sh
echo "$@" >> "$DOCKER_LOG"
[ "$1" != login ] || cat > /dev/null
"""
Deploy = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def ready(built_template: Path) -> Project:
    """A built project with everything committed; deploying changes nothing in it."""
    return Project(built_template)


@pytest.fixture
def account(ready: Project) -> Iterator[Aws]:
    """An account in which the image `old` runs, or (after `.empty()`) nothing does."""
    expected = expect(ready.path, "")
    app = {
        "right_md5": expected.scorecard_md5,
        "scorecard_md5": expected.scorecard_md5,
        "prediction": expected.prediction,
    }
    aws = Aws(
        script=[], image=OLD, status="UPDATE_COMPLETE", wanted=OLD, operations=[("operation 0", "SUCCEEDED")], app=app
    )
    with serve(aws):
        yield aws
    assert aws.script == [], "deployments that did not happen"


@pytest.fixture
def deploy(ready: Project, account: Aws, tmp_path: Path) -> Deploy:
    """Runs the script; returns its exit code and its line."""
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(docker.stat().st_mode | stat.S_IXUSR)
    environment = {
        "PATH": f"{docker.parent}:/usr/bin:/bin",
        "DOCKER_LOG": str(tmp_path / "docker.log"),
        "AWS_ENDPOINT_URL": account.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }

    def run(target: str, timeout: float = 20) -> tuple[int, str]:
        command = ("python", "-m", "deploy", "--target", target, "--timeout", str(timeout), "--pause", "0.05")
        done = ready.run(*command, env=environment)
        [line] = (done.stdout + done.stderr).splitlines()
        assert (done.returncode == 0) == (line == done.stdout.strip()), "success on stdout, failure on stderr"
        return done.returncode, line

    return run


@pytest.fixture
def new(ready: Project) -> str:
    """The image of the project's commit."""
    return f"{REPOSITORY}:{ready.git('rev-parse', 'HEAD').strip()}"


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_update_and_the_same_again(target: str, account: Aws, deploy: Deploy, new: str, tmp_path: Path) -> None:
    account.script = ["works"]
    assert deploy(target) == (0, f"deploy: {new} runs at {account.url}, in place of {OLD}")
    log = (tmp_path / "docker.log").read_text()
    sha = new.rpartition(":")[2]
    assert log.splitlines()[1:] == [
        f"tag localhost/dvc-elasticnet:{sha} {new}",
        f"login --username AWS --password-stdin {REPOSITORY.partition('/')[0]}",
        f"push {new}",
    ]
    account.pushed.add(sha)
    account.calls.clear()
    assert deploy(target) == (0, f"deploy: {new} was already running at {account.url} and passes the smoke test")
    assert (tmp_path / "docker.log").read_text() == log, "the tag is immutable: no second push"
    assert "GetAuthorizationToken" not in account.calls


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("rolls back", "the operation ended in ROLLBACK_SUCCE"),
        ("rolls back unseen", f"{OLD} runs, not "),
        ("operation fails", "the operation ended in "),
        ("stack fails", "UPDATE_ROLLBACK_COMPLETE: Health check failed on port 8000"),
        ("wrong model", "model 00000000000000000000000000000000; expected "),
    ],
)
def test_failed_update_brings_the_old_image_back(
    target: str, word: str, why: str, account: Aws, deploy: Deploy, new: str
) -> None:
    """The stack says UPDATE_COMPLETE in all cases but one."""
    account.script = [word] + ["works"] * (word != "stack fails")  # then CloudFormation itself has gone back
    code, line = deploy(target)
    assert code == 1
    assert line.startswith("deploy: FAILED: ")
    assert why in line
    assert line.endswith(f"; {OLD} runs again")
    assert (account.image, account.wanted) == (OLD, OLD), "service and stack agree"


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_first_create_fails_then_works(target: str, account: Aws, deploy: Deploy, new: str) -> None:
    account.image, account.status, account.wanted, account.operations = None, None, None, []
    account.script = ["stack fails"]
    code, line = deploy(target)
    assert code == 1
    assert line.endswith("; nothing ran before, so the stack was deleted")
    assert account.status is None
    account.status = "ROLLBACK_COMPLETE"  # as a run leaves it that was killed here
    account.script = ["works"]
    assert deploy(target) == (0, f"deploy: {new} runs at {account.url}")
    assert account.status == "CREATE_COMPLETE"


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("word", ["hangs", "operation hangs"])
def test_time_runs_out(target: str, word: str, account: Aws, deploy: Deploy, new: str) -> None:
    account.script = [word] + ["works"] * (word == "operation hangs")
    code, line = deploy(target, timeout=1)
    assert code == 1
    assert "took more than 1 s" in line
    assert line.endswith(f"; {OLD} runs again")
    assert ("CancelUpdateStack" in account.calls) == (word == "hangs")


@pytest.mark.slow
def test_going_back_fails_too(account: Aws, deploy: Deploy, new: str) -> None:
    account.script = ["wrong model", "operation fails"]
    code, line = deploy("apprunner")
    assert code == 2
    assert f"; and rolling back to {OLD} FAILED: the operation ended in FAILED" in line


@pytest.mark.slow
def test_nothing_is_deployed_of_a_failed_gate_or_a_dirty_checkout(
    built: Project, account: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"AWS_ENDPOINT_URL": account.url, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    environment["AWS_DEFAULT_REGION"] = "us-east-1"
    metrics = built.path / "metrics/test.json"
    content: dict[str, Any] = json.loads(metrics.read_text())
    content["gate"]["passed"] = False
    metrics.write_text(json.dumps(content))
    app = built.path / "webapp/app.py"
    app.write_text(app.read_text() + "# changed\n")
    dirty = built.run("python", "-m", "deploy", env=environment)
    assert dirty.returncode == 1
    assert "uncommitted changes" in dirty.stderr
    built.git("commit", "-qam", "a change and a failed gate")
    gate = built.run("python", "-m", "deploy", env=environment)
    assert gate.returncode == 1
    assert "the gate has not passed" in gate.stderr
    (built.path / "models/scorecard.json").chmod(0o644)
    with (built.path / "models/scorecard.json").open("a") as file:
        file.write(" ")
    metrics.write_text(json.dumps({"gate": {"passed": True}}))
    built.git("commit", "-qam", "a tampered scorecard")
    tampered = built.run("python", "-m", "deploy", env=environment)
    assert tampered.returncode == 1
    assert "dvc.lock pins" in tampered.stderr
    assert account.calls == []


def test_templates_are_clean(project: Project) -> None:
    templates = sorted((ROOT / "deploy").glob("*.yaml"))
    assert [path.stem for path in templates] == ["bootstrap", "service-apprunner", "service-ecs-express"]
    done = project.run("cfn-lint", "--regions", *REGIONS, "--", *templates)
    assert (done.returncode, done.stdout) == (0, "")


def test_ecs_template_has_what_the_service_requires() -> None:
    """The resource's schema does not: cfn-lint passes a template that the service refuses."""
    text = (ROOT / "deploy/service-ecs-express.yaml").read_text()
    for needed in ("ExecutionRoleArn:", "InfrastructureRoleArn:", "Image: !Ref ImageUri", "ContainerPort: 8000"):
        assert needed in text
    assert "Tags:" not in text, "create-only: an update with other tags would replace the service"
