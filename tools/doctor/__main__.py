"""Check in seconds that a checkout has all it needs: a line a check, ok, or not ok with the mend. Run: make doctor"""

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from os import environ
from pathlib import Path
from urllib.parse import urlsplit

from packaging.requirements import Requirement
from ruamel.yaml import YAML

from tools.container import working_tool
from tools.doctor.dvc_checks import cache, dependencies, lock
from tools.transfer.probe import Step, probe

REINSTALL = "run `make clean setup`"


def python() -> Step:
    """The Python that the promise of the same bytes is about."""
    wanted, found = Path(".python-version").read_text(encoding="utf-8").strip(), sys.version.split()[0]
    same = found.split(".")[:2] == wanted.split(".")[:2]
    return Step(
        "python", same, found if same else f"{found}, the same bytes are promised for {wanted}; {REINSTALL} with it"
    )


def packages() -> Step:
    """The installed versions are the locked ones."""
    wrong, count = [], 0
    for group in ("dvc", "pipeline"):
        for line in Path("requirements", f"{group}.txt").read_text(encoding="utf-8").splitlines():
            if "==" not in line:
                continue
            wanted = Requirement(line.removesuffix("\\"))
            if wanted.marker is not None and not wanted.marker.evaluate():
                continue
            count += 1
            found = installed(wanted.name)
            if found is None or not wanted.specifier.contains(found, prereleases=True):
                wrong.append(f"{wanted.name} {found or 'missing'}, locked {wanted.specifier}")
    return Step("packages", not wrong, f"{'; '.join(wrong[:3])}: {REINSTALL}" if wrong else f"{count} as locked")


def installed(name: str) -> str | None:
    """The version of a package here."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def dvc_command() -> Step:
    """DVC on PATH is this environment's: a queue's worker and the stages find their Python by PATH."""
    found = shutil.which("dvc")
    here = found is not None and Path(found).parent.resolve() == Path(sys.executable).parent.resolve()
    return Step("dvc", here, found if here and found else f"on PATH: {found}; run `source .venv/bin/activate`")


def remote() -> list[Step]:
    """Who am I, bucket, read, write."""
    return [Step(f"s3 {step.name}", step.ok, step.text) for step in probe()]


def mlflow() -> Step:
    """The store that runs are published in can be reached."""
    config = YAML(typ="safe").load(Path("config.yaml"))
    uri = environ.get("MLFLOW_TRACKING_URI") or config.get("track", {}).get("uri", "sqlite:///mlflow.db")
    address = urlsplit(uri)
    if address.scheme not in ("http", "https"):
        folder = Path(uri.split(":///")[-1]).parent
        return Step("mlflow", folder.is_dir(), uri if folder.is_dir() else f"{uri}: no such folder; create it")
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        with socket.create_connection((address.hostname or "", port), timeout=5):
            return Step("mlflow", True, f"{uri} accepts connections")
    except OSError:
        mend = "start the server, or mend MLFLOW_TRACKING_URI or config.yaml: track.uri"
        return Step("mlflow", False, f"{uri} does not answer; {mend}")


def container() -> Step:
    """There is something to build the image with."""
    return Step("container", True, f"{working_tool()} works")


CHECKS: list[Callable[[], Step | list[Step]]]
CHECKS = [python, packages, dvc_command, dependencies, lock, cache, remote, mlflow, container]


def steps_of(check: Callable[[], Step | list[Step]]) -> list[Step]:
    """What a check found; what keeps it from looking is a finding too."""
    try:
        found = check()
    except subprocess.TimeoutExpired as error:
        found = Step(check.__name__, False, f"{error}; try `{' '.join(error.cmd)}` by hand")
    except (OSError, ValueError) as error:
        found = Step(check.__name__, False, str(error))
    return found if isinstance(found, list) else [found]


def diagnose() -> Iterable[Step]:
    """All the findings, in the order of CHECKS; the checks run side by side."""
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        for found in pool.map(steps_of, CHECKS):
            yield from found


def main() -> None:
    healthy = True
    for step in diagnose():
        print(f"{'ok    ' if step.ok else 'not ok'}  {step.name:<12}  {step.text}", flush=True)
        healthy &= step.ok
    sys.exit(not healthy)


if __name__ == "__main__":
    main()
