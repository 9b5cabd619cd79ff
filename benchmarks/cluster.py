"""Time `features` and `evaluate` on a Dask cluster of one worker and of two, on the table of benchmarks/scale.py.

The scheduler and the workers, of one thread each, are processes on this machine. The fastest round of each cluster
counts: the first one is when its workers import what they need. Run: python -m benchmarks.cluster [ROWS]
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.common import measured
from benchmarks.scale import write_table
from tools.adopt.write import update_yaml
from tools.cluster_demo import cluster
from tools.commands import git, run

STAGES = ("features", "evaluate")
ROUNDS = 3


def main() -> None:
    rows = int(sys.argv[1]) if sys.argv[1:] else 1_000_000
    commands = [[sys.executable, "-m", f"stages.{stage}"] for stage in STAGES]
    taken: dict[int, list[list[float]]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as scratch:
        table, copy = Path(scratch, "table.csv"), Path(scratch, "clone")
        write_table(table, rows)
        git("clone", "--quiet", Path.cwd(), copy)
        run(sys.executable, "-m", "tools.adopt", table, "--target", "target", "--yes", cwd=copy)
        run("dvc", "repro", "--quiet", "evaluate", cwd=copy)
        for workers, rounds in taken.items():
            with cluster(copy, workers) as address:
                update_yaml(copy / "config.yaml", {"compute.backend": "dask", "compute.scheduler": address})
                rounds += [[measured(command, copy).seconds for command in commands] for _ in range(ROUNDS)]
    for place, stage in enumerate(STAGES):
        one, two = (min(each[place] for each in rounds) for rounds in taken.values())
        print(f"{rows:,} rows, {stage}: one worker {one:.1f} s, two workers {two:.1f} s, ratio {one / two:.2f}")


if __name__ == "__main__":
    main()
