"""Rebuild everything in a clean clone and compare it with dvc.lock; exit 1 names the first stage that differs.

The last commit is cloned to a temporary folder and run with `dvc repro --force`: from the source where it cannot have
changed (embedded, pinned by sha256, or files that git or `dvc add` tracks), else from data/raw in DVC's cache.
`--tolerance 1e-9` is for another Python or platform, whose last bits and pickles differ: it compares the numbers in
metrics, plots and scorecard to that tolerance, and all else in them and the tables of rows exactly.
`--serving` rebuilds nothing: it sends the table's own source through the web app and tools/predict, and compares them
row by row with the model (tools/check_serving.py).
Run: make verify
"""

import argparse
import csv
import math
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages.utils.errors import PipelineError
from stages.utils.files import read_json
from tools.check_serving import check_serving
from tools.commands import failure_in_one_line, git, run
from tools.dvc_cache import cache_dir, is_intact, object_path
from webapp.pin import PinError

SECONDS = 6 * 3600  # for a rebuild

Values = dict[str, dict[str, dict[str, Any]]]  # by stage, path, and place in the file


def read_lock(folder: Path) -> dict[str, dict[str, str]]:
    """Read the md5 of each output in dvc.lock, by stage, in the order in which the stages run."""
    stages = YAML(typ="safe", pure=True).load(folder / "dvc.lock")["stages"]
    order = YAML(typ="safe", pure=True).load(folder / "dvc.yaml")["stages"]
    return {name: {out["path"]: out["md5"] for out in stages[name]["outs"]} for name in order}


def is_repeatable(folder: Path) -> bool:
    """Return True if ingest is certain to read the same bytes again."""
    source = YAML(typ="safe", pure=True).load(folder / "config.yaml")["source"]
    scheme, separator, _ = source["uri"].partition("://")
    if not separator or scheme == "file":  # under data/source: in the clone, if anything tracks it
        return any(file.name != ".gitkeep" for file in (folder / "data/source").iterdir())
    return scheme == "sklearn" or bool(source.get("sha256"))


def pull_from_cache(clone: Path, path: str) -> None:
    """Check an output out in the clone from this checkout's cache, every byte verified.

    Raises:
        PipelineError: it is not there.
    """
    try:
        run("dvc", "pull", "--quiet", "--remote", "here", path, cwd=clone)
    except PipelineError:
        raise PipelineError(f"{path} is missing or damaged in the cache; run `make pull TARGETS={path}`") from None


def rebuild(clone: Path) -> None:
    """Run the pipeline in the clone, from the source or from data/raw.

    Raises:
        PipelineError: it failed, or data/raw is not in the cache.
    """
    run("dvc", "config", "--local", "cache.dir", "cache", cwd=clone)  # its own, whatever the user's settings say
    run("dvc", "remote", "add", "--local", "--quiet", "here", cache_dir().parent.parent.resolve(), cwd=clone)
    run("dvc", "remote", "modify", "--local", "here", "verify", "true", cwd=clone)
    for pointer in sorted((clone / "data/source").glob("*.dvc")):
        pull_from_cache(clone, str(pointer.relative_to(clone)))
    stages = []
    if not is_repeatable(clone):
        pull_from_cache(clone, "data/raw")
        stages = ["--downstream", "validate"]
    run("dvc", "repro", "--force", *stages, cwd=clone, shown=True, seconds=SECONDS)


def differing_hashes(old: dict[str, dict[str, str]], new: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield stage and path of every output whose md5 differs, in the order of the stages."""
    for stage, outs in old.items():
        yield from ((stage, path) for path, md5 in outs.items() if new[stage].get(path) != md5)


def read_values(folder: Path, lock: dict[str, dict[str, str]]) -> Values:
    """Read each JSON and CSV output, and the hash of each table of rows, which must not differ at all.

    Outputs that git lacks come from the cache; what is in neither is left out.

    Raises:
        PipelineError: an output is damaged in the cache.
    """
    values: Values = {}
    for stage, outs in lock.items():
        values[stage] = {path: {"": md5} for path, md5 in outs.items() if is_table(path)}
        for path, md5 in outs.items():
            if Path(path).suffix in READERS:
                file = folder / path
                if not file.exists():
                    file = object_path(md5)
                    if file.exists() and not is_intact(md5):
                        raise PipelineError(f"{path} is damaged in the cache; run `make pull TARGETS={path}`")
                if file.exists():
                    values[stage][path] = dict(leaves(READERS[Path(path).suffix](file)))
    return values


def is_table(path: str) -> bool:
    """Return True for the folders of parts, which hold rows as read: their bytes are the same with every Python."""
    return path.startswith("data/") and not Path(path).suffix


def differing_values(old: Values, new: Values, tolerance: float) -> Iterator[tuple[str, str]]:
    """Yield stage and place of every value that differs by more than the tolerance, in the order of the stages."""
    for stage, files in old.items():
        for path, before in files.items():
            after = new[stage].get(path, {})
            for at in sorted(before.keys() | after.keys()):
                if not alike(before.get(at), after.get(at), tolerance):
                    yield stage, f"{path}{at}: {before.get(at)} became {after.get(at)}"


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf of a JSON value with its path, but for the hashes of files, which change with any number."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            if key != "made_from":
                yield from leaves(item, f"{at}.{key}")
    else:
        yield at, value


def alike(old: Any, new: Any, tolerance: float) -> bool:
    """Compare two values, numbers to a relative tolerance (absolute below 1)."""
    try:
        return math.isclose(float(old), float(new), rel_tol=tolerance, abs_tol=tolerance)
    except (TypeError, ValueError):
        return bool(old == new)


def read_csv(path: Path) -> list[list[str]]:
    """Read the cells of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


READERS = {".json": read_json, ".csv": read_csv}


def verify(tolerance: float | None) -> str:
    """Rebuild and compare; return one line about what is the same.

    Raises:
        PipelineError: the rebuild failed, or something differs.
    """
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch, "clone")
        git("clone", "--quiet", ".", clone)
        lock = read_lock(clone)
        before = {} if tolerance is None else read_values(clone, lock)
        rebuild(clone)
        rebuilt = read_lock(clone)
        if tolerance is None:
            differences = list(differing_hashes(lock, rebuilt))
        else:
            differences = list(differing_values(before, read_values(clone, rebuilt), tolerance))
    if differences:
        stage, what = differences[0]
        more = f" ({len(differences) - 1} more differ)" if len(differences) > 1 else ""
        raise PipelineError(f"stage {stage} is the first that differs: {what}{more}")
    if tolerance is None:
        return f"{sum(map(len, lock.values()))} outputs of {len(lock)} stages have the same bytes"
    paths = [path for outs in lock.values() for path in outs if is_table(path) or Path(path).suffix in READERS]
    absent = [path for path in paths if not any(path in files for files in before.values())]
    note = f"; not here, so not compared: {', '.join(absent)}" if absent else ""
    return f"{len(paths) - len(absent)} tables, JSON and CSV files have the same numbers to {tolerance:g}{note}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="verify", description="Rebuild in a clean clone and compare with dvc.lock.")
    parser.add_argument("--tolerance", type=float, help="compare numbers to this relative tolerance, not hashes")
    parser.add_argument(
        "--serving", action="store_true", help="rebuild nothing; compare serving with the model instead"
    )
    arguments = parser.parse_args()
    with failure_in_one_line("verify", (PipelineError, PinError)):
        if git("status", "--porcelain", "--untracked-files=no") and not arguments.serving:
            print("verify: uncommitted changes are left out", file=sys.stderr)
        print(f"verify: {check_serving() if arguments.serving else verify(arguments.tolerance)}")


if __name__ == "__main__":
    main()
