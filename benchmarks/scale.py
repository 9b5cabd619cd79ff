"""The whole pipeline beside pandas and scikit-learn, glum and Spark, by the number of rows: time, memory and test R².

A seeded table of 22 columns is written as CSV and adopted in a clone of HEAD; then `dvc repro --force` and each rival
(benchmarks/scale_rivals.py) run in turns, each a process tree of its own. Memory is the largest proportional set size
(PSS) of the whole tree, sampled every fifth of a second; CPU time adds up the tree.
The rivals need requirements/benchmarks.txt, in an environment of their own: pandera imports Spark where it finds it.
Run: python -m benchmarks.scale [ROWS …] [--backends threads processes] [--rivals pandas glum spark] …
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tools.adopt.write import update_yaml
from tools.commands import environment, git, run

BLOCK_ROWS = 250_000
LEVELS = {"region": 40, "segment": 8, "channel": 4, "product": 120, "weekday": 7}
NUMBERS = 15
INTERVAL = 0.2  # seconds between two looks at the process tree
DATA = ("raw", "valid", "train", "test")
MODULE = re.compile(r"stages\.(\w+)$")


class Usage(NamedTuple):
    """The cost of a process tree."""

    seconds: float
    cpu: float  # seconds, of all its processes
    peak: float  # PSS, MB


def block_of_rows(block: int, rows: int) -> pd.DataFrame:
    """Make one block: an id, numbers of several shapes, levels, and a target with bends, steps and one interaction."""
    random = np.random.default_rng([7, block])
    columns: dict[str, object] = {"id": block * BLOCK_ROWS + np.arange(rows)}
    x = random.normal(size=(rows, NUMBERS))
    x[:, 5:10] = np.exp(x[:, 5:10] / 2)
    x[:, 10:] = random.uniform(-1, 1, size=(rows, NUMBERS - 10))
    x = x.round(4)
    columns |= {f"x{index + 1:02}": x[:, index] for index in range(NUMBERS)}
    codes = {name: random.integers(0, levels, rows) for name, levels in LEVELS.items()}
    columns |= {name: np.char.add(f"{name} ", code.astype(str)) for name, code in codes.items()}
    effects = {name: np.random.default_rng([9, levels]).normal(size=levels) for name, levels in LEVELS.items()}
    signal = 3 * np.tanh(x[:, 0]) + np.abs(x[:, 1]) - 0.5 * x[:, 2] + np.log1p(x[:, 5]) + 2 * (x[:, 10] > 0.3)
    signal += x[:, 11] * x[:, 12] * 2 + sum(effects[name][codes[name]] for name in LEVELS)
    columns["target"] = (50 + 4 * signal + random.normal(0, 6, rows)).round(3)
    return pd.DataFrame(columns)


def write_table(path: Path, rows: int) -> None:
    """Write a table with this many rows as CSV, block by block."""
    with path.open("wb") as file:
        for block, start in enumerate(range(0, rows, BLOCK_ROWS)):
            frame = block_of_rows(block, min(BLOCK_ROWS, rows - start))
            options = pa.csv.WriteOptions(include_header=block == 0, quoting_style="needed")
            pa.csv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), file, options)


def watch(process: subprocess.Popen[bytes], limit: float) -> tuple[Usage, dict[str, Usage]]:
    """Sample a process tree until it ends; return what it took in all, and by stage of the pipeline.

    Raises:
        TimeoutError: it took longer than `limit` seconds; it has been ended.
    """
    start, peak = time.monotonic(), 0.0
    cpu: dict[int, float] = {}
    owner: dict[int, str] = {}  # the stage that a process belongs to
    spans: dict[str, tuple[float, float]] = {}
    peaks: dict[str, float] = {}
    root = psutil.Process(process.pid)
    while process.poll() is None:
        now = time.monotonic()
        sizes: dict[str, float] = {}
        tree = [root, *root.children(recursive=True)]
        if now - start > limit:
            for member in reversed(tree):
                member.kill()
            process.wait()
            raise TimeoutError
        for member in tree:
            try:
                size, times, command = member.memory_full_info().pss, member.cpu_times(), member.cmdline()
                stage = owner.get(member.ppid()) or next(
                    (m[1] for word in command if (m := MODULE.fullmatch(word))), ""
                )
            except psutil.Error:
                continue
            owner[member.pid] = stage
            cpu[member.pid] = times.user + times.system
            sizes[stage] = sizes.get(stage, 0) + size / 1e6
        peak = max(peak, sum(sizes.values()))
        for stage, size in sizes.items():
            spans[stage] = (spans.get(stage, (now, now))[0], now)
            peaks[stage] = max(peaks.get(stage, 0), size)
        time.sleep(INTERVAL)
    by_stage = {
        stage: Usage(
            spans[stage][1] - spans[stage][0], sum(cpu[pid] for pid in cpu if owner[pid] == stage), peaks[stage]
        )
        for stage in spans
        if stage
    }
    return Usage(time.monotonic() - start, sum(cpu.values()), peak), by_stage


def start(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start a command in a folder, its output in a file beside the folder."""
    with folder.with_suffix(".log").open("wb") as output:
        return subprocess.Popen(command, cwd=folder, env=environment(), stdout=output, stderr=subprocess.STDOUT)


def race(
    rows: int, backends: list[str], rivals: list[str], python: str, interactions: int | str, limit: float, folder: Path
) -> None:
    """Run the pipeline and its rivals on a table with this many rows, and print what they took."""
    table, clone = folder / "table.csv", folder / "clone"
    write_table(table, rows)
    git("clone", "--quiet", Path.cwd(), clone)
    run(sys.executable, "-m", "tools.adopt", str(table), "--target", "target", "--yes", cwd=clone)
    update_yaml(clone / "params.yaml", {"features.interactions": interactions})
    print(f"\n{rows:,} rows, {table.stat().st_size / 1e6:,.0f} MB of CSV", flush=True)
    print("| | seconds | CPU seconds | peak memory, MB | test R² |\n|---|---:|---:|---:|---:|")
    for backend in backends:
        update_yaml(clone / "config.yaml", {"compute.backend": backend})
        process = start(["dvc", "repro", "--force"], clone)
        usage, by_stage = watch(process, limit)
        if process.returncode:
            raise SystemExit(clone.with_suffix(".log").read_text())
        metrics = json.loads((clone / "metrics/test.json").read_text())
        show(f"this pipeline, {backend}", usage, f"{metrics['model']['r2']:.3f}")
        for stage, taken in by_stage.items():
            show(f"· {stage}", taken, "")
    for rival in rivals:
        fit = f"import sys; from benchmarks.scale_rivals import with_{rival} as fit; print('%.3f' % fit(sys.argv[1]))"
        process = start([python, "-c", fit, str(table)], clone)
        try:
            taken, _ = watch(process, limit)
        except TimeoutError:
            print(f"| {rival} | more than {limit:,.0f} | | | |", flush=True)
            continue
        last_line = clone.with_suffix(".log").read_text().splitlines()[-1]
        show(rival, taken, last_line if process.returncode == 0 else f"failed: {last_line}")
    sizes = {name: sum(file.stat().st_size for file in (clone / "data" / name).rglob("*.parquet")) for name in DATA}
    print("written: " + ", ".join(f"data/{name} {size / 1e6:,.0f} MB" for name, size in sizes.items()))
    typed = size_of_typed(clone / "data/valid")
    ratio = sum(sizes.values()) / typed
    print(f"that is {ratio:.2f} times the typed table as pyarrow writes it, {typed / 1e6:,.0f} MB", flush=True)


def size_of_typed(table: Path) -> int:
    """Return the bytes of a typed table, without the pipeline's own columns, as pyarrow writes it by default."""
    size = 0
    for part in table.glob("*.parquet"):
        content = pa.parquet.read_table(part)
        sink = pa.BufferOutputStream()
        pa.parquet.write_table(content.select([name for name in content.column_names if name[0] != "_"]), sink)
        size += sink.tell()
    return size


def show(name: str, usage: Usage, score: str) -> None:
    """Print one row of the table."""
    print(f"| {name} | {usage.seconds:,.0f} | {usage.cpu:,.0f} | {usage.peak:,.0f} | {score} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="*", default=[1_000_000], metavar="ROWS")
    parser.add_argument("--backends", nargs="+", default=["threads"], choices=["threads", "processes"])
    parser.add_argument("--rivals", nargs="*", default=["pandas"], choices=["pandas", "glum", "spark"])
    parser.add_argument("--python", default=sys.executable, help="Python of an environment with the rivals' packages")
    parser.add_argument("--interactions", default="auto", help="features.interactions of the pipeline")
    parser.add_argument("--minutes", type=float, default=60, help="the most that each may take")
    arguments = parser.parse_args()
    interactions = int(arguments.interactions) if arguments.interactions.isdecimal() else arguments.interactions
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory() as scratch:
            race(
                rows, arguments.backends, arguments.rivals, arguments.python, interactions, 60 * arguments.minutes,
                Path(scratch),
            )  # fmt: skip


if __name__ == "__main__":
    main()
