"""Settings of gunicorn for the web app. Run: gunicorn (it reads this file and serves models/scorecard.json)

Threads, so that /health answers while a long table is scored; the environment may set PORT, WEB_CONCURRENCY (workers),
METRICS_PORT and PROMETHEUS_MULTIPROC_DIR. Nothing is written outside memory (/dev/shm) and the temporary folder.
"""

import atexit
import math
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

DRAIN_SECONDS = 20  # that the end waits for the rest of the prediction log; it takes one or two


def count_cpus() -> int:
    """Count the CPUs that this process may use, by its affinity and by the quota of its container."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = Path("/sys/fs/cgroup/cpu.max")
    if quota.exists():
        allowed, period = quota.read_text().split()
        if allowed != "max":
            cpus = min(cpus, math.ceil(int(allowed) / int(period)))
    return max(1, cpus)


wsgi_app = "webapp.app:create_app()"
bind = [f"{os.environ.get('HOST', '0.0.0.0')}:{os.environ.get('PORT', '8000')}"]
if "METRICS_PORT" in os.environ:
    bind.append(f"{os.environ.get('HOST', '0.0.0.0')}:{os.environ['METRICS_PORT']}")

preload_app = True  # the model is loaded and checked once, before any worker starts
workers = int(os.environ.get("WEB_CONCURRENCY", count_cpus()))
worker_class = "webapp.worker.DrainingWorker"  # gthread
threads = 16  # an upload takes one while it is scored; idle connections take none
worker_connections = 1000
backlog = 2048
keepalive = 15  # seconds
timeout = 60  # seconds without a heartbeat of a worker (not the length of a request)
graceful_timeout = 25  # seconds to finish what was accepted; ECS kills after 30
limit_request_line = 4094  # bytes
limit_request_fields = 100
control_socket_disable = True

memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
worker_tmp_dir = memory  # heartbeats: never on a disk, which may stall
accesslog = None  # webapp/middleware.py writes it
errorlog = "-"

if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="metrics-", dir=memory)
    atexit.register(shutil.rmtree, os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def post_fork(server: Any, worker: Any) -> None:
    """Leave the folder of the metrics to the master when this worker ends."""
    atexit.unregister(shutil.rmtree)


def child_exit(server: Any, worker: Any) -> None:
    """Forget the gauges of this worker; its counts stay."""
    from prometheus_client import multiprocess  # needs the variable above when it is imported

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """Move the rest of the prediction log to its store."""
    if os.environ.get("PREDICTION_LOG"):
        drain = subprocess.Popen([sys.executable, "-m", "webapp.prediction_log.drain"])
        with suppress(subprocess.TimeoutExpired):  # then it goes on, or the rows stay in the spool
            drain.wait(DRAIN_SECONDS)
