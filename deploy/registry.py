"""The image in ECR: pushed once under a tag that never moves."""

import base64
import subprocess

from botocore.exceptions import ClientError

from deploy.aws import DeployError, client
from tools.container import NAME, working_tool

PUSH_SECONDS = 900


def is_pushed(repository: str, tag: str) -> bool:
    """Whether ECR has the tag: it is immutable, and a second push would be refused."""
    try:
        client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ImageNotFoundException":
            return False
        raise
    return True


def push(uri: str, tag: str) -> None:
    """Push the local image of this commit to the repository at `uri`.

    Raises:
        DeployError: there is no such image here, or the container tool failed.
    """
    try:
        tool = working_tool()
    except OSError as error:
        raise DeployError(str(error)) from None
    token = client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    run([tool, "tag", f"{NAME}:{tag}", f"{uri}:{tag}"], hint="build it: make image")
    run([tool, "login", "--username", user, "--password-stdin", uri.partition("/")[0]], password)
    run([tool, "push", f"{uri}:{tag}"])


def run(command: list[str], given: str = "", hint: str = "see its lines above") -> None:
    """Run the container tool; a password goes in by standard input, where no list of processes shows it."""
    try:
        done = subprocess.run(command, input=given, text=True, timeout=PUSH_SECONDS)
    except subprocess.TimeoutExpired:
        raise DeployError(f"`{' '.join(command)}` took more than {PUSH_SECONDS} s") from None
    if done.returncode != 0:
        raise DeployError(f"`{' '.join(command)}` failed; {hint}")
