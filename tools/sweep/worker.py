"""One worker of a sweep: runs experiments, one after the other, in a checkout of its own.

Started by tools.sweep as `python -m tools.sweep.worker REPOSITORY CHECKOUT BASELINE`. Reads a line of JSON for each
experiment (its name and overrides) and answers with one: its commit and the seconds it took, or why it failed.

An experiment is what `dvc exp run` makes of it: params.yaml changed by DVC, `dvc repro` in the checkout, everything
that git tracks committed on top of the baseline under refs/exps/. What is spared is what `dvc exp run` does to protect
the workspace (stash, checkout, commit, and their undoing), which costs as much again as a stage.
"""

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage import PipelineStage
from dvc.stage.serialize import to_lockfile
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import dumps_yaml

from stages.utils.parent_death import die_with_parent
from tools.git import experiment_ref, git

TARGETS = ["evaluate"]  # what is left is run for the one experiment that is applied


def main() -> None:
    die_with_parent()
    repository, checkout, baseline = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    with stdout_for_answers(checkout.with_suffix(".log")) as answers:
        repo = prepare(repository, checkout, baseline)
        params = Path("params.yaml").read_bytes()
        for line in sys.stdin:
            task = json.loads(line)
            start = time.monotonic()
            Path("params.yaml").write_bytes(params)
            try:
                apply_overrides("params.yaml", task["overrides"])
                environment = {"DVC_EXP_NAME": task["name"], "DVC_EXP_BASELINE_REV": baseline}
                write_lock(repo.reproduce(TARGETS, run_env=environment, repro_fn=PipelineStage.reproduce))
                answer: dict[str, Any] = {"commit": commit(repository, baseline, task["name"])}
            except DvcException as error:
                answer = {"error": reason(error)}
                git("reset", "--quiet", "--hard")
            answer["seconds"] = time.monotonic() - start
            print(json.dumps(answer), file=answers, flush=True)


@contextmanager
def stdout_for_answers(log: Path) -> Iterator[Any]:
    """Yield what stdout was; what DVC and the stages print goes to the end of `log`."""
    with os.fdopen(os.dup(1), "w") as answers, log.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        yield answers


def prepare(repository: Path, checkout: Path, baseline: str) -> Repo:
    """Check out the baseline with its data and make it the working directory; it shares DVC's cache and settings."""
    shutil.rmtree(checkout, ignore_errors=True)
    git("clone", "--quiet", "--shared", "--no-checkout", repository, checkout)
    git("-C", checkout, "checkout", "--quiet", "--detach", baseline)
    local = repository / ".dvc/config.local"
    if local.exists():
        shutil.copy2(local, checkout / ".dvc")
    with Repo(str(repository)) as original:
        cache = original.cache.local_cache_dir
    os.chdir(checkout)
    with Repo() as repo, repo.config.edit("local") as settings:
        settings.setdefault("cache", {})["dir"] = cache
        settings.setdefault("core", {})["site_cache_dir"] = str(checkout / ".dvc/tmp/site")  # goes with the checkout
    repo = Repo()
    repo.checkout(TARGETS, with_deps=True, force=True, allow_missing=True)
    for source in (repository / "data/source").rglob("*"):  # tables that neither git nor DVC keeps
        here = checkout / source.relative_to(repository)
        if source.is_file() and not here.exists():
            here.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, here)
    return repo


def write_lock(stages: list[PipelineStage]) -> None:
    """Put the stages that have run into dvc.lock, in the bytes that DVC would write.

    DVC itself, after each stage, parses the whole file with its comments and writes it anew: a tenth of an experiment.
    """
    text = Path("dvc.lock").read_text(encoding="utf-8")
    for stage in stages:
        place = re.search(rf"^  {stage.name}:\n(?:    .*\n)+", text, re.MULTILINE)
        if place is None:  # the baseline has never run it
            stage.dump(update_pipeline=False)
            text = Path("dvc.lock").read_text(encoding="utf-8")
        else:
            entry = dumps_yaml({"stages": to_lockfile(stage)}).removeprefix("stages:\n")
            text = text[: place.start()] + entry + text[place.end() :]
            Path("dvc.lock").write_text(text, encoding="utf-8")


def commit(repository: Path, baseline: str, name: str) -> str:
    """Commit what git tracks here to the repository itself, as DVC keeps an experiment; returns the commit."""
    index = {"GIT_INDEX_FILE": str(Path(".git/index").resolve())}
    there = (f"--git-dir={git('-C', repository, 'rev-parse', '--absolute-git-dir')}", "--work-tree=.")
    git(*there, "add", "--all", env=index)
    tree = git(*there, "write-tree", env=index)
    made = git(*there, "commit-tree", tree, "-p", baseline, "-m", f"dvc: commit experiment {name}")
    git(*there, "update-ref", experiment_ref(baseline, name), made)
    return made


def reason(error: BaseException) -> str:
    """Why an experiment failed: the last cause that DVC names, and what the stage itself said in its log."""
    while error.__cause__ is not None:
        error = error.__cause__
    said = [" ".join(str(error).split())]
    stage = re.search(r"python -m stages\.(\w+)", said[0])
    log = Path("logs", f"{stage[1]}.log") if stage else None
    if log and log.exists():
        lines = (line.partition(" ERROR ")[2].strip() for line in log.read_text(encoding="utf-8").splitlines())
        said += [line for line in lines if line][:1]
    return ": ".join(said)


if __name__ == "__main__":
    main()
