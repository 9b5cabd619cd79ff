"""How often tools/monitor raises a false alarm, what it finds, and what a log of a million rows costs it.

Run: python -m benchmarks.monitor [--runs 400] [--rows 1000000]
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stages.utils.arrays import Floats
from stages.utils.params import read_params
from tools.monitor.findings import Tested, judge
from tools.monitor.logged import Labelled
from webapp.drift import Bins
from webapp.findings import Coverage, Scores
from webapp.formatting import METRICS
from webapp.pin import load_pinned
from webapp.prediction_log.store import SCHEMA, write_rows

COLUMNS, BINS, COVERAGE = 10, 12, 0.9
ERRORS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "Laplace": lambda rng, n: rng.laplace(size=n),
    "Student t, 4 df": lambda rng, n: rng.standard_t(4, n),
    "skewed (log-normal)": lambda rng, n: np.exp(0.8 * rng.standard_normal(n)) - np.exp(0.32),
}


def simulate(
    rng: np.random.Generator, kind: str, tested: int, live: int, growth: float = 0.0, shift: float = 0.0
) -> str:
    """Judge one made-up deployment, of a model tested on so many rows and trained on four times as many.

    Args:
        growth: of the error.
        shift: of the first column, in standard deviations.
    """
    draw = ERRORS[kind]
    limits = np.quantile(draw(np.random.default_rng(0), 1_000_000), [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    errors, predicted = draw(rng, tested), rng.standard_normal(tested)
    inside = float(np.mean((errors >= limits[0]) & (errors <= limits[1])))
    scores: Scores = {f"{name}{end}": None for name in METRICS for end in ("", "_low", "_high")}
    coverage = Coverage(nominal=COVERAGE, share=inside, se=0.0)
    edges = np.quantile(rng.standard_normal(4 * tested), np.linspace(0, 1, BINS + 1)[1:-1])
    prediction = rng.standard_normal(live)
    labelled = Labelled(
        truth=prediction + (1 + growth) * draw(rng, live),
        prediction=prediction,
        lower=prediction + limits[0],
        upper=prediction + limits[1],
        exposure=np.ones(live),
        week=np.zeros(live, np.intp),
        groups={},
    )
    bins, counts = {}, {}
    for number in range(COLUMNS):
        cells = rng.standard_normal(live) + (shift if number == 0 else 0.0)
        bins[str(number)] = Bins([""] * BINS, [1 / BINS] * BINS, lambda cell: 0)
        edges = np.quantile(rng.standard_normal(4 * tested), np.linspace(0, 1, BINS + 1)[1:-1])
        counts[str(number)] = np.bincount(np.searchsorted(edges, cells), minlength=BINS).astype(np.float64)
    held = Tested(scores, coverage, tested, errors[:1000], predicted[:1000])
    seed = int(rng.integers(2**31))
    return judge(held, labelled, prediction, counts, bins, 4 * tested, read_params("monitor"), seed).verdict


def simulations(runs: int) -> None:
    """Print the share of each verdict: without any change, with a grown error, with a drifted column."""
    cases = [
        *((kind, tested, live, 0.0, 0.0) for kind in ERRORS for tested, live in ((90, 100), (1000, 100), (1000, 5000))),
        *((kind, tested, 500, 0.2, 0.0) for kind in ERRORS for tested in (90, 1000)),
        *(("normal", 1000, live, 0.0, 0.5) for live in (100, 500)),
    ]
    print(f"{'errors':22}{'test rows':>10}{'live rows':>10}{'error':>8}{'shift':>7}{'ok':>8}{'watch':>8}{'retrain':>9}")
    for kind, tested, live, growth, shift in cases:
        rng = np.random.Generator(np.random.PCG64(0))
        verdicts = Counter(simulate(rng, kind, tested, live, growth, shift) for _ in range(runs))
        shares = "".join(
            f"{verdicts[name] / runs:{width}.1%}" for name, width in (("ok", 8), ("watch", 8), ("retrain", 9))
        )
        print(f"{kind:22}{tested:10,}{live:10,}{growth:+8.0%}{shift:7}{shares}", flush=True)


def cost(rows: int) -> None:
    """Print time and memory of tools/monitor on a log of so many rows, all of them with an outcome."""
    card, md5 = load_pinned(Path())
    rng, start = random.Random(0), 1_780_000_000_000_000
    pools: dict[str, list[Any]] = {
        column.name: [*column.quantiles] or [*column.shares] or [column.default] for column in card.columns
    }
    with tempfile.TemporaryDirectory() as folder:
        with Path(folder, "outcomes.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", card.target.name])
            for first in range(0, rows, 50_000):
                names = [f"{number:032x}" for number in range(first, min(first + 50_000, rows))]
                inputs = [json.dumps({name: rng.choice(pool) for name, pool in pools.items()}) for _ in names]
                predicted = [rng.uniform(50, 250) for _ in names]
                writer.writerows(
                    (name, round(value + rng.gauss(0, 50), 2)) for name, value in zip(names, predicted, strict=True)
                )
                columns = [
                    names,
                    [start + 60_000_000 * number for number in range(first, first + len(names))],
                    ["api"] * len(names),
                    inputs,
                    predicted,
                    [value - 80 for value in predicted],
                    [value + 80 for value in predicted],
                    [md5] * len(names),
                    ["unknown"] * len(names),
                ]
                table = pa.table(
                    [pa.array(cells, kind.type) for cells, kind in zip(columns, SCHEMA, strict=True)], SCHEMA
                )
                write_rows(f"{folder}/log", table, f"{first:09}")
        command = [sys.executable, "-m", "tools.monitor", f"{folder}/log", f"{folder}/outcomes.csv"]
        start_time = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start_time
    code = os.waitstatus_to_exitcode(status)
    print(f"{rows:,} rows: {seconds:.0f} s, {used.ru_maxrss / 1024:.0f} MB, exit code {code}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=400, help="of each simulation")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the log")
    arguments = parser.parse_args()
    simulations(arguments.runs)
    cost(arguments.rows)


if __name__ == "__main__":
    main()
