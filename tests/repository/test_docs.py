"""What README and CONTRIBUTING say is so: the metrics, the diagram, the links, the commands, the files they name."""

import re
from itertools import pairwise, product
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.helpers.pipeline import declared
from tests.helpers.project import ROOT, Project

DOCUMENTS = ["README.md", "CONTRIBUTING.md", "benchmarks/README.md", "models/MODEL_CARD.md"]
COMMANDS = {"make", "dvc", "python", "source", "git"}


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def commands(document: str) -> list[str]:
    """The lines of the shell blocks, without their comments."""
    lines = "".join(blocks(text_of(document), "sh")).splitlines()
    return [line.partition("#")[0].strip() for line in lines if line.strip()]


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_shows_what_the_summary_prints(project: Project) -> None:
    printed = project.run("python", "-m", "tools.summary", check=True).stdout
    shown, *_ = blocks(text_of("README.md"), "text")
    assert shown.strip("\n") == printed.strip("\n"), "copy what `make metrics` prints"


def edges_of(path: Path) -> set[tuple[str, str]]:
    """From stage to stage: what one writes and the other reads, but for what follows from other edges."""
    stages = declared(path)
    direct = {
        (first, second)
        for first, second in product(stages, repeat=2)
        if any(dep == out or dep.startswith(f"{out}/") for dep in stages[second].deps for out in stages[first].outs)
    }
    reach = set(direct)
    for middle, first, second in product(stages, repeat=3):
        if (first, middle) in reach and (middle, second) in reach:
            reach.add((first, second))
    return {
        (first, second)
        for first, second in direct
        if not any((first, middle) in reach and (middle, second) in reach for middle in stages)
    }


def test_diagram_is_the_pipeline() -> None:
    [diagram] = blocks(text_of("README.md"), "mermaid")
    chains = [line.split(" --> ") for line in map(str.strip, diagram.splitlines()) if "-->" in line]
    drawn = {pair for chain in chains for pair in pairwise(chain)}
    assert drawn == edges_of(ROOT)


def test_readme_lists_every_stage() -> None:
    section = text_of("README.md").split("## What runs")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \|", section, re.M)
    assert listed == list(YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"])


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    text = text_of(document)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https://", target):
            continue
        path, _, anchor = target.partition("#")
        place = (ROOT / document).parent / path if path else ROOT / document
        assert place.exists(), target
        assert not anchor or anchor in anchors(place.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_files_that_are_named_exist(document: str) -> None:
    kept_by_dvc = {path for stage in declared(ROOT).values() for path in stage.outs}
    for name in re.findall(r"`([\w./*-]+/[\w./*-]*|\w+\.(?:yaml|py|md))`", text_of(document)):
        if re.match(r"(src|artifacts|app\.py|main\.py|logger\.py|exception\.py|model_trainer\.py|logs/|data/)", name):
            continue  # of a classic project, or made by a run
        if "NAME" in name or name.startswith((".venv/", "/")):  # a path of a URL is no file
            continue
        assert name.rstrip("/") in kept_by_dvc or list(ROOT.glob(name)), name


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_make_targets_that_are_named_exist(document: str) -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.M)
    named = set(re.findall(r"`make ([a-z]+)`|^make ([a-z]+)", text_of(document), re.M))
    assert {first or second for first, second in named} <= set(targets)
    assert {line.split()[0] for line in commands(document)} <= COMMANDS


@pytest.mark.slow
def test_commands_of_the_readme_work(built: Project) -> None:
    ran = []
    for command in commands("README.md"):
        program, *arguments = command.split()
        if program == "make":  # it sets up .venv, which the tests have done
            assert built.run("make", "--dry-run", *arguments).returncode == 0, command
        elif program == "dvc":
            ran.append(built.dvc(*arguments).stdout)
    experiment, difference, plots = ran[-3:]
    assert re.findall(r"^Running stage '(\w+)'", experiment, re.M) == ["train", "evaluate", "export", "report", "card"]
    assert re.search(r"model\.rmse +[\d.]+ +[\d.]+ +-?[\d.]+", difference)
    assert "index.html" in plots
    built.run("git", "restore", ".", check=True)
    built.dvc("checkout")
    assert built.dvc("status").stdout.strip() == "Data and pipelines are up to date."
    assert built.git("status", "--porcelain") == ""
    built.dvc("exp", "apply", "less-penalty")
    assert "alpha: 0.5" in (built.path / "params.yaml").read_text()
    assert "less-penalty" in built.dvc("exp", "show", "--only-changed").stdout


def test_benchmarks_that_are_described_can_be_run() -> None:
    described = re.findall(r"`python -m benchmarks\.(\w+)`", text_of("benchmarks/README.md"))
    modules = (ROOT / "benchmarks").glob("[a-z]*.py")
    scripts = {path.stem for path in modules if "__main__" in path.read_text(encoding="utf-8")}
    assert set(described) == scripts
    headings = anchors(text_of("benchmarks/README.md"))
    assert scripts <= headings


@pytest.mark.slow
def test_surface_benchmark_compares_equal_errors(project: Project) -> None:
    printed = project.run("python", "-m", "benchmarks.surface", "5000", check=True).stdout
    difference = re.search(r"largest relative difference of an error (\S+)", printed)
    assert difference is not None, printed
    assert float(difference[1]) < 1e-10
    assert re.search(r"ratio \d+\.\d", printed)
