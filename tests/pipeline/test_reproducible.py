"""Same bytes everywhere: other threads, CPU kernels, locales, paths, numbers of workers and backends."""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from tests.helpers.documents import EACH_STAGE, commands
from tests.helpers.pipeline import STAGES, SURROUNDINGS, TO_EXPORT, digests, locked, pin
from tests.helpers.project import RESULTS, ROOT, Project

# ---------------------------------------------------------------- surroundings


@pytest.mark.slow
def test_forced_repro_leaves_git_clean(built: Project) -> None:
    """The fixture has run `dvc repro --force` in a fresh copy of the checkout, and committed what that changed."""
    if sys.version_info[:2] == tuple(map(int, (ROOT / ".python-version").read_text().split("."))):
        assert RESULTS not in built.git("log", "--stat"), "run `make repro` and commit dvc.lock, metrics and plots"
    assert built.git("status", "--porcelain", "--untracked-files=all") == ""
    assert {file for file in digests(built) if file.startswith("models/")} == {
        f"models/{name}"
        for name in (
            "MODEL_CARD.md",
            "features.joblib",
            "folds.joblib",
            "intervals.json",
            "model.joblib",
            "pairs.joblib",
            "scorecard.json",
        )
    }


@pytest.mark.slow
def test_surroundings_do_not_change_a_byte(built: Project, new_project: Callable[..., Project]) -> None:
    """Nor does the absence of DVC: the loop that docs/how-it-works.md shows writes what it has pinned.

    The other surroundings are those of tests/tools/test_verify.py.
    """
    other = new_project("a copy in Kathmandu ☂ ñ")
    declared = YAML(typ="safe").load(other.path / "dvc.yaml")["stages"]
    assert [declared[name]["cmd"] for name in STAGES] == [f"python -m stages.{name}" for name in STAGES]
    writers = {out: place for place, stage in enumerate(STAGES.values()) for out in stage.outs}
    for place, stage in enumerate(STAGES.values()):
        assert all(writers[dep] < place for dep in stage.deps & writers.keys()), (
            "no stage reads what a later one writes"
        )
    assert EACH_STAGE in commands("docs/how-it-works.md")
    other.run("bash", "-euc", EACH_STAGE, env=SURROUNDINGS["Kathmandu"], check=True)
    assert {name: {out: pin(other.path / out) for out in outs} for name, outs in locked(built).items()} == locked(built)
    assert digests(other) == digests(built)
    results = (":!metrics", ":!models", ":!plots")  # compared above; another Python than that of git has others
    assert other.git("status", "--porcelain", "--untracked-files=all", "--", *results) == ""


@pytest.mark.slow
def test_second_repro_does_nothing(built: Project) -> None:
    before, logs = digests(built), digests(built, "logs")
    done = built.dvc("repro")
    assert "Running stage" not in done.stdout
    assert done.stdout.count("didn't change, skipping") == len(STAGES)
    assert "Data and pipelines are up to date." in done.stdout
    assert digests(built) == before
    assert digests(built, "logs") == logs
    assert built.dvc("status").stdout.strip() == "Data and pipelines are up to date."


AVX512 = """
import json, os, sys
if sys.argv[1] == "hidden":
    import stages
import numpy as np
values = np.random.default_rng(0).normal(size=100_000)
results = np.exp(values).tobytes() + np.log(np.abs(values)).tobytes()
import hashlib
print(json.dumps(hashlib.md5(results).hexdigest()))
"""


@pytest.mark.slow
def test_avx512_is_hidden(built: Project) -> None:
    """The package hides AVX-512 from numpy; the test shows what it would change by not hiding it."""
    info = Path("/proc/cpuinfo")
    if not info.exists() or "avx512f" not in info.read_text():
        pytest.skip("this CPU has no AVX-512")
    clean = {"NPY_DISABLE_CPU_FEATURES": ""}
    visible, hidden = (
        json.loads(built.run("python", "-c", AVX512, how, check=True, env=clean).stdout)
        for how in ("visible", "hidden")
    )
    by_hand = {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR"}
    assert json.loads(built.run("python", "-c", AVX512, "visible", check=True, env=by_hand).stdout) == hidden
    assert visible != hidden, "numpy's loops give the same bits: hiding AVX-512 is of no use any more"


def test_package_overrules_the_environment(project: Project) -> None:
    """Importing the package sets what decides the last bits, before numpy is imported."""
    code = (
        "import json, os, sys, stages; assert 'numpy' not in sys.modules;"
        "import numpy, threadpoolctl;"
        "numpy.ones((999, 999)) @ numpy.ones((999, 999));"  # numpy 2.5.2 to 2.5.5 crash here
        "from numpy._core._multiarray_umath import __cpu_features__ as cpu;"
        "[blas] = [pool for pool in threadpoolctl.threadpool_info() if pool['user_api'] == 'blas'];"
        "names = [name for name in ('X86_V4', 'AVX512_ICL', 'AVX512_SPR') if cpu[name]];"
        "print(json.dumps([blas['num_threads'], blas['architecture'], names, cpu['X86_V3']]))"
    )
    hostile = {**SURROUNDINGS["Kathmandu"], "NPY_ENABLE_CPU_FEATURES": "X86_V2"}
    hostile.pop("NPY_DISABLE_CPU_FEATURES")
    threads, kernel, avx512, v3 = json.loads(project.run("python", "-c", code, check=True, env=hostile).stdout)
    assert threads == 1
    assert kernel == "Haswell"
    assert avx512 == []
    assert v3


# ---------------------------------------------------------------- workers, backends, parts


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "workers", "stages"),
    [
        ("processes", 2, ("split", "explore", "evaluate")),
        ("processes", 3, ("validate", "features")),
        ("threads", 3, ("validate", "features", "evaluate")),
    ],
)
def test_workers_do_not_change_a_byte(
    in_parts: Project, tmp_path: Path, backend: str, workers: int, stages: tuple[str, ...]
) -> None:
    """Of the stages that work on parts; the others read nothing of `compute` but part_rows (see test_declared)."""
    expected = digests(in_parts)
    assert sum(name.startswith("data/train/part-") for name in expected) == 9
    other = in_parts.copy_to(tmp_path / "other")
    other.edit("config.yaml", compute__backend=backend, compute__workers=workers)
    for stage in stages:
        other.stage(stage, check=True)
        assert digests(other) == expected, stage


def numbers(value: Any, at: str = "") -> dict[str, Any]:
    """Every leaf of a JSON value by its path; hashes of files are left out."""
    if isinstance(value, dict):
        items = [(f"{at}.{key}", item) for key, item in value.items() if key != "made_from"]
    elif isinstance(value, list):
        items = [(f"{at}.{position}", item) for position, item in enumerate(value)]
    else:
        return {at: value}
    return {path: leaf for key, item in items for path, leaf in numbers(item, key).items()}


def check_agreement(found: Project, expected: Project) -> None:
    """The metrics and the scorecard are equal, floats to 1e-10."""
    names = [name for name in digests(expected, "metrics") if name.endswith(".json")]
    assert len(names) == 7
    for name in [*names, "models/scorecard.json"]:
        new, old = (numbers(json.loads((project.path / name).read_text())) for project in (found, expected))
        assert new.keys() == old.keys(), name
        for key, value in old.items():
            if isinstance(value, float):
                assert math.isclose(new[key], value, rel_tol=1e-10, abs_tol=1e-12), f"{name}{key}"
            else:
                assert new[key] == value, f"{name}{key}"


@pytest.mark.slow
def test_one_part_agrees_with_many(in_parts: Project, built: Project) -> None:
    assert len(digests(built, "data/raw")) == 1
    check_agreement(built, in_parts)
    assert digests(built)["data/moments.npz"] != digests(in_parts)["data/moments.npz"], "not by having one part too"
    built.edit("config.yaml", compute__part_rows=1_000_000)
    before = digests(built)
    built.stages("ingest")
    assert digests(built) == before, "one part is one part"


@pytest.mark.slow
def test_tiny_parts_agree_with_larger_ones(in_parts: Project, project: Project) -> None:
    """The last of them has a row, which is a test row: a part may have no training row at all."""
    project.edit("config.yaml", compute__part_rows=21, compute__workers=1)
    project.stages(*TO_EXPORT)
    assert len(digests(project, "data/raw")) == 22
    assert any(len(pd.read_parquet(part)) == 0 for part in (project.path / "data/train").iterdir())
    check_agreement(project, in_parts)
