"""The finished runs that DVC knows, from git: the experiments, the commits, and the workspace."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pygit2
from dvc.utils.flatten import flatten
from ruamel.yaml import YAML

from stages.utils.metrics_files import EvaluationMetrics, TrainMetrics
from tools.commands import git

LAST = ("train", "evaluate")  # a run is finished when these are in dvc.lock
TABLES = ("data/raw", "data/train", "data/test")
MODEL = "models/model.joblib"
METRICS = (str(TrainMetrics.path), str(EvaluationMetrics.path))


class Source(NamedTuple):
    """A commit that may hold a run: an experiment (of a baseline), a commit of a branch or tag, or the workspace."""

    commit: str
    seconds: int  # since 1970
    name: str
    baseline: str = ""


class Run(NamedTuple):
    """A finished run."""

    content: str  # the hash that identifies it
    source: Source
    params: dict[str, Any]
    metrics: dict[str, float]
    md5s: dict[str, str]  # of each output of each stage

    def export(self, target: Path) -> None:
        """Write the run's params, lock, metrics and plots to a folder."""
        wanted = git("ls-tree", "--name-only", self.source.commit, "dvc.lock", "params.yaml", "metrics", "plots")
        with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
            git("archive", f"--output={archive.name}", self.source.commit, *wanted.splitlines())
            shutil.unpack_archive(archive.name, target, filter="data")


def finished_runs() -> list[Run]:
    """List one run for each content, under its best name: the experiment's, else the commit's, else the workspace."""
    repository = pygit2.Repository(".")
    runs: dict[str, Run] = {}
    for source in (*experiments(), *commits(), *workspace()):
        run = read_run(repository, source)
        if run:
            runs.setdefault(run.content, run)
    return list(runs.values())


def experiments() -> Iterator[Source]:
    """List DVC's experiments, those of all commits: refs/exps/BA/SELINE/NAME."""
    form = "%(objectname) %(committerdate:unix) %(refname)"
    for line in git("for-each-ref", f"--format={form}", "refs/exps").splitlines():
        commit, seconds, ref = line.split()
        _, _, head, tail, *name = ref.split("/", 4)
        if name and len(head + tail) == 40:
            yield Source(commit, int(seconds), name[0], head + tail)


def commits() -> Iterator[Source]:
    """List the commits of branches and tags that changed dvc.lock, newest first."""
    for line in git("log", "--branches", "--tags", "HEAD", "--format=%H %ct", "--", "dvc.lock").splitlines():
        commit, seconds = line.split()
        yield Source(commit, int(seconds), commit[:7])


def workspace() -> Iterator[Source]:
    """Give the workspace as a commit of its own, which no ref holds, if it differs from the last one."""
    if git("status", "--porcelain", "--untracked-files=no"):
        commit = git("stash", "create")  # stashes nothing
        yield Source(commit, int(git("show", "--no-patch", "--format=%ct", commit)), "workspace")


def read_run(repository: pygit2.Repository, source: Source) -> Run | None:
    """Read the run of a source; None unless its lock is complete and its metrics are those that the lock names."""
    try:
        names = ("dvc.lock", *METRICS)
        files = {name: repository.revparse_single(f"{source.commit}:{name}").read_raw() for name in names}
    except KeyError:
        return None
    stages = (YAML(typ="safe").load(files["dvc.lock"].decode()) or {}).get("stages", {})
    md5s = {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", []) if "md5" in out}
    if not ({*LAST} <= stages.keys() and {*TABLES, MODEL} <= md5s.keys()):
        return None
    if any(hashlib.md5(files[path]).hexdigest() != md5s.get(path) for path in METRICS):
        return None
    text = json.dumps({name: stages[name] for name in LAST}, sort_keys=True, default=str)
    params = [stage.get("params", {}).get("params.yaml", {}) for stage in stages.values()]
    metrics = {Path(path).stem: json.loads(files[path]) for path in METRICS}
    return Run(
        hashlib.sha256(text.encode()).hexdigest(),
        source,
        {key: value for section in params for key, value in flatten(section).items()},
        {key: float(value) for key, value in flatten(metrics).items() if isinstance(value, bool | int | float)},
        md5s,
    )
