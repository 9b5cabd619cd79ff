"""The repository itself: generated files are up to date, declarations complete, lock files fit to be installed."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from packaging.requirements import Requirement
from ruamel.yaml import YAML

from tests.helpers.imports import imported_modules, is_docstring
from tests.helpers.project import ROOT, Project
from tools.schemas import SCHEMAS, schema_text

GROUPS = sorted(tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"])
PIPELINE: dict[str, Any] = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_json_schema_is_up_to_date(name: str) -> None:
    written = (ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
    assert written == schema_text(SCHEMAS[name]), "run `make schemas`"


@pytest.mark.parametrize("name", ["config", "params", "schema"])
def test_settings_name_a_json_schema_that_accepts_them(name: str) -> None:
    path = ROOT / f"{name}.yaml"
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text())
    assert named is not None
    schema = json.loads((ROOT / named[1]).read_text())
    content = YAML(typ="safe", pure=True).load(path)
    jsonschema.validate(content, schema)
    content["misspelt"] = 1
    with pytest.raises(jsonschema.ValidationError, match="misspelt"):
        jsonschema.validate(content, schema)


@pytest.mark.parametrize("group", GROUPS)
def test_lock_files_have_hashes_and_name_no_host(group: str) -> None:
    text = (ROOT / "requirements" / f"{group}.txt").read_text()
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)
    packages = re.findall(r"^[a-z0-9].*==", text, flags=re.M)
    assert packages
    assert len(packages) == len(re.findall(r"^[a-z0-9].*==[^\n]*\\\n    --hash=sha256:", text, flags=re.M))


@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_groups_agree_on_every_version(python: str) -> None:
    surroundings = {"python_version": python, "python_full_version": f"{python}.0"}
    versions: dict[str, set[str]] = {}
    for group in GROUPS:
        for line in re.findall(r"^[a-z0-9].*==.*", (ROOT / f"requirements/{group}.txt").read_text(), re.M):
            pin = Requirement(line.removesuffix("\\"))
            if pin.marker is None or pin.marker.evaluate(surroundings):
                versions.setdefault(pin.name, set()).add(str(pin.specifier))
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
    assert {"dvc", "pandas", "flask", "mlflow", "pytest"} <= versions.keys()


def modules_in(dep: str) -> set[Path]:
    """The modules that a dep of dvc.yaml covers: of a folder all that lie in it."""
    place = ROOT / dep
    found = place.rglob("*.py") if place.is_dir() else [place] if place.suffix == ".py" else []
    return {module.relative_to(ROOT) for module in found if not is_docstring(module)}


@pytest.mark.parametrize("name", PIPELINE)
def test_stage_declares_the_modules_it_imports_and_no_others(name: str) -> None:
    stage = PIPELINE[name]
    assert stage["cmd"] == f"python -m stages.{name}"
    declared = set().union(*(modules_in(dep) for dep in stage["deps"]))
    imported = imported_modules(ROOT / "stages" / f"{name}.py")
    assert imported <= declared
    assert {module for module in declared - imported if not module.is_relative_to("stages/utils")} == set()


def test_git_ignores_what_dvc_keeps_and_tracks_what_it_does_not(project: Project) -> None:
    for stage in PIPELINE.values():
        outs = [out if isinstance(out, dict) else {out: {}} for out in stage.get("outs", [])]
        in_git = [out for out in outs if next(iter(out.values())).get("cache") is False]
        for path in (next(iter(out)) for out in outs if out not in in_git):
            assert project.run("git", "check-ignore", "-q", path).returncode == 0, path
        for out in [*in_git, *stage.get("metrics", []), *stage.get("plots", [])]:
            [(path, options)] = out.items()
            assert options["cache"] is False, path
            assert project.git("ls-files", path), f"{path} is not in git"


def test_remote_is_s3_without_an_endpoint_or_credentials(project: Project) -> None:
    config = project.dvc("remote", "list").stdout
    assert re.match(r"storage\s+s3://", config)
    text = (project.path / ".dvc/config").read_text()
    assert not re.search(r"endpoint|access_key|secret|profile", text)


def test_pipeline_packages_are_not_imported_by_the_served_part() -> None:
    for module in (ROOT / "webapp").rglob("*.py"):
        found = {line for line in module.read_text().splitlines() if re.match(r"(from|import) stages", line)}
        assert found == set(), module


def test_make_help_lists_every_target(project: Project) -> None:
    listed = {line.split()[0] for line in project.run("make", "--no-print-directory", check=True).stdout.splitlines()}
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert phony is not None
    assert listed == set(phony[1].split())
