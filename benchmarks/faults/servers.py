"""Faults of processes that serve: a gunicorn worker under load, the MLflow server, a Dask cluster."""

import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.faults.ground import LINE, SAME, WRONG, Found, Ground, TooLate, Victim, run
from tests.helpers.processes import family, is_alive, is_listening, wait_until
from tests.helpers.servers import crowding, free_port

DASK_LINES = (
    "a worker process was killed|no Dask scheduler with a worker answers|memory ran out|not readable as Parquet"
)
READS = {"validate": "data/raw", "split": "data/valid", "features": "data/train", "evaluate": "data/test"}
RUNS = """
import sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
place = client.get_experiment_by_name("dvc-elasticnet")
for run in client.search_runs([place.experiment_id]) if place else []:
    print(run.info.status, len(run.data.params), len(run.data.metrics), len(client.list_artifacts(run.info.run_id)))
"""


def kill_gunicorn_worker(ground: Ground, chance: random.Random) -> Found:
    """Kill workers under load; every answer that comes is right, new workers answer, and nothing is left at the end."""
    project, port = ground.copy(), free_port()
    server = Victim(project, "gunicorn", env={"HOST": "127.0.0.1", "PORT": str(port), "WEB_CONCURRENCY": "2"})
    server.wait_for(lambda: is_listening(port))
    right, stop = ask(port), threading.Event()
    wait_until(lambda: bool(metrics_folders(server)), 10 * crowding())  # a worker counts a little later
    folders = metrics_folders(server)
    wrong: list[str] = []
    lost: list[str] = []
    answered = 0

    def load() -> None:
        nonlocal answered
        while not stop.is_set():
            try:
                answer = ask(port)
            except (OSError, http.client.HTTPException) as error:
                lost.append(type(error).__name__)
            else:
                answered += 1
                wrong.extend([answer] * (answer != right))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    kills = 0
    for _ in range(chance.randrange(1, 5)):
        time.sleep(chance.uniform(0.2, 1.5))
        workers = [pid for pid in family(server.process.pid) if is_alive(pid)]
        if workers:
            server.kill(chance.choice(workers))
            kills += 1
    wait_until(lambda: sum(map(is_alive, family(server.process.pid))) == 2, 10 * crowding())
    stop.set()
    for thread in threads:
        thread.join()
    last = [ask(port) for _ in range(10)]
    server.process.send_signal(signal.SIGTERM)
    ended = server.end()
    what = f"{kills} workers killed under load: {answered} answers, {len(lost)} connections lost"
    left = (*ground.leftovers(project), *(str(path) for path in folders if path.exists()))
    if wrong or not folders or set(last) != {right} or ended.code or len(lost) > 8 * kills:
        return Found(what, WRONG, f"{wrong[:3]} {set(last)} {right} {sorted(set(lost))} {ended}", left)
    return Found(what, SAME, left=left)


def metrics_folders(server: Victim) -> set[Path]:
    """Find the folder in memory, made by gunicorn.conf.py, in which the workers of a server keep their metrics."""
    files = [Path("/dev/shm").glob(f"metrics-*/*_{pid}.db") for pid in family(server.process.pid)]
    return {path.parent for found in files for path in found}


def ask(port: int) -> str:
    """Ask for one prediction; return status and body of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30 * crowding())
    try:
        body = json.dumps({"a": 0.5, "b": -1.25, "c": "x", "d": 7})
        connection.request("POST", "/api/v1/predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return f"{answer.status} {answer.read().decode()}"
    finally:
        connection.close()


def kill_mlflow(ground: Ground, chance: random.Random) -> Found:
    """Kill the server while runs are published: a line, and later each run is there once and whole."""
    project, port = ground.copy(), free_port()
    uri = f"http://127.0.0.1:{port}"
    server = mlflow_server(ground.place, port)
    tracking = Victim(project, "python", "-m", "tools.track", env={"MLFLOW_TRACKING_URI": uri})
    tracking.pause(chance.uniform(2, 5) * crowding())
    for pid in [server.pid, *family(server.pid)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.wait()
    ended = tracking.end()
    if ended.code and not ended.line.startswith(f"not tracked: MLflow at {uri} failed"):
        return Found("MLflow's server killed", WRONG, str(ended))
    server = mlflow_server(ground.place, port)
    try:
        again = [run(project, "python", "-m", "tools.track", env={"MLFLOW_TRACKING_URI": uri}) for _ in range(2)]
        runs = run(project, "python", "-c", RUNS, uri).text.splitlines()
    finally:
        for pid in [server.pid, *family(server.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.wait()
    what = f"MLflow's server killed: {ended.line[:60] or 'after all was published'}; then {runs}"
    count = len(runs)
    if not all(run.startswith("FINISHED") for run in runs) or f"0 of {count} runs were new" not in again[1].text:
        return Found(what, WRONG, str(again))
    return Found(what, LINE if ended.code else SAME, left=ground.leftovers(project))


def mlflow_server(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    """Start MLflow's server, its store in a folder, and wait until it listens."""
    command = [sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}", "--workers=1"]
    command += [f"--backend-store-uri=sqlite:///{folder}/server.db", f"--artifacts-destination={folder}/files"]
    with (folder / "mlflow.log").open("ab") as log:
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    wait_until(lambda: is_listening(port), 60 * crowding())
    return server


def break_dask(ground: Ground, chance: random.Random) -> Found:
    """Break a Dask cluster or a part during a stage: the same bytes, or a line and then the same bytes."""
    project = ground.copy()
    stage, folder = chance.choice(list(READS.items()))
    fault = chance.choice(["worker killed", "scheduler killed", "no memory", "part deleted", "part cut short"])
    cluster = [sys.executable, "-m", "benchmarks.faults.dask_cluster"]
    environment = project.environment({"DASK_TEMPORARY_DIRECTORY": str(ground.folder / "dask")})
    dask = subprocess.Popen(
        cluster, cwd=project.path, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert dask.stdout is not None
        scheduler = dask.stdout.readline().strip()
        workers = sorted(pid for pid in family(dask.pid) if "spawn_main" in command_line(pid))
        project.edit("config.yaml", compute__backend="dask", compute__scheduler=scheduler, compute__part_rows=100)
        victim = Victim(project, "dvc", "repro", "--force", "--single-item", stage)
        victim.wait_for(lambda: "Running stage" in victim.text)
        victim.pause(chance.uniform(0, 3) * crowding())
        if victim.process.poll() is not None:
            raise TooLate
        part = project.path / folder / chance.choice(["part-00000.parquet", "part-00001.parquet"])
        if fault.endswith("killed"):
            victim.kill(dask.pid if fault == "scheduler killed" else chance.choice(workers))
        elif fault == "no memory":
            worker = psutil.Process(chance.choice(workers))
            worker.rlimit(psutil.RLIMIT_AS, (worker.memory_info().vms + 2**20,) * 2)
        elif fault == "part deleted":
            part.unlink()
        else:
            part.write_bytes(part.read_bytes()[: chance.randrange(part.stat().st_size)])
        ended = victim.end()
    finally:
        with suppress(BrokenPipeError):
            dask.communicate(timeout=60)
    project.git("checkout", "config.yaml")
    lines = [line.partition("  ")[2] for line in ended.text.splitlines() if line.startswith(stage)]
    what = f"Dask: {fault} in {stage} (exit {ended.code}: {''.join(lines[-2:-1])})"
    if ended.code and not any(re.search(DASK_LINES, line) for line in lines):
        return Found(what, WRONG, f"no line names the cause: {ended.text[-2000:]}")
    if ended.code and (damaged := re.search(r"; remove (\S+) and run", ended.text)):
        run(project, "rm", "-r", damaged[1])
    return ground.judge(project, what, "dvc", "repro", before=ended, end=LINE if ended.code else SAME)


def command_line(pid: int) -> str:
    """Return the command line of a process; empty if it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    return ""
