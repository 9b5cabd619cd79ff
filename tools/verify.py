"""Rebuild everything in a clean clone and compare it with dvc.lock: exit 1 names the first stage that differs.

The last commit is cloned to a temporary folder and run with `dvc repro --force`: from the source where its bytes are
certain (embedded, pinned by sha256, or files that git or `dvc add` tracks), else from data/raw as it lies in the cache.
`--tolerance 1e-6` compares the numbers in metrics, plots and scorecard instead of hashes: for other platforms.
`--serving` rebuilds nothing: it sends the table's own source through the web app and tools/predict, and compares them
row by row with the model (tools/check_serving.py).
Run: make verify
"""

import argparse
import csv
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tools.check_serving import check_serving
from tools.doctor.cache import cache_dir, is_intact, object_path

HOURS = 6  # that a rebuild may take


def run(folder: Path, *command: str) -> None:
    """Run a command in a folder; what it prints is shown.

    Raises:
        SystemExit: it failed or took too long.
    """
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, timeout=HOURS * 3600)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"verify: `{' '.join(command)}` took more than {HOURS} hours") from None
    if done.returncode != 0:
        raise SystemExit(f"verify: `{' '.join(command)}` failed in a clean clone, its lines are above")


def read_lock(folder: Path) -> dict[str, dict[str, str]]:
    """For each stage, in the order in which they run, the md5 of each output in dvc.lock."""
    stages = YAML(typ="safe", pure=True).load(folder / "dvc.lock")["stages"]
    order = YAML(typ="safe", pure=True).load(folder / "dvc.yaml")["stages"]
    return {name: {out["path"]: out["md5"] for out in stages[name]["outs"]} for name in order}


def source_is_certain(folder: Path) -> bool:
    """Whether ingest would read the same bytes again."""
    source = YAML(typ="safe", pure=True).load(folder / "config.yaml")["source"]
    scheme, separator, _ = source["uri"].partition("://")
    if not separator or scheme == "file":  # under data/source: in the clone, if anything tracks it
        return any(file.name != ".gitkeep" for file in (folder / "data/source").iterdir())
    return scheme == "sklearn" or bool(source.get("sha256"))


def bring(clone: Path, path: str) -> None:
    """Check an output out in the clone, from this checkout's cache, every byte verified.

    Raises:
        SystemExit: it is not there.
    """
    done = subprocess.run(["dvc", "pull", "--quiet", "--remote", "here", path], cwd=clone, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SystemExit(f"verify: {path} is not in the cache, or damaged there; run `make pull TARGETS={path}`")


def rebuild(clone: Path) -> None:
    """Run the pipeline in the clone, from the source or from data/raw."""
    run(clone, "dvc", "config", "--local", "cache.dir", "cache")  # of its own, whatever the user's settings say
    run(clone, "dvc", "remote", "add", "--local", "--quiet", "here", str(cache_dir().parent.parent.resolve()))
    run(clone, "dvc", "remote", "modify", "--local", "here", "verify", "true")
    for pointer in sorted((clone / "data/source").glob("*.dvc")):
        bring(clone, str(pointer.relative_to(clone)))
    if source_is_certain(clone):
        run(clone, "dvc", "repro", "--force")
        return
    bring(clone, "data/raw")
    run(clone, "dvc", "repro", "--force", "--downstream", "validate")


def differing_hashes(old: dict[str, dict[str, str]], new: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    """Stage and path of every output whose md5 differs, in the order of the stages."""
    for stage, outs in old.items():
        yield from ((stage, path) for path, md5 in outs.items() if new[stage].get(path) != md5)


def read_numbers(folder: Path, lock: dict[str, dict[str, str]]) -> dict[str, dict[str, Any]]:
    """For each stage the leaves of its JSON and CSV outputs, from a folder, or the cache where they are not in git.

    Raises:
        SystemExit: an output is neither here nor there.
    """
    numbers: dict[str, dict[str, Any]] = {}
    for stage, outs in lock.items():
        numbers[stage] = {}
        for path, md5 in outs.items():
            if Path(path).suffix in READERS:
                file = folder / path if (folder / path).exists() else object_path(md5)
                if not file.exists() or (file == object_path(md5) and not is_intact(md5)):
                    raise SystemExit(f"verify: {path} is not here to be compared; run `make pull TARGETS={path}`")
                numbers[stage] |= {path + at: leaf for at, leaf in leaves(READERS[Path(path).suffix](file))}
    return numbers


def differing_numbers(
    old: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]], tolerance: float
) -> Iterator[tuple[str, str]]:
    """Stage and place of every leaf that differs by more than the tolerance, in the order of the stages."""
    for stage, leaf in old.items():
        for key in sorted(leaf.keys() | new[stage].keys()):
            if not alike(leaf.get(key), new[stage].get(key), tolerance):
                yield stage, f"{key}: {leaf.get(key)} became {new[stage].get(key)}"


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of a JSON value with its path; the hashes of files, which differ if any number does, are left out."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            if key != "made_from":
                yield from leaves(item, f"{at}.{key}")
    else:
        yield at, value


def alike(old: Any, new: Any, tolerance: float) -> bool:
    """Whether two leaves are equal, numbers to a relative tolerance (absolute below 1)."""
    try:
        return math.isclose(float(old), float(new), rel_tol=tolerance, abs_tol=tolerance)
    except (TypeError, ValueError):
        return bool(old == new)


def read_csv(path: Path) -> list[list[str]]:
    """The cells of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


READERS = {".json": lambda path: json.loads(path.read_text(encoding="utf-8")), ".csv": read_csv}


def main() -> None:
    parser = argparse.ArgumentParser(prog="verify", description="Rebuild in a clean clone and compare with dvc.lock.")
    parser.add_argument("--tolerance", type=float, help="compare numbers, to this relative tolerance, and not hashes")
    parser.add_argument(
        "--serving", action="store_true", help="rebuild nothing; compare serving with the model instead"
    )
    arguments = parser.parse_args()
    if arguments.serving:
        print(f"verify: {check_serving()}")
        return
    tolerance = arguments.tolerance
    if subprocess.run(["git", "diff", "--quiet", "HEAD"]).returncode != 0:
        print("verify: changes that are not committed are left out", file=sys.stderr)
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch, "clone")
        run(Path(), "git", "clone", "--quiet", ".", str(clone))
        lock = read_lock(clone)
        before = {} if tolerance is None else read_numbers(clone, lock)
        rebuild(clone)
        if tolerance is None:
            differences = list(differing_hashes(lock, read_lock(clone)))
        else:
            differences = list(differing_numbers(before, read_numbers(clone, lock), tolerance))
    if differences:
        stage, what = differences[0]
        more = f" ({len(differences) - 1} more differ)" if len(differences) > 1 else ""
        raise SystemExit(f"verify: stage {stage} is the first that differs: {what}{more}")
    same = "have the same bytes" if tolerance is None else f"have the same numbers to {tolerance:g}"
    print(f"verify: {sum(map(len, lock.values()))} outputs of {len(lock)} stages {same}")


if __name__ == "__main__":
    main()
