"""The workflows: valid, pinned, least privileged, bounded; what they call exists."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.helpers.project import ROOT, Project

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
WORKFLOWS: dict[str, dict[str, Any]] = {file.stem: YAML(typ="safe").load(file) for file in FILES}
JOBS = {f"{name}-{key}": job for name, flow in WORKFLOWS.items() for key, job in flow["jobs"].items()}


def test_all_four_are_there() -> None:
    assert list(WORKFLOWS) == ["ci", "deploy", "retrain", "upgrade"]


def test_zizmor_finds_nothing(project: Project) -> None:
    done = project.run("zizmor", "--offline", "--no-progress", "--persona", "regular", ".github")
    assert done.returncode == 0, done.stdout


def test_they_are_what_github_takes(project: Project) -> None:
    done = project.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *FILES)
    assert done.returncode == 0, done.stdout
    done = project.run("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_actions_are_pinned_by_commit(file: Path) -> None:
    uses = re.findall(r"uses: (.*)", file.read_text())
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_rights_but_those_of_a_job_and_one_run_at_a_time(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {}
    assert WORKFLOWS[name]["concurrency"]["group"]


@pytest.mark.parametrize("name", JOBS)
def test_jobs_end_and_say_what_they_may(name: str) -> None:
    assert 0 < JOBS[name]["timeout-minutes"] <= 120
    assert JOBS[name]["permissions"]["contents"] in ("read", "write")
    assert [key for key, right in JOBS[name]["permissions"].items() if key == "contents" and right == "write"] == (
        ["contents"] if name in ("retrain-retrain", "upgrade-upgrade") else []
    )


def test_there_is_no_long_lived_key() -> None:
    for file in FILES:
        assert set(re.findall(r"secrets\.(\w+)", file.read_text())) <= {"APP_TOKEN"}
        assert "AWS_ACCESS_KEY" not in file.read_text()


@pytest.mark.parametrize("name", JOBS)
def test_what_they_call_is_there(name: str) -> None:
    script = "\n".join(step.get("run", "") for step in JOBS[name]["steps"])
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    assert set(re.findall(r"\bmake ([a-z]+)", script)) <= targets
    for module in set(re.findall(r"python -m ([\w.]+)", script)) - {"pip", "venv"}:
        assert importlib.util.find_spec(module), module
    for file in re.findall(r"-r (requirements/\w+\.txt)", script):
        assert (ROOT / file).is_file()


def test_both_pythons_are_checked() -> None:
    """The one that made dvc.lock byte by byte, the image's number by number."""
    locked = (ROOT / ".python-version").read_text().strip()
    image = re.search(r"^ARG BASE_TAG=(\d+\.\d+)\.", (ROOT / "Dockerfile").read_text(), re.M)[1]  # type: ignore[index]
    assert JOBS["ci-test"]["strategy"]["matrix"]["python"] == [locked, image]
    tolerances = {row["python"]: "tolerance" in row for row in JOBS["ci-verify"]["strategy"]["matrix"]["include"]}
    assert tolerances == {locked: False, image: True}


def test_the_image_has_a_bill_of_materials() -> None:
    """Of exactly the packages that the Dockerfile installs, uploaded whatever the audit after it says."""
    [listing] = [step["run"] for step in JOBS["deploy-build"]["steps"] if "cyclonedx-py" in step.get("run", "")]
    assert listing.index("cyclonedx-py") < listing.index("pip-audit --strict"), "--strict: no answer is no clean bill"
    [upload] = [step for step in JOBS["deploy-build"]["steps"] if step.get("with", {}).get("name") == "sbom"]
    assert f"--output-file {upload['with']['path']} requirements/webapp.txt" in listing
    assert upload["if"] == "always()"


def test_roles_trust_what_the_jobs_say() -> None:
    """The environment is part of the subject that a role trusts: a job in another one gets no token."""
    template = (ROOT / "deploy/bootstrap.yaml").read_text()
    for job in ("deploy-deploy", "retrain-retrain"):
        assert f":environment:{JOBS[job]['environment']}" in template
    for job in ("ci-verify", "ci-report", "deploy-build"):
        assert "environment" not in JOBS[job], "the read-only role trusts the branch and pull requests"
