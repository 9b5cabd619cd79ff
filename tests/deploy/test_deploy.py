"""The deploy script against a scripted fake of AWS, by the real botocore; the templates by cfn-lint."""

import json
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.__main__ import main
from deploy.aws import client
from deploy.smoke import expect
from tests.helpers.fake_aws import ALARM, REPOSITORY, Aws, serve
from tests.helpers.project import ROOT, Project
from tests.helpers.servers import environment

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


@pytest.fixture(scope="module")
def server() -> Iterator[Aws]:
    """One server for all accounts: botocore takes most of a second to make a client of each service."""
    client.cache_clear()
    aws = Aws(script=[])
    with serve(aws):
        yield aws
    client.cache_clear()


@pytest.fixture
def account(ready: Project, server: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """An account in which the image `old` runs."""
    expected = expect(ready.path, "")
    app = {
        "right_md5": expected.scorecard_md5,
        "scorecard_md5": expected.scorecard_md5,
        "prediction": expected.prediction,
    }
    operations = [("operation 0", "SUCCEEDED")]
    start = Aws([], OLD, "UPDATE_COMPLETE", OLD, operations, app=app, url=server.url)
    vars(server).update(vars(start))
    for name, value in environment(server.url).items():
        monkeypatch.setenv(name, value)
    yield server
    assert server.script == [], "deployments that did not happen"


@pytest.fixture
def deploy(
    ready: Project, account: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Deploy:
    """Run the script in this process; return its exit code and its line."""
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(docker.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{docker.parent}:/usr/bin:/bin")
    monkeypatch.setenv("DOCKER_LOG", str(tmp_path / "docker.log"))
    monkeypatch.chdir(ready.path)

    def run(target: str, timeout: float = 20, traffic: float = 20) -> tuple[int, str]:
        options = ["--target", target, "--timeout", str(timeout), "--pause", "0.05", "--traffic", str(traffic)]
        monkeypatch.setattr(sys, "argv", ["deploy", *options])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capfd.readouterr()
        *notices, line = (printed.err + printed.out).splitlines()
        assert (ended.value.code == 0) == (line == printed.out.strip()), "success on stdout, failure on stderr"
        assert all(notice.endswith("; trying once more") for notice in notices)
        return int(ended.value.code or 0), "\n".join([*notices, line])

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


UNDONE = f"deploy: FAILED: alarm {ALARM} rolled it back: more than 1% of the answers were 4xx or 5xx"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "traffic", "lines"),
    [
        (["bots"], 400, ["deploy: {new} runs at {url}, in place of {old}"]),
        (
            ["bots", "works", "bots", "works"],
            0,
            [
                UNDONE + "; {old} runs again; trying once more",
                UNDONE + ", for the second time (docs/shipping.md, Rollouts); {old} runs again",
            ],
        ),
        (
            ["alarm", "works", "works"],
            20,
            [UNDONE + "; {old} runs again; trying once more", "deploy: {new} runs at {url}, in place of {old}"],
        ),
        (
            ["alarm, stack fails", "works"],
            20,
            [UNDONE + "; {old} runs again; trying once more", "deploy: {new} runs at {url}, in place of {old}"],
        ),
        (
            ["alarm", "works", "wrong model", "works"],
            20,
            [UNDONE + "; {old} runs again; trying once more", "deploy: FAILED: {url} serves commit "],
        ),
    ],
    ids=["steady traffic", "no traffic", "once", "with the stack", "then another failure"],
)
def test_bad_requests_of_strangers(
    script: list[str], traffic: float, lines: list[str], account: Aws, deploy: Deploy, new: str
) -> None:
    """5% of the public's requests are bad: steady good ones let the rollout pass; without them the alarm undoes it."""
    account.script = list(script)
    code, printed = deploy("ecs-express", traffic=traffic)
    expected = [line.format(new=new, old=OLD, url=account.url) for line in lines]
    assert [line[: len(start)] for line, start in zip(printed.splitlines(), expected, strict=True)] == expected
    assert code == (0 if account.image == new else 1)
    assert account.wanted == account.image


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
def test_nothing_is_deployed_of_a_failed_gate_or_a_dirty_checkout(built: Project, account: Aws) -> None:
    metrics = built.path / "metrics/test.json"
    content: dict[str, Any] = json.loads(metrics.read_text())
    content["gate"]["passed"] = False
    metrics.write_text(json.dumps(content))
    app = built.path / "webapp/app.py"
    app.write_text(app.read_text() + "# changed\n")
    dirty = built.run("python", "-m", "deploy")
    assert dirty.returncode == 1
    assert "uncommitted changes" in dirty.stderr
    built.git("commit", "-qam", "a change and a failed gate")
    gate = built.run("python", "-m", "deploy")
    assert gate.returncode == 1
    assert "the gate has not passed" in gate.stderr
    (built.path / "models/scorecard.json").chmod(0o644)
    with (built.path / "models/scorecard.json").open("a") as file:
        file.write(" ")
    metrics.write_text(json.dumps({"gate": {"passed": True}}))
    built.git("commit", "-qam", "a tampered scorecard")
    tampered = built.run("python", "-m", "deploy")
    assert tampered.returncode == 1
    assert "dvc.lock pins" in tampered.stderr
    assert account.calls == []


@pytest.mark.slow
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
