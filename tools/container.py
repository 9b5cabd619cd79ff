"""Build the image with whichever of docker, podman or buildah works here. Run: make image"""

import shutil
import subprocess

TOOLS = ("docker", "podman", "buildah")
NAME = "dvc-elasticnet"


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
