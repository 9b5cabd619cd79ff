"""Fixtures that several rooms share: fresh projects and built ones."""

import compileall
import fcntl
import os
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # so that the tests' own make commands are not part of `make test`
    os.environ.pop(name, None)
os.environ["LOKY_MAX_CPU_COUNT"] = "1"  # what `compute.workers: auto` means here: pytest's workers use the cores
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # every process would compile the stages again
signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it, and so do its children

# Importing the package fixes BLAS threads and numpy's CPU dispatch; it has to come before numpy in this process too.
import stages  # noqa: E402,F401  # isort: skip
from tests.helpers.pipeline import DRAWING, TO_EXPORT, edit_stages  # noqa: E402
from tests.helpers.project import (  # noqa: E402
    RESULTS,
    SHARED_DATA,
    SHARED_TABLES,
    WITHOUT_MLFLOW,
    MakeOnce,
    Project,
    Workspace,
    copy_checkout,
    new_workspace,
)

GRID = ("train.alpha=0.02,0.2", "train.l1_ratio=0.1,0.9")  # that of docs/sweeps-and-tracking.md


def pytest_xdist_auto_num_workers() -> int:
    """Run one worker more than there are cores: many tests wait for a server, a disk or a kill."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the modules to the workers, those with slow tests first: at the end no worker waits for a long test.

    `--dist worksteal` gives each worker as many tests in a row, and later takes from the end of the longest queue.
    """
    if (workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))) > 1:
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        modules = sorted(dict.fromkeys(item.path for item in items), key=lambda path: path not in slow)
        places = {path: (number % workers, number) for number, path in enumerate(modules)}
        items.sort(key=lambda item: places[item.path])


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> MakeOnce:
    """Makes a project once for all workers: the first to ask for it makes it. Copy it before you change it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def make(name: str, build: Callable[[Project], object]) -> Project:
        path, done = shared / name, shared / f"{name}.done"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(path, ignore_errors=True)  # an attempt that failed
                copy_checkout(path)
                build(Project(path))
                done.touch()
        return Project(path)

    return make


@pytest.fixture(scope="session")
def template(make_once: MakeOnce) -> Path:
    """A fresh copy of the repository; not to be changed."""
    return make_once("template", lambda project: compileall.compile_dir(project.path / "stages", quiet=1)).path


@pytest.fixture(scope="session")
def built_template(make_once: MakeOnce) -> Path:
    """A copy of the repository after `dvc repro --force`; not to be changed."""

    def build(project: Project) -> None:
        project.dvc("repro", "--force")
        if project.git("status", "--porcelain", "--untracked-files=all"):
            project.git("add", "-A")
            project.git("commit", "-q", "--amend", "-m", RESULTS)

    return make_once("built", build).path


@pytest.fixture(scope="session")
def undrawn_template(make_once: MakeOnce, built_template: Path) -> Path:
    """The built template, whose pipeline lacks the stages that draw; not to be changed."""

    def build(project: Project) -> None:
        shutil.rmtree(project.path)
        edit_stages(Project(built_template).copy_to(project.path), *DRAWING)

    return make_once("undrawn", build).path


@pytest.fixture(scope="session")
def swept_template(make_once: MakeOnce, undrawn_template: Path) -> Path:
    """An undrawn project after a sweep of GRID; logs/sweep.out and .err have what it printed. Not to be changed."""

    def build(project: Project) -> None:
        shutil.rmtree(project.path)
        Project(undrawn_template).copy_to(project.path)
        done = project.run("python", "-m", "tools.sweep", *GRID, env=WITHOUT_MLFLOW, check=True)
        (project.path / "logs/sweep.out").write_text(done.stdout)
        (project.path / "logs/sweep.err").write_text(done.stderr)

    return make_once("swept", build).path


@pytest.fixture
def in_parts(make_once: MakeOnce) -> Project:
    """Nine parts of 50 rows, run by one worker up to the export, and explored; DVC remembers it. Not to be changed."""

    def build(project: Project) -> None:
        project.edit("config.yaml", compute__part_rows=50, compute__workers=1)
        project.stages(*TO_EXPORT, "explore")
        project.dvc("commit", "--force", *TO_EXPORT)

    return make_once("in_parts", build)


@pytest.fixture
def adopted(make_once: MakeOnce) -> Callable[[str], Project]:
    """Gives the project of a shared table: adopted, and built as far as the scorecard; not to be changed.

    logs/adopt.out has what adopt printed, and git's HEAD what it wrote. Of the l1_ratios only the one that gives the
    lowest CV error is searched, which halves the time of train: a search of all finds the same model, or a better one.
    """

    def build(name: str, project: Project) -> None:
        file, target, l1_ratio = SHARED_TABLES[name]
        done = project.run("python", "-m", "tools.adopt", SHARED_DATA / file, "--target", target, check=True)
        (project.path / "logs").mkdir()
        (project.path / "logs/adopt.out").write_text(done.stdout)
        project.git("commit", "-qam", "Use a shared table")
        project.edit("params.yaml", train__l1_ratios=[l1_ratio])
        project.stages(*TO_EXPORT)

    return lambda name: make_once(f"adopted_{name}", partial(build, name))


@pytest.fixture
def new_project(template: Path, tmp_path: Path) -> Callable[..., Project]:
    """Makes fresh projects (nothing built), each under a name of its own."""

    def make(name: str = "project") -> Project:
        return Project(template).copy_to(tmp_path / name)

    return make


@pytest.fixture
def project(new_project: Callable[..., Project]) -> Project:
    """A fresh project, nothing built."""
    return new_project()


@pytest.fixture
def built(built_template: Path, tmp_path: Path) -> Project:
    """A project with everything built and cached."""
    return Project(built_template).copy_to(tmp_path / "built")


@pytest.fixture
def undrawn(undrawn_template: Path, tmp_path: Path) -> Project:
    """A project with everything built and cached, whose pipeline draws nothing: for tests that run much of it."""
    return Project(undrawn_template).copy_to(tmp_path / "undrawn")


@pytest.fixture
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The settings in an empty folder, for stages that run in this process."""
    return new_workspace(tmp_path_factory.mktemp("workspace"))


@pytest.fixture
def in_project(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A fresh project that is also this process's working directory."""
    monkeypatch.chdir(project.path)
    return project
