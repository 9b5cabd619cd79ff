"""A small project that is built once, copies of it to break, and the checks after each fault."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from tests.helpers.pipeline import digests
from tests.helpers.processes import family, is_alive
from tests.helpers.project import Project, copy_checkout
from tests.helpers.servers import BUCKET, URL, client, crowding, environment, s3_server

ROWS = 200
MARK = "FAULTS_MARK"  # a variable of all processes that a round starts: an orphan keeps it
SAME, LINE, WRONG = "same bytes", "one line", "wrong"
SMALL = {  # changes of params.yaml that make the stages quick
    "features__interactions": 0,
    "features__knots": 3,
    "train__alphas": 5,
    "train__l1_ratios": [0.5],
    "evaluate__bootstrap": 100,
    "explore__sample_rows": 50,
    "report__sample_rows": 50,
}


FIXES = {  # what a failure says in its line, and what to do about it
    "Unable to read RWLock-file": "rm .dvc/tmp/rwlock",  # DVC writes it in place
    "dvc.lock": "git checkout dvc.lock",
}


class Found(NamedTuple):
    """The end of a round: what was done, how it ended, and why that is wrong."""

    what: str
    end: str  # SAME, LINE or WRONG
    why: str = ""
    left: tuple[str, ...] = ()  # processes, locks and temporary files after the next command


class Ended(NamedTuple):
    """A command that has ended: its exit code (negative: a signal) and all that it printed."""

    code: int
    text: str

    @property
    def line(self) -> str:
        """The last line, if this is a failure told without a traceback; empty otherwise."""
        lines = self.text.strip().splitlines()
        return lines[-1] if self.code and lines and "Traceback" not in self.text else ""


class TooLate(Exception):  # noqa: N818  # no error: the command ended before the fault
    """The round did not take place, because the command ended first."""


class Ground:
    """A folder with the built project, the undisturbed bytes, and the servers that rounds share."""

    def __init__(self, folder: Path, servers: ExitStack, pause: float) -> None:
        self.folder, self.servers, self.pause = folder, servers, pause  # seconds of a SIGSTOP
        self.place = folder / "round"
        self.built = Project(folder / "built")
        copy_checkout(self.built.path)
        self.built.use_table(small_table(), FIELDS, **SMALL)
        self.built.edit("config.yaml", compute__part_rows=ROWS // 2, compute__workers=1)
        self.built.dvc("remote", "modify", "storage", "url", URL)
        self.built.git("add", "--force", "data/source/table.csv")
        self.built.git("commit", "--quiet", "--all", "--message", "A small table")
        self.built.dvc("repro", "--force")
        self.built.git("commit", "--quiet", "--all", "--message", "Results")
        shutil.rmtree(self.built.path / "logs")
        self.bytes = state(self.built)
        self.files = listing(self.built) | {".dvc/config.local", ".dvc/tmp/track.lock", ".dvc/tmp/sweep/lock"}
        self.experiments: dict[str, str] = {}  # of an undisturbed sweep, and their trees
        self.read: dict[str, dict[str, str]] = {}  # what ingest reads undisturbed, by source
        self.addresses: dict[str, str] = {}

    @cached_property
    def s3(self) -> str:
        """The address of an S3 server, with an empty bucket."""
        return self.servers.enter_context(s3_server())

    @cached_property
    def pushed(self) -> str:
        """The address of the S3 server, once the built project has been pushed."""
        self.built.dvc("push", env=environment(self.s3))
        return self.s3

    @cached_property
    def objects(self) -> dict[str, bytes]:
        """The bucket after an undisturbed push: the bytes by key."""
        s3 = client(self.pushed)
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="some/path/")["Contents"]
        return {one["Key"]: s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in listed}

    @cached_property
    def without_mlflow(self) -> dict[str, str]:
        """Variables with which Python finds no MLflow, whose import takes longer than a sweep."""
        (self.folder / "sitecustomize").mkdir()
        (self.folder / "sitecustomize/sitecustomize.py").write_text('import sys\nsys.modules["mlflow"] = None\n')
        return {"PYTHONPATH": str(self.folder / "sitecustomize")}

    def shared(self, name: str, start: Callable[[], tuple[str, Callable[[], None]]]) -> str:
        """Start a server once; return its address."""
        if name not in self.addresses:
            self.addresses[name], stop = start()
            self.servers.callback(stop)
        return self.addresses[name]

    def copy(self, name: str = "copy") -> Project:
        """Make a fresh copy of the built project, with a temporary folder and a mark of its own."""
        self.place.mkdir(exist_ok=True)
        project = self.built.copy_to(self.place / name)
        project.env = self.variables()
        return project

    def clone(self, project: Project) -> Project:
        """Clone a project, with nothing pulled."""
        project.git("clone", "--quiet", str(project.path), str(self.place / "clone"))
        return Project(self.place / "clone", self.variables())

    def variables(self) -> dict[str, str]:
        """The variables of a round's processes."""
        (self.place / "tmp").mkdir(parents=True, exist_ok=True)
        return {
            **environment(self.s3),
            MARK: str(self.place),
            "DVC_SITE_CACHE_DIR": str(self.place / "site"),
            "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(self.place / "tmp"),
        }

    def differences(self, project: Project) -> list[str]:
        """Name what differs from the undisturbed run, and objects in the cache that are not what their name says."""
        found = state(project)
        different = [path for path in sorted(self.bytes | found) if self.bytes.get(path) != found.get(path)]
        return different + damaged_objects(project)

    def leftovers(self, project: Project) -> tuple[str, ...]:
        """Name processes of this round that run, locks, and files that an undisturbed run does not have."""
        deadline = time.monotonic() + 5 * crowding()
        while (running := marked(self.place)) and time.monotonic() < deadline:
            time.sleep(0.05)
        files = sorted(listing(project) - self.files)
        temporary = [str(path.relative_to(self.folder)) for path in (self.place / "tmp").rglob("*")]
        return (*running, *files, *temporary)

    def judge(self, project: Project, what: str, *command: str, before: Ended | None = None, end: str = SAME) -> Found:
        """Run the next command, and what its line says if it fails in one; compare with the undisturbed run.

        Args:
            before: the disturbed command, which must have shown no traceback.
            end: of a round that goes well: LINE where the fault was told in a line.
        """
        after = run(project, *command)
        text = (before.text if before else "") + after.text
        if "Traceback" in text:
            return Found(what, WRONG, f"a traceback: {text[-3000:]}")
        fix = next((fix for line, fix in FIXES.items() if after.code and line in after.text), None)
        if fix is not None:
            run(project, "sh", "-c", fix)
            after, end = run(project, *command), LINE
        if after.code:
            return Found(what, WRONG, f"the next command failed: {after.text[-3000:]}")
        if different := self.differences(project):
            return Found(what, WRONG, f"different: {', '.join(different)}")
        return Found(what, end, left=self.leftovers(project))

    def clear(self) -> None:
        """End what a round has left and remove its folder."""
        self.clear_processes()
        shutil.rmtree(self.place, ignore_errors=True)

    def clear_processes(self) -> None:
        """End the processes that a round has left."""
        for line in marked(self.place):
            with suppress(ProcessLookupError):
                os.kill(int(line.split()[1]), signal.SIGKILL)


FIELDS = [
    {"name": "a", "type": "number"},
    {"name": "b", "type": "number"},
    {"name": "c", "type": "string"},
    {"name": "d", "type": "integer"},
    {"name": "y", "type": "number", "role": "target"},
]


def small_table() -> pd.DataFrame:
    """Make a table of five columns."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, ROWS)).round(4)
    c, d = rng.choice(["x", "y", "z"], ROWS), rng.integers(0, 50, ROWS)
    y = 3 * a - 2 * np.abs(b) + 1.5 * (c == "x") + 0.05 * d + 0.3 * rng.normal(size=ROWS)
    return pd.DataFrame({"a": a, "b": b, "c": c, "d": d, "y": y.round(4)})


def state(project: Project) -> dict[str, str]:
    """Return the md5 of all that stages write, the stages in dvc.lock (in any order) and git's other changes."""
    changes = [line for line in project.git("status", "--porcelain").splitlines() if not line.endswith("dvc.lock")]
    return {**digests(project), "dvc.lock": json.dumps(read_lock(project), sort_keys=True), "git": "\n".join(changes)}


def read_lock(project: Project) -> Any:
    """Read dvc.lock."""
    return YAML(typ="safe").load(project.path / "dvc.lock")


def listing(project: Project) -> set[str]:
    """Name all files, without logs, compiled modules and DVC's memory of runs; of git's, its locks alone."""
    found = set()
    for folder, folders, names in os.walk(project.path):
        place = Path(folder).relative_to(project.path)
        folders[:] = [name for name in folders if name not in ("__pycache__", "logs", "runs")]
        found |= {str(place / name) for name in names if place.parts[:1] != (".git",) or name.endswith(".lock")}
    return found


def damaged_objects(project: Project) -> list[str]:
    """Name the objects in DVC's cache whose content is not what their name says."""
    objects = (project.path / ".dvc/cache/files/md5").glob("??/*")
    return [
        f"cache: {path.name}"
        for path in sorted(objects)
        if hashlib.md5(path.read_bytes()).hexdigest() != f"{path.parent.name}{path.name}".removesuffix(".dir")
    ]


def marked(place: Path) -> list[str]:
    """Describe the running processes that carry the mark of a round, other than the servers that rounds share."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with suppress(OSError):
                if f"{MARK}={place}\0".encode() in (process / "environ").read_bytes() and is_alive(int(process.name)):
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found.append(f"process {process.name} {command[:100]}")
    return found


class Victim:
    """A command that runs in the background, its output in a file."""

    def __init__(self, project: Project, *command: str, env: dict[str, str] | None = None) -> None:
        self.log = project.path.parent.parent / f"{project.path.name}.log"  # outside the round, whose disk may be full
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=project.path,
                env=project.environment(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        """All that it has printed."""
        return self.log.read_text(errors="replace")

    def running(self) -> dict[int, str]:
        """Return its descendants and their command lines."""
        found = {}
        for pid in family(self.process.pid):
            with suppress(OSError):
                found[pid] = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
        return found

    def wait_for(self, condition: Callable[[], bool], pause: float = 0.002, seconds: float = 120) -> bool:
        """Look for a condition again and again; return False if the command ended before it came true."""
        deadline = time.monotonic() + seconds * crowding()
        while not (true := condition()) and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(pause)
        return true

    def pause(self, seconds: float) -> bool:
        """Let it run for some seconds; return False if it ended."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.poll() is None

    def kill(self, *pids: int) -> None:
        """Kill processes at once; the command itself, if none are named."""
        for pid in pids or (self.process.pid,):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def failure(self) -> Ended:
        """Wait for its end.

        Raises:
            TooLate: it has succeeded, so that the fault came after it.
        """
        if (ended := self.end()).code == 0:
            raise TooLate
        return ended

    def end(self, seconds: float = 300) -> Ended:
        """Wait for its end; a command that takes too long is killed and ends with code 124."""
        try:
            code = self.process.wait(seconds * crowding())
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            code = 124
        return Ended(code, self.text)


def run(project: Project, *command: str, env: dict[str, str] | None = None) -> Ended:
    """Run a command to its end."""
    return Victim(project, *command, env=env).end()
