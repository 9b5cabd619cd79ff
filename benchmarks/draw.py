"""How long the stages that draw take on the table that is there: explore and report, Python's start included.

Run: python -m benchmarks.draw   (after `dvc repro`; the stages write the same bytes again)
"""

import subprocess
import sys
import time

STAGES = ("explore", "report")
ROUNDS = 3


def seconds(stage: str) -> float:
    """Run a stage; returns how long it took."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", f"stages.{stage}"], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    rounds = [[seconds(stage) for stage in STAGES] for _ in range(ROUNDS)]
    best = min(rounds, key=sum)
    print(
        f"{' + '.join(f'{stage} {taken:.1f} s' for stage, taken in zip(STAGES, best, strict=True))} = {sum(best):.1f} s"
    )
    print(f"the best of {ROUNDS} rounds; all: {', '.join(f'{sum(taken):.1f} s' for taken in rounds)}")


if __name__ == "__main__":
    main()
