"""Build the image with whichever of docker, podman or buildah works here. Run: make image"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from webapp.pin import PinError, load_pinned

TOOLS = ("docker", "podman", "buildah")
COPIED = ("Dockerfile", "dvc.lock", "gunicorn.conf.py", "models", "plots", "requirements/webapp.txt", "webapp")
NAME = "localhost/dvc-elasticnet"


def working_tool() -> str:
    """The first container tool that works (docker may be installed without its daemon running).

    Raises:
        OSError: none does.
    """
    for tool in filter(shutil.which, TOOLS):
        try:
            if subprocess.run([tool, "info"], capture_output=True, timeout=10).returncode == 0:
                return tool
        except subprocess.TimeoutExpired:
            continue
    raise OSError(f"none of {', '.join(TOOLS)} works here; install one, or start docker's daemon")


def build_command(tool: str, tag: str, revision: str, source: str, model_md5: str, *options: str) -> list[str]:
    """The command that builds the image for the machines that it will run on."""
    arguments = {"GIT_SHA": revision, "SOURCE": source, "MODEL_MD5": model_md5}
    given = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
    command = [tool, "build", "--platform", "linux/amd64", "--tag", tag, *given, *options, "."]
    return command if tool == "docker" else [*command[:2], "--format", "docker", *command[2:]]  # OCI has no HEALTHCHECK


def git(*arguments: str) -> str:
    """What git prints."""
    return subprocess.run(["git", *arguments], capture_output=True, text=True).stdout.strip()


def revision() -> str:
    """The commit that is checked out; `-dirty` if the image would not be what it says."""
    changed = git("status", "--porcelain", "--", *COPIED)
    return git("rev-parse", "HEAD") + ("-dirty" if changed else "")


def source() -> str:
    """The repository's address, if it has one, without the credentials that it may hold."""
    address = git("remote", "get-url", "origin")
    return re.sub(r"//[^/@]*@", "//", address) if re.match(r"(https?|ssh)://|git@", address) else ""


def main() -> None:
    try:
        tool, md5 = working_tool(), load_pinned(Path()).md5
    except (OSError, PinError) as error:
        raise SystemExit(f"image: {error}") from None
    tag = f"{NAME}:{revision()}"
    plain = {**os.environ, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}  # App Runner and ECS want an image, not an index
    command = build_command(tool, tag, revision(), source(), md5, *sys.argv[1:])
    if subprocess.run(command, env=plain).returncode != 0:
        raise SystemExit(f"image: {tool} failed, its lines are above")
    print(f"image: {tag}, built by {tool}, model {md5}")


if __name__ == "__main__":
    main()
