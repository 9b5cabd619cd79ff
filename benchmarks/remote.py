"""From a trained model here to a served one there, by way of an S3 bucket on loopback.

Seconds of `dvc push models/scorecard.json` in a clone of this checkout, `dvc pull` of it in another, and the start of
the web app there until it is ready. Run: python -m benchmarks.remote [ROUNDS]
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.helpers.servers import URL, environment, s3_server, time_until_ready
from tools.commands import git

SCORECARD = "models/scorecard.json"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    cache = subprocess.run(["dvc", "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder, s3_server() as address:
        os.environ |= environment(address)
        for number in range(rounds):
            here, there = Path(folder, f"here-{number}"), Path(folder, f"there-{number}")
            for clone in (here, there):
                git("clone", "--quiet", Path.cwd(), clone)
                dvc(clone, "remote", "modify", "--local", "storage", "url", f"{URL}/{number}")
            shutil.copytree(Path(cache, "files"), here / ".dvc/cache/files")
            start = time.perf_counter()
            dvc(here, "push", SCORECARD)
            pushed = time.perf_counter()
            dvc(there, "pull", SCORECARD)
            pulled = time.perf_counter()
            ready = time_until_ready(there)
            push, pull = pushed - start, pulled - pushed
            print(f"push {push:.2f} s, pull {pull:.2f} s, ready {ready:.2f} s: together {push + pull + ready:.2f} s")


def dvc(clone: Path, *arguments: str) -> None:
    """Run DVC in a clone."""
    subprocess.run(["dvc", *arguments], cwd=clone, capture_output=True, check=True)


if __name__ == "__main__":
    main()
