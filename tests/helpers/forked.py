"""Stages as processes forked from a Python that has imported the libraries: what most of them spend their time on.

The stage itself, and all else of the project that it imports, is read anew, and the process ends as any Python does.
Where the start is what matters (another environment, DVC, strace, a kill), the tests start a Python instead.

`python -m tests.helpers.forked` is that Python: to each line on stdin, the arguments of `become`, it answers with an
exit code.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

LIBRARIES = (
    *("joblib", "numpy", "pandas", "pandera.pandas", "pyarrow.parquet", "pydantic", "ruamel.yaml", "tqdm", "yaml"),
    *("sklearn.compose", "sklearn.datasets", "sklearn.ensemble", "sklearn.linear_model", "sklearn.preprocessing"),
    *("matplotlib.figure", "matplotlib.pyplot", "seaborn"),
)


def run_module(
    name: str, folder: Path, environment: dict[str, str], timeout: int
) -> "subprocess.CompletedProcess[str]":
    """Do what `python -m NAME` does in the folder; past the timeout (in seconds) it is killed by SIGALRM."""
    server = start_server()
    assert server.stdin is not None
    assert server.stdout is not None
    with TemporaryDirectory() as place:
        output, errors = Path(place, "output"), Path(place, "errors")
        print(json.dumps([name, str(folder), environment, str(output), str(errors), timeout]), file=server.stdin)
        exit_code = int(server.stdout.readline())
        return subprocess.CompletedProcess(name, exit_code, output.read_text(), errors.read_text())


@functools.cache
def start_server() -> "subprocess.Popen[str]":
    """The Python to fork; it ends with this process."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.forked"],
        cwd=Path(__file__).parent.parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    atexit.register(server.communicate)
    return server


def serve() -> None:
    """Fork for each request; only the new process returns, to end when its module has."""
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            become(*json.loads(line))
            break
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def become(name: str, folder: str, environment: dict[str, str], output: str, errors: str, timeout: int) -> None:
    """Be `python -m NAME` in the folder, with stdout and stderr in files."""
    for number, file in ((0, os.devnull), (1, output), (2, errors)):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT), number)
    signal.alarm(timeout)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.path[0], sys.argv[:] = folder, ["-m"]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    serve()
