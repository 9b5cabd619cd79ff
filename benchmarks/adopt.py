"""Adopting a CSV file of a gigabyte beside what Arrow takes to read it, each in a process of its own.

Arrow streams the file and infers the types of the columns from its first block, as `pyarrow.csv.open_csv` does by
default. Adoption is `python -m tools.adopt` in a scratch directory with the file in data/source/ already.
Run: python -m benchmarks.adopt [--megabytes 1000] [--rounds 1]
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from benchmarks.common import measured

BLOCK_ROWS = 50_000
FILE = Path("data/source/homes.csv")
READ = "import pyarrow.csv as c; print(sum(len(batch) for batch in c.open_csv({path!r})), 'rows')"


def homes(block: int) -> pd.DataFrame:
    """A block of made-up sales: numbers, codes, categories, dates, marks, units, and text with quotes and commas."""
    random = np.random.default_rng(block)
    n = BLOCK_ROWS
    area, rooms, hour = random.gamma(8, 12, n), random.integers(1, 9, n), random.integers(0, 24, n)
    town, quality = random.integers(0, 40, n), random.normal(0, 1, n)
    seconds = 1_500_000_000 + 60 * (block * n + np.arange(n))
    seen = pd.Series(pd.to_datetime(seconds, unit="s"))
    listed = seen - pd.to_timedelta(random.integers(0, 400, n), unit="D")
    gap = random.random((n, 3)) < [0.05, 0.02, 0.1]
    lot = np.char.add("lot ", random.integers(0, 10**6, n).astype(str))
    frame = pd.DataFrame(
        {
            "sale": block * n + np.arange(n),
            "seen": seen.dt.strftime("%Y-%m-%d %H:%M:%S"),
            "listed": listed.dt.strftime("%d/%m/%Y"),
            "area (m2)": area.round(2),
            "rooms": rooms,
            "hour": hour,
            "town": np.char.add("Town ", town.astype(str)),
            "street": np.char.add("Street ", random.integers(0, 5000, n).astype(str)),
            "quality": quality.round(6),
            "energy": np.where(gap[:, 0], "?", (100 + 30 * random.normal(size=n)).round(1).astype(str)),
            "weight": np.char.add((area / 10).round(1).astype(str), " kg"),
            "garden": np.where(random.random(n) < 0.3, "yes", "no"),
            "distance": np.where(gap[:, 1], "", random.gamma(2, 3, n).round(4).astype(str)),
            "latitude": random.uniform(45, 55, n).round(6),
            "longitude": random.uniform(5, 15, n).round(6),
            "owner": np.char.add("id-", random.integers(0, 10**9, n).astype(str)),
            "remark": np.where(gap[:, 2], 'said "quiet", then sold', lot),
        }
    )  # fmt: skip
    noise = random.normal(0, 0.2, n)
    frame["price"] = np.exp(10 + 0.01 * area + 0.1 * quality + 0.02 * town + 0.05 * rooms + noise).round(2)
    return frame


def make_file(path: Path, size: int) -> None:
    """Write blocks of rows until the file has `size` bytes."""
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        block = 0
        while file.tell() < size:
            options = pa.csv.WriteOptions(include_header=block == 0, quoting_style="needed")
            pa.csv.write_csv(pa.Table.from_pandas(homes(block), preserve_index=False), file, options)
            block += 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adopt")
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("params.yaml", "config.yaml", "schema.yaml"):
            shutil.copy(name, root / name)
        make_file(root / FILE, args.megabytes * 1_000_000)
        for _ in range(args.rounds):
            read = measured([sys.executable, "-c", READ.format(path=str(FILE))], root)
            command = [sys.executable, "-m", "tools.adopt", str(FILE), "--target", "price", "--yes"]
            adopted = measured(command, root)
            print(f"{args.megabytes} MB: pyarrow.csv {read.seconds:.1f} s, {read.megabytes:.0f} MB;", end=" ")
            print(f"adopt {adopted.seconds:.1f} s, {adopted.megabytes:.0f} MB;", end=" ")
            print(f"ratio {adopted.seconds / read.seconds:.2f}", flush=True)


if __name__ == "__main__":
    main()
