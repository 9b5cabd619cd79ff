"""Time the stages that draw, explore and report, on the table of this checkout, Python's start included.

Run: python -m benchmarks.draw   (after `dvc repro`; the stages write the same bytes again)
"""

import sys
from pathlib import Path

from benchmarks.common import measured

STAGES = ("explore", "report")
ROUNDS = 3


def main() -> None:
    commands = [[sys.executable, "-m", f"stages.{stage}"] for stage in STAGES]
    rounds = [[measured(command, Path.cwd()).seconds for command in commands] for _ in range(ROUNDS)]
    best = min(rounds, key=sum)
    parts = " + ".join(f"{stage} {taken:.1f} s" for stage, taken in zip(STAGES, best, strict=True))
    print(f"{parts} = {sum(best):.1f} s")
    print(f"the best of {ROUNDS} rounds; all: {', '.join(f'{sum(taken):.1f} s' for taken in rounds)}")


if __name__ == "__main__":
    main()
