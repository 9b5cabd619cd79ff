"""Measure how often tools/monitor raises a false alarm, what it finds, and its cost on a log of a million rows.

Run: python -m benchmarks.monitor [--runs 400] [--rows 1000000]
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.common import measured, pools_of
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
BATCH = 50_000  # rows that the log is written in at a time
ERRORS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "Laplace": lambda rng, n: rng.laplace(size=n),
    "Student t, 4 df": lambda rng, n: rng.standard_t(4, n),
    "skewed (log-normal)": lambda rng, n: np.exp(0.8 * rng.standard_normal(n)) - np.exp(0.32),
}


def simulate(
    rng: np.random.Generator, kind: str, tested: int, live: int, growth: float = 0.0, shift: float = 0.0
) -> str:
    """Judge one made-up deployment, of a model tested on `tested` rows and trained on four times as many.

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
    """Print time and memory of tools/monitor on a log with this many rows, all with an outcome."""
    card, md5 = load_pinned(Path())
    rng, pools = np.random.default_rng(0), pools_of(card)
    with tempfile.TemporaryDirectory() as folder:
        log, outcomes = f"{folder}/log", f"{folder}/outcomes.csv"
        for first in range(0, rows, BATCH):
            numbers = range(first, min(first + BATCH, rows))
            drawn = {name: rng.choice(np.array(pool, object), len(numbers)) for name, pool in pools.items()}
            frame = pd.DataFrame(
                {
                    "id": [f"{number:032x}" for number in numbers],
                    "time": pd.Timestamp("2026-06-01", tz="UTC") + pd.to_timedelta(numbers, unit="min"),
                    "source": "api",
                    "inputs": [json.dumps(cells) for cells in pd.DataFrame(drawn).to_dict("records")],
                    "prediction": rng.uniform(50, 250, len(numbers)),
                    "scorecard_md5": md5,
                    "git_sha": "unknown",
                }
            )
            frame = frame.assign(lower=frame["prediction"] - 80, upper=frame["prediction"] + 80)
            write_rows(log, pa.Table.from_pandas(frame[SCHEMA.names], SCHEMA, preserve_index=False), f"{first:09}")
            truth = (frame["prediction"] + rng.normal(0, 50, len(frame))).round(2)
            truths = pd.DataFrame({"id": frame["id"], card.target.name: truth})
            truths.to_csv(outcomes, mode="a", index=False, header=first == 0)
        taken = measured([sys.executable, "-m", "tools.monitor", log, outcomes], Path.cwd(), codes=(0, 3, 4))
    print(f"{rows:,} rows: {taken.seconds:.0f} s, {taken.megabytes:.0f} MB, exit code {taken.code}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=400, help="of each simulation")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the log")
    arguments = parser.parse_args()
    simulations(arguments.runs)
    cost(arguments.rows)


if __name__ == "__main__":
    main()
