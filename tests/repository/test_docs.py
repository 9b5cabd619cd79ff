"""README and docs say what is so: links, files, figures, the diagram; and every command of a page works, in order."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.table.schema import TableSchema
from tests.helpers.documents import SERVERS, anchors, blocks, commands, text_of, walk
from tests.helpers.pipeline import declared
from tests.helpers.project import ROOT, SHARED_DATA, WITHOUT_MLFLOW, Project
from tests.helpers.servers import client, environment, s3_server
from tools import summary

PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md"))]
DOCUMENTS = [
    *PAGES,
    *("CONTRIBUTING.md", "benchmarks/README.md", "deploy/README.md", "examples/README.md", "tests/README.md"),
    "models/MODEL_CARD.md",
]
BUCKET = "our-bucket"
UP_TO_DATE = "Data and pipelines are up to date."

# ---------------------------------------------------------------- what a page says


def test_readme_is_short() -> None:
    assert len(text_of("README.md").splitlines()) <= 130


def test_readme_links_to_every_page() -> None:
    for page in PAGES[1:]:
        assert f"]({page})" in text_of("README.md"), page


def test_readme_shows_what_the_summary_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    summary.main()
    shown, *_ = blocks("README.md", "text")
    assert shown.strip("\n") == capsys.readouterr().out.strip("\n"), "copy what `make metrics` prints"


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the table is not on this machine")
@pytest.mark.slow
def test_readme_shows_what_adopt_prints(adopted: Callable[[str], Project]) -> None:
    printed = (adopted("bike").path / "logs/adopt.out").read_text()
    _, shown = blocks("README.md", "text")
    assert [line for line in shown.splitlines() if line not in printed] == []


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


def test_fields_that_are_shown_are_valid() -> None:
    others = [{"name": "x", "type": "number"}, {"name": "y", "type": "number", "role": "target"}]
    for page in ("docs/own-data.md", "docs/effects.md"):
        for block in blocks(page, "yaml"):
            TableSchema.model_validate({"fields": [*YAML(typ="safe").load(block), *others]})


def test_diagram_and_table_are_the_pipeline() -> None:
    [diagram] = blocks("docs/how-it-works.md", "mermaid")
    chains = [line.split(" --> ") for line in map(str.strip, diagram.splitlines()) if "-->" in line]
    assert {pair for chain in chains for pair in pairwise(chain)} == edges_of(ROOT)
    section = text_of("docs/how-it-works.md").split("## The stages")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.M) == list(declared(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(document)):
        if re.match(r"https://", target):
            continue
        path, _, anchor = target.partition("#")
        place = (ROOT / document).parent / path if path else ROOT / document
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


@pytest.mark.parametrize("document", [*PAGES, "CONTRIBUTING.md", "tests/README.md"])
def test_files_that_are_named_exist(document: str) -> None:
    kept_by_dvc = {path for stage in declared(ROOT).values() for path in stage.outs}
    for name in re.findall(r"`([\w./*-]+/[\w./*-]*|\w+\.(?:yaml|py|md))`", text_of(document)):
        if re.match(r"(src|artifacts|(app|main|logger|exception|model_trainer)\.py|logs/|data/|monitoring/)", name):
            continue  # of a classic project, or made by a run
        if "NAME" in name or name.startswith((".venv/", "/")):  # a path of a URL is no file
            continue
        places = (ROOT, (ROOT / document).parent)
        assert name.rstrip("/") in kept_by_dvc or any(list(place.glob(name)) for place in places), name


@pytest.mark.parametrize("document", [*PAGES, "CONTRIBUTING.md", "tests/README.md"])
def test_make_targets_that_are_named_exist(document: str) -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.M)
    named = re.findall(r"`make ([a-z-]+)", text_of(document))
    ran = [command.split()[1] for command in commands(document) if command.startswith("make ")]
    assert {*named, *ran} <= set(targets)


# ---------------------------------------------------------------- what a page tells the reader to run


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """An S3 server with the bucket that docs/shipping.md names."""
    with s3_server() as address:
        client(address).create_bucket(Bucket=BUCKET)
        yield address


@pytest.fixture
def reader(
    page: str, built_template: Path, undrawn_template: Path, s3: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Project:
    """A built project whose owner has a table in ~/Downloads, a bucket and an `origin`.

    Its pipeline draws nothing, but for the page that shows the stages which an experiment runs. On the page on sweeps
    DVC remembers the runs; on all others there is no MLflow.
    """
    tracks = page == "docs/sweeps-and-tracking.md"
    built = Project(built_template if page == "docs/parameters.md" else undrawn_template).copy_to(tmp_path / "built")
    if tracks:
        shutil.rmtree(built.path / ".dvc/cache")
        shutil.copytree(request.getfixturevalue("swept_template") / ".dvc/cache", built.path / ".dvc/cache")
    downloads = tmp_path / "home/Downloads"
    downloads.mkdir(parents=True)
    rows = [f"{n},{n % 7},{n % 24},{2.5 * (n % 7) + (n % 24) + n * 13 % 5}" for n in range(400)]
    (downloads / "hour.csv").write_text("\n".join(["instant,weekday,hr,cnt", *rows]) + "\n")
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "origin.git"], check=True)
    built.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    built.dvc("remote", "modify", "storage", "url", f"s3://{BUCKET}/elsewhere")
    built.git("commit", "-qam", "Use a bucket")
    git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    mlflow = {} if tracks else WITHOUT_MLFLOW
    return Project(built.path, {**environment(s3), **git, **mlflow, "HOME": str(tmp_path / "home")})


def check_parameters(reader: Project, printed: list[str]) -> None:
    """Only what depends on alpha has run, and both an experiment and the last commit come back as they were."""
    _, experiment, difference, plots, table, *_ = printed
    assert re.findall(r"^Running stage '(\w+)'", experiment, re.M) == ["train", "evaluate", "export", "report", "card"]
    assert re.search(r"model\.rmse +[\d.]+ +[\d.]+ +-?[\d.]+", difference)
    assert "index.html" in plots
    assert "less-penalty" in table
    assert "alpha: 0.05" in reader.git("show", "HEAD:params.yaml")
    for commit in ("HEAD", "HEAD~"):
        reader.git("reset", "-q", "--hard", commit)
        reader.dvc("checkout")
        assert reader.dvc("status").stdout.strip() == UP_TO_DATE
        assert reader.git("status", "--porcelain") == ""


def check_own_data(reader: Project, printed: list[str]) -> None:
    """The table has become a model, and is versioned."""
    assert "R²" in printed[1]
    assert "data/source/hour.csv.dvc" in reader.git("ls-files")
    assert reader.dvc("status").stdout.strip() == UP_TO_DATE


def check_effects(reader: Project, printed: list[str]) -> None:
    """The price of the constraint is shown; the exposure is found, and the total is measured."""
    assert "without the monotone constraints of schema.yaml: CV R² 0." in printed[1]
    assert "cv_r2_free" in printed[2]
    assert "\nMonotone by `schema.yaml`, and therefore in no interaction: `bmi` (increasing). " in (
        reader.path / "models/MODEL_CARD.md"
    ).read_text(encoding="utf-8")
    assert "insured_years, `role: exposure`: delete this line if it is a measurement" in printed[4]
    assert "total.model.r2" in printed[-1]


def check_sweeps_and_tracking(reader: Project, printed: list[str]) -> None:
    """The tables shown are those printed, and the branch with the best experiment, its params, is at `origin`."""
    sweep, report = blocks("docs/sweeps-and-tracking.md", "text")
    for shown, found in ((sweep, printed[0]), (report, printed[-2])):
        assert [line for line in anonymous(shown) if line not in anonymous(found)] == []
    assert any("4 of 4 experiments ran before" in text for text in printed), "when the best one is applied"
    assert reader.git("rev-parse", "origin/sparser") == reader.git("rev-parse", "HEAD")
    changed = reader.git("show", "--format=", "--numstat", "HEAD", "--", "params.yaml").split()
    assert changed[:2] == ["2", "2"], "only the lines of alpha and l1_ratio"
    params = (reader.path / "params.yaml").read_text()
    assert "alpha: 0.02 " in params
    assert "# a number, or auto" in params
    assert reader.dvc("status").stdout.strip() == UP_TO_DATE


def anonymous(text: str) -> list[str]:
    """Lines without the names of experiments, which the commit decides."""
    return re.sub(r"sweep-\w{8}", "sweep", text).splitlines()


def check_translate(reader: Project, printed: list[str]) -> None:
    """The model is there in four languages, and Python and JavaScript agree."""
    assert (reader.path / "model.sql").read_text().count("\nSELECT ") == 1
    assert (reader.path / "model.onnx").stat().st_size > 1000
    in_python, in_javascript = (json.loads(text)["prediction"] for text in printed[-2:])
    assert in_python == pytest.approx(in_javascript, rel=1e-12)


def check_web_app(reader: Project, printed: list[str]) -> None:
    """One case gets the same prediction three ways."""
    prediction = str(json.loads(printed[0])["prediction"])
    for file in ("predictions.csv", "answers.csv"):
        assert prediction in (reader.path / file).read_text(), file


def check_shipping(reader: Project, printed: list[str]) -> None:
    """The bucket takes the data and gives them back."""
    doctor, push, pull = printed[2:5]
    assert re.search(r"^ok +s3", doctor, re.M), doctor
    assert push.splitlines()[-1] == "push: done"
    assert pull.splitlines()[-1] == "pull: done"


def check_monitoring(reader: Project, printed: list[str]) -> None:
    """The answer bears the id of the case, and the prediction waits in the spool or is in the log."""
    assert json.loads(printed[0])["id"] == "patient 17"


def check_how_it_works(reader: Project, printed: list[str]) -> None:
    """Nothing was lost, so nothing has changed."""
    assert reader.git("status", "--porcelain") == ""


def check_large_data(reader: Project, printed: list[str]) -> None:
    """Both ways give the same errors."""
    difference = re.search(r"largest relative difference of an error (\S+)", printed[1])
    assert difference is not None, printed
    assert float(difference[1]) < 1e-5  # both stop at a tolerance of 1e-6
    assert re.search(r"ratio \d+\.\d", printed[1])


CHECKS = {
    "docs/effects.md": check_effects,
    "docs/how-it-works.md": check_how_it_works,
    "docs/large-data.md": check_large_data,
    "docs/monitoring.md": check_monitoring,
    "docs/own-data.md": check_own_data,
    "docs/parameters.md": check_parameters,
    "docs/shipping.md": check_shipping,
    "docs/sweeps-and-tracking.md": check_sweeps_and_tracking,
    "docs/translate.md": check_translate,
    "docs/web-app.md": check_web_app,
}


def test_every_page_with_commands_is_walked() -> None:
    assert list(CHECKS) == [page for page in PAGES[1:] if commands(page)]


def test_commands_of_the_readme_are_those_of_the_pages() -> None:
    assert set(commands("README.md")) - {command for page in CHECKS for command in commands(page)} == {"make test"}


@pytest.mark.slow
@pytest.mark.parametrize("page", CHECKS)
def test_commands_of_a_page_work(page: str, reader: Project) -> None:
    ran = walk(page, reader)
    assert [command for command, _ in ran] == [command for command in commands(page) if command not in SERVERS]
    CHECKS[page](reader, [printed for _, printed in ran])


def test_benchmarks_that_are_described_can_be_run() -> None:
    described = re.findall(r"`python -m benchmarks\.(\w+)`", text_of("benchmarks/README.md"))
    modules = (ROOT / "benchmarks").glob("[a-z]*.py")
    scripts = {path.stem for path in modules if "__main__" in path.read_text(encoding="utf-8")}
    scripts |= {path.parent.name for path in (ROOT / "benchmarks").glob("*/__main__.py")}
    assert set(described) == scripts
    assert scripts <= anchors("benchmarks/README.md")
