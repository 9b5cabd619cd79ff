"""Build the image of the web app with docker, podman or buildah, whichever works here. Run: make image"""

import re
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from stages.utils.errors import PipelineError
from tools.commands import failure_in_one_line, git, run
from webapp.pin import PinError, load_pinned

TOOLS = ("docker", "podman", "buildah")
COPIED = ("Dockerfile", "dvc.lock", "gunicorn.conf.py", "models", "plots", "requirements", "webapp")
NAME = "localhost/dvc-elasticnet"


def working_tool() -> str:
    """Find the first container tool that works (docker may be installed without its daemon running).

    Raises:
        PipelineError: none does.
    """
    for tool in filter(shutil.which, TOOLS):
        with suppress(PipelineError):
            run(tool, "info", seconds=10)
            return tool
    raise PipelineError(f"none of {', '.join(TOOLS)} works here; install one, or start docker's daemon")


def build_command(tool: str, tag: str, revision: str, source: str, model_md5: str, *options: str) -> list[str]:
    """Compose the command that builds the image for linux/amd64, where it will run."""
    arguments = {"GIT_SHA": revision, "SOURCE": source, "MODEL_MD5": model_md5}
    given = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
    command = [tool, "build", "--platform", "linux/amd64", "--tag", tag, *given, *options, "."]
    return command if tool == "docker" else [*command[:2], "--format", "docker", *command[2:]]  # OCI has no HEALTHCHECK


def revision() -> str:
    """Name the commit that is checked out, with `-dirty` if what goes into the image differs from it."""
    changed = git("status", "--porcelain", "--", *COPIED)
    return git("rev-parse", "HEAD") + ("-dirty" if changed else "")


def source() -> str:
    """Give the address of the remote `origin`, without credentials; "" if it has no public form."""
    address = git("config", "--default", "", "--get", "remote.origin.url")
    return re.sub(r"//[^/@]*@", "//", address) if re.match(r"(https?|ssh)://|git@", address) else ""


def main() -> None:
    with failure_in_one_line("image", (PipelineError, PinError)):
        tool, md5 = working_tool(), load_pinned(Path()).md5
        tag = f"{NAME}:{revision()}"
        command = build_command(tool, tag, revision(), source(), md5, *sys.argv[1:])
        run(*command, env={"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}, shown=True)  # AWS wants an image, not an index
    print(f"image: {tag}, built by {tool}, model {md5}")


if __name__ == "__main__":
    main()
