"""The finished runs that DVC knows, from its own files: the workspace, every commit, every experiment."""

import hashlib
import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from tools.git import git

LAST = ("train", "evaluate")  # a run is finished when these are locked
TABLES = ("data/raw", "data/train", "data/test")
MODEL = "models/model.joblib"
METRICS = ("metrics/train.json", "metrics/test.json")
EXPERIMENT = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38})/(.+)")


class Source(NamedTuple):
    """Where a run is found: a commit, or the workspace (no commit)."""

    commit: str | None
    baseline: str | None  # of an experiment
    name: str
    seconds: int  # since 1970


class Run(NamedTuple):
    """A finished run."""

    content: str  # the same content is the same run
    source: Source
    params: dict[str, Any]
    metrics: dict[str, float]
    md5s: dict[str, str]  # of each output of each stage

    def export(self, target: Path) -> None:
        """Write the run's params, lock, metrics and plots to a folder."""
        wanted = ["dvc.lock", "params.yaml", "metrics", "plots"]
        if self.source.commit:
            wanted = git("ls-tree", "--name-only", self.source.commit, *wanted).splitlines()
            archive = subprocess.run(["git", "archive", self.source.commit, *wanted], capture_output=True, check=True)
            subprocess.run(["tar", "-x", "-C", target], input=archive.stdout, check=True)
        else:
            subprocess.run(["cp", "-R", *wanted, target], check=True)


def finished_runs() -> list[Run]:
    """One run for each content, under the most telling name: an experiment's, else a commit's, else the workspace."""
    runs: dict[str, Run] = {}
    sources = [*experiments(), *commits(), Source(None, None, "workspace", int(time.time()))]
    for source, files in zip(sources, contents(sources), strict=True):
        run = finished(source, files)
        if run:
            runs.setdefault(run.content, run)
    return list(runs.values())


def experiments() -> Iterator[Source]:
    """Every experiment of every commit."""
    for line in git(
        "for-each-ref", "--format=%(objectname) %(committerdate:unix) %(refname)", "refs/exps"
    ).splitlines():
        commit, seconds, ref = line.split()
        if match := EXPERIMENT.fullmatch(ref):
            yield Source(commit, match[1] + match[2], match[3], int(seconds))


def commits() -> Iterator[Source]:
    """Every commit of a branch or a tag that has changed dvc.lock, newest first."""
    listing = git("log", "--branches", "--tags", "HEAD", "--format=%H %ct", "--", "dvc.lock")
    for line in listing.splitlines():
        commit, seconds = line.split()
        yield Source(commit, None, commit[:7], int(seconds))


def contents(sources: list[Source]) -> Iterator[dict[str, bytes]]:
    """The bytes of dvc.lock and the metrics of each source (what is not there is left out)."""
    paths = ["dvc.lock", *METRICS]
    request = "".join(f"{source.commit}:{path}\n" for source in sources if source.commit for path in paths)
    output = subprocess.run(["git", "cat-file", "--batch"], input=request.encode(), capture_output=True, check=True)
    at = 0
    for source in sources:
        files = {}
        for path in paths:
            if source.commit is None:
                if Path(path).exists():
                    files[path] = Path(path).read_bytes()
                continue
            end = output.stdout.index(b"\n", at)
            header, at = output.stdout[at:end], end + 1
            if not header.endswith(b" missing"):
                size = int(header.split()[-1])
                files[path] = output.stdout[at : at + size]
                at += size + 1
        yield files


def finished(source: Source, files: dict[str, bytes]) -> Run | None:
    """The run of a source, if its lock is complete and its metrics are those that the lock names."""
    if {"dvc.lock", *METRICS} - files.keys():
        return None
    stages = (YAML(typ="safe").load(files["dvc.lock"].decode()) or {}).get("stages", {})
    if set(LAST) - stages.keys():
        return None
    md5s = {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", []) if "md5" in out}
    if not {*TABLES, MODEL} <= md5s.keys():
        return None
    if any(hashlib.md5(files[path]).hexdigest() != md5s.get(path) for path in METRICS):
        return None
    text = json.dumps({name: stages[name] for name in LAST}, sort_keys=True, default=str)
    params = {
        key: value
        for stage in stages.values()
        for section, values in stage.get("params", {}).get("params.yaml", {}).items()
        for key, value in flat(values, section)
    }
    metrics = {
        key: float(value)
        for path in METRICS
        for key, value in flat(json.loads(files[path]), Path(path).stem)
        if isinstance(value, bool | int | float)
    }
    return Run(hashlib.sha256(text.encode()).hexdigest(), source, params, metrics, md5s)


def flat(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """`train.alpha` and its value, for nested dictionaries."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from flat(item, f"{key}.{name}")
    else:
        yield key, value
