"""The repository's Markdown: its fenced blocks, commands and anchors, and a reader who runs the commands of a page."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.helpers.pipeline import STAGES
from tests.helpers.processes import PATIENCE, end, family, is_alive, is_listening, wait_until
from tests.helpers.project import ROOT, Project
from tests.helpers.servers import free_port
from tests.helpers.skipping import needs

ADDRESS = "127.0.0.1:8000"  # of the web app, in a page
START = 180  # seconds until a server must listen; MLflow takes ten of a calm machine
SERVERS = ("make serve", "make serve PREDICTION_LOG=prediction-log", "make ui")  # run until they are stopped
STAMPS = (".cluster", ".pipeline", ".test", ".track", ".translate", ".webapp")  # of .venv in the Makefile
EACH_STAGE = f"for stage in {' '.join(STAGES)}; do python -m stages.$stage || break; done"
ONLY_SHOWN = {  # by `make --dry-run`, or only parsed; their own tests run them
    EACH_STAGE: "tests/pipeline/test_reproducible.py",
    "make verify": "tests/tools/test_verify.py",
    "make image": "tests/deploy/test_container.py",
    "make monitor LOG=prediction-log OUTCOMES=outcomes.csv": "tests/tools/test_monitor.py",
    "make loop-demo": "tests/tools/test_loop_demo.py",
    "make cluster-demo": "tests/tools/test_cluster_demo.py",
    "make deploy": "tests/deploy/test_deploy.py",
}


def text_of(document: str) -> str:
    """The whole text of a document."""
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(document), re.M | re.S)


def commands(document: str) -> list[str]:
    """The commands of the shell blocks, without comments; a continued line is one command."""
    lines = "".join(blocks(document, "sh")).replace("\\\n", " ").splitlines()
    return [re.sub(r"\s+#.*", "", line).strip() for line in lines if line.strip()]


def anchors(document: str | Path) -> set[str]:
    """The anchors of a document's headings."""
    headings = re.findall(r"^#+ (.*)$", (ROOT / document).read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def walk(document: str, project: Project) -> list[tuple[str, str]]:
    """Run the commands of a page in order, as a reader would; returns each with what it printed.

    The project gets a .venv that stands for this Python and its packages.
    """
    (project.path / ".venv/bin").mkdir(parents=True)
    for name, text in (
        ("activate", ""),
        ("python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'),
        *((stamp, "") for stamp in STAMPS),
    ):
        (project.path / ".venv/bin" / name).write_text(text)
        (project.path / ".venv/bin" / name).chmod(0o755)
    ran = []
    with ExitStack() as servers:
        address = ADDRESS
        for command in commands(document):
            if command in SERVERS:
                port = free_port()
                address = f"127.0.0.1:{port}"
                servers.enter_context(serve(command, project, port))
                continue
            if command.startswith("node "):
                needs("node")
            text = command.replace("make", "make --dry-run", 1) if command in ONLY_SHOWN else command
            name, *arguments = shlex.split(text)
            if name == "dvc" and "&&" not in arguments:
                done = project.dvc(*arguments, check=False)
            else:
                done = project.run("bash", "-neuc" if command == EACH_STAGE else "-euc", text.replace(ADDRESS, address))
            ran.append((command, done.stdout + done.stderr))
            assert done.returncode == 0 or command == "make doctor", (document, *ran[-1])
    return ran


@contextmanager
def serve(command: str, project: Project, port: int) -> Iterator[None]:
    """Run a server of the Makefile from the moment it listens until the block ends."""
    log = project.path.parent / "server.log"
    environment = project.environment({"PORT": str(port), "WEB_CONCURRENCY": "1"})
    with log.open("wb") as output:
        server = subprocess.Popen(
            command.split(),
            cwd=project.path,
            env=environment,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )
    try:
        assert wait_until(lambda: is_listening(port) or server.poll() is not None, START), command
        assert server.poll() is None, log.read_text()
        yield
    finally:
        started = family(server.pid)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        wait_until(lambda: not any(map(is_alive, started)), PATIENCE)
        end(server, started)
