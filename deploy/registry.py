"""The image in ECR: pushed once under a tag that never moves."""

import base64

from botocore.exceptions import ClientError

from deploy.aws import client
from stages.utils.errors import PipelineError
from tools.commands import run
from tools.image import NAME, working_tool

PUSH_SECONDS = 900


def is_pushed(repository: str, tag: str) -> bool:
    """Return True if ECR has the tag: it is immutable, and a second push would be refused."""
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
        PipelineError: the image was not built here, or the container tool failed.
    """
    tool = working_tool()
    token = client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    try:
        run(tool, "tag", f"{NAME}:{tag}", f"{uri}:{tag}")
    except PipelineError as error:
        raise PipelineError(f"{error}; build the image first: make image") from None
    # the password goes in by standard input, where no list of processes shows it
    run(tool, "login", "--username", user, "--password-stdin", uri.partition("/")[0], text=password)
    run(tool, "push", f"{uri}:{tag}", shown=True, seconds=PUSH_SECONDS)
