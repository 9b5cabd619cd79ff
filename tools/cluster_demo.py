"""Run the pipeline on a Dask cluster on this machine: a scheduler and two workers, each a process of its own.

A temporary copy of this checkout cuts its table into parts of 50 rows and runs the pipeline up to `evaluate`, first
without the cluster; the results must be equal to the byte. Everything listens on 127.0.0.1. Run: make cluster-demo
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.utils.errors import PipelineError
from stages.utils.files import read_json
from tools.adopt.write import update_yaml
from tools.commands import environment, git, run
from tools.example import play

PART_ROWS, WORKERS = 50, 2
START = 60  # seconds until the scheduler must listen


@contextmanager
def cluster(copy: Path, workers: int) -> Iterator[str]:
    """Run a scheduler and workers in the copy until the block ends; yields the scheduler's address.

    Raises:
        PipelineError: the scheduler did not start.
    """
    contact = copy / "logs/scheduler.json"
    contact.parent.mkdir(exist_ok=True)
    contact.unlink(missing_ok=True)
    local = ["--host", "127.0.0.1"]
    scheduler = ["-m", "distributed.cli.dask_scheduler", *local, "--port", "0", "--dashboard-address", "127.0.0.1:0"]
    worker = ["-m", "tools.worker", *local, "--nthreads", "1", "--no-dashboard"]
    processes: list[subprocess.Popen[bytes]] = []
    with (copy / "logs/cluster.log").open("wb") as output:
        try:
            for command in (scheduler, *[worker] * workers):
                command = [sys.executable, *command, "--scheduler-file", str(contact)]
                processes.append(
                    subprocess.Popen(command, cwd=copy, env=environment(), stdout=output, stderr=subprocess.STDOUT)
                )
            for _ in range(10 * START):
                if contact.exists():
                    break
                time.sleep(0.1)
            else:
                raise PipelineError(f"the scheduler did not start in {START} s; see {output.name}")
            found = read_json(contact)
            print(f"scheduler at {found['address']}, {workers} workers", flush=True)
            print(f"dashboard at http://127.0.0.1:{found['services']['dashboard']}/status", flush=True)
            yield found["address"]
        finally:
            for process in reversed(processes):
                process.terminate()
            for process in processes:
                process.wait(60)


def compare(copy: Path) -> None:
    """Run the pipeline without and with the cluster, and compare.

    Raises:
        PipelineError: a step failed, or a byte differs.
    """
    update_yaml(copy / "config.yaml", {"compute.part_rows": PART_ROWS})
    print(f"parts of {PART_ROWS} rows, in the processes of this machine", flush=True)
    run("dvc", "repro", "--quiet", "evaluate", cwd=copy)
    git("add", "--all", cwd=copy)  # Git then shows what the cluster changes
    with cluster(copy, WORKERS) as address:
        update_yaml(copy / "config.yaml", {"compute.backend": "dask", "compute.scheduler": address})
        run("dvc", "repro", "--force", "evaluate", cwd=copy, shown=True)
    changed = git("diff", "--name-only", "--", "dvc.lock", "metrics", "models", "plots", cwd=copy)
    if changed:
        raise PipelineError(f"the cluster changed {', '.join(changed.split())}")
    print("every output has the same bytes as without the cluster", flush=True)


if __name__ == "__main__":
    play("cluster-demo", compare)
