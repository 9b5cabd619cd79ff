"""Time the way of a model from one clone to a served prediction in another, through an S3 bucket on loopback.

Prints the seconds of `dvc push models/scorecard.json` in a clone of this checkout, of `dvc pull` in another, and of the
start of the web app there. Run: python -m benchmarks.remote [ROUNDS]
"""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.helpers.servers import URL, environment, s3_server, time_until_ready
from tools.commands import git, run

SCORECARD = "models/scorecard.json"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    cache = run("dvc", "cache", "dir")
    with tempfile.TemporaryDirectory() as folder, s3_server() as address:
        os.environ |= environment(address)
        for number in range(rounds):
            here, there = Path(folder, f"here-{number}"), Path(folder, f"there-{number}")
            for clone in (here, there):
                git("clone", "--quiet", Path.cwd(), clone)
                run("dvc", "remote", "modify", "--local", "storage", "url", f"{URL}/{number}", cwd=clone)
            shutil.copytree(Path(cache, "files"), here / ".dvc/cache/files")
            start = time.perf_counter()
            run("dvc", "push", SCORECARD, cwd=here)
            pushed = time.perf_counter()
            run("dvc", "pull", SCORECARD, cwd=there)
            pulled = time.perf_counter()
            ready = time_until_ready(there)
            push, pull = pushed - start, pulled - pushed
            print(f"push {push:.2f} s, pull {pull:.2f} s, ready {ready:.2f} s: together {push + pull + ready:.2f} s")


if __name__ == "__main__":
    main()
