"""Check that a checkout has all it needs: one line per check, ok, or not ok with the fix. Run: make doctor"""

import json
import shutil
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from packaging.requirements import Requirement
from ruamel.yaml import YAML

from stages.utils.errors import PipelineError
from tools.commands import git, run
from tools.dvc_cache import SECONDS, check_cache, check_rwlock
from tools.image import working_tool
from tools.s3_remote import ONE_TRY, check_remote
from tools.track.store import tracking_uri

REINSTALL = "run `make clean setup`"
DVC_SECONDS = 60  # a first `dvc status` reads all the data


def python() -> str:
    """Compare the Python version with that of dvc.lock: the same bytes are promised within a minor version."""
    locked, found = Path(".python-version").read_text(encoding="utf-8").strip(), sys.version.split()[0]
    if found.split(".")[:2] == locked.split(".")[:2]:
        return found
    return f'{found}; dvc.lock is of {locked}: `make verify ARGS="--tolerance 1e-9"` compares numbers, not bytes'


def packages() -> str:
    """Compare the installed versions with the locked ones."""
    lines = [line for name in ("dvc", "pipeline") for line in Path(f"requirements/{name}.txt").read_text().splitlines()]
    locked = [Requirement(line.removesuffix("\\")) for line in lines if "==" in line]
    needed = [package for package in locked if package.marker is None or package.marker.evaluate()]
    wrong = []
    for package in needed:
        try:
            found = version(package.name)
        except PackageNotFoundError:
            found = "missing"
        if found == "missing" or not package.specifier.contains(found, prereleases=True):
            wrong.append(f"{package.name} {found}, locked {package.specifier}")
    if wrong:
        raise PipelineError(f"{'; '.join(wrong[:3])}: {REINSTALL}")
    return f"{len(needed)} as locked"


def dvc_command() -> str:
    """Check that the DVC on PATH is this environment's: DVC's queue and the stages find their Python by PATH."""
    found = shutil.which("dvc")
    if found is None or Path(found).parent.resolve() != Path(sys.executable).parent.resolve():
        raise PipelineError(f"on PATH: {found}; run `source .venv/bin/activate`")
    return found


def dependencies() -> str:
    """Check that every dependency of a stage comes from a stage, git or `dvc add`: a clone gets nothing else."""
    stages = YAML(typ="safe").load(Path("dvc.yaml"))["stages"].values()
    outs = [out for stage in stages for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    written = {out if isinstance(out, str) else next(iter(out)) for out in outs}
    deps = sorted({dep for stage in stages for dep in stage["deps"]} - written)
    if absent := [dep for dep in deps if not Path(dep).exists() and not Path(f"{dep}.dvc").exists()]:
        raise PipelineError(f"missing: {', '.join(absent)}; `git checkout` them")
    others = [file for file in git("ls-files", "--others", "--", *deps).splitlines() if "__pycache__" not in file]
    if untracked := [file for file in others if not Path(f"{file}.dvc").exists()]:
        raise PipelineError(f"not tracked: {', '.join(untracked)}; `dvc add` data, `git add` the rest")
    return f"all {len(deps)} are tracked"


def lock() -> str:
    """Compare dvc.lock with dvc.yaml, the parameters and the files."""
    check_rwlock()
    try:
        status = json.loads(run("dvc", "status", "--json", seconds=DVC_SECONDS))
    except PipelineError as error:
        raise PipelineError(f"{error}; fix that, or `git checkout dvc.lock`") from None
    entries = [entry for changed in status.values() for entry in changed if isinstance(entry, dict)]
    changes = [paths for entry in entries for paths in entry.values() if isinstance(paths, dict)]
    states = {path: state for paths in changes for path, state in paths.items()}
    absent = sorted(path for path, state in states.items() if state in ("deleted", "not in cache"))
    if status and len(absent) == len(states):
        raise PipelineError(f"not here: {', '.join(absent)}; run `make pull`, or rebuild them with `make repro`")
    if status:
        raise PipelineError(f"changed since the last run: {', '.join(status)}; run `make repro`")
    return "up to date"


def mlflow() -> str:
    """Check that the store for runs can be reached."""
    uri = tracking_uri()
    address = urlsplit(uri)
    if address.scheme not in ("http", "https"):
        if not Path(uri.split(":///")[-1]).parent.is_dir():
            raise PipelineError(f"{uri}: no such folder; create it")
        return uri
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        with socket.create_connection((address.hostname or "", port), timeout=5):
            return f"{uri} accepts connections"
    except OSError:
        raise PipelineError(
            f"{uri} does not answer; start the server, or correct MLFLOW_TRACKING_URI or config.yaml: track.uri"
        ) from None


def container() -> str:
    """Find a tool to build the image with."""
    return f"{working_tool()} works"


def default_vpc() -> str:
    """Check that the region has a default VPC: ECS Express puts a service there unless it is given subnets."""
    session = Session()
    region = session.get_config_variable("region")
    if not region:
        return "not checked: no AWS region is set"
    try:
        ec2 = session.create_client("ec2", config=ONE_TRY)
        found = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    except (BotoCoreError, ClientError) as error:
        return f"not checked: {error}"
    if not found:
        fix = '`aws ec2 create-default-vpc`, or `make deploy ARGS="--set SubnetIds=subnet-…,subnet-…"`'
        raise PipelineError(f"none in {region}, and a deployment on ECS Express needs one: {fix}")
    return f"{region} has one"


CHECKS: dict[str, Callable[[], str]] = {
    "python": python,
    "packages": packages,
    "dvc": dvc_command,
    "deps": dependencies,
    "lock": lock,
    "cache": lambda: check_cache(SECONDS),
    "s3": check_remote,
    "mlflow": mlflow,
    "container": container,
    "default vpc": default_vpc,
}


def diagnose(check: Callable[[], str]) -> tuple[bool, str]:
    """Run a check; return True and what it found, or False and what is wrong."""
    try:
        return True, check()
    except (PipelineError, OSError) as error:
        return False, str(error)


def main() -> None:
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        findings = dict(zip(CHECKS, pool.map(diagnose, CHECKS.values()), strict=True))
    for name, (ok, text) in findings.items():
        print(f"{'ok    ' if ok else 'not ok'}  {name:<12}  {text}")
    sys.exit(not all(ok for ok, _ in findings.values()))


if __name__ == "__main__":
    main()
