"""Try the DVC remote step by step and print one JSON line a step; never by way of DVC, whose messages mislead here.

Steps: identity (who am I), bucket, read, write. It stops at the first that fails. Nothing is left in the bucket:
`write` begins a multipart upload and takes it back. Others run this as a subprocess, because credentials and host names
are looked up by libraries that heed no timeout. Run: python -m tools.transfer.probe [STEP ...]
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import dvc.config
from botocore import exceptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.session import Session

from tools.transfer.s3_errors import CREDENTIALS, explain

SECONDS = 5  # to connect, and to wait for an answer; there is no second try
LIMIT_SECONDS = 40  # the whole subprocess
PLACEHOLDER = "your-bucket"


class Step(NamedTuple):
    """What one step found; `text` is a cause and its mend if it is not ok."""

    name: str
    ok: bool
    text: str


class Remote(NamedTuple):
    """The default remote."""

    url: str
    config: dict[str, Any]

    @property
    def bucket(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def prefix(self) -> str:
        return urlsplit(self.url).path.strip("/")


def probe(*steps: str) -> list[Step]:
    """Try these steps in a subprocess that is ended after LIMIT_SECONDS."""
    command = [sys.executable, "-m", "tools.transfer.probe", *steps]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return [Step("bucket", False, f"no answer in {LIMIT_SECONDS} s; check network, name server and credentials")]
    found = [Step(*json.loads(line)) for line in done.stdout.splitlines()]
    if done.returncode != 0 and all(step.ok for step in found):
        last = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        found.append(Step("bucket", False, f"{last}; check the remote's settings: dvc config --list"))
    return found


def read_remote() -> Remote | None:
    """The default remote, with what .dvc/config.local and the user's settings add to it; None if there is none."""
    config = dvc.config.Config(dvc_dir=".dvc")
    name = config["core"].get("remote")
    return Remote(config["remote"][name]["url"], config["remote"][name]) if name in config["remote"] else None


def make_client(service: str, config: dict[str, Any]) -> Any:
    """A client of an AWS service with the remote's settings (as DVC names them), quick to give up."""
    session = Session(profile=config.get("profile"))
    for ours, theirs in (("configpath", "config_file"), ("credentialpath", "credentials_file")):
        if ours in config:
            session.set_config_variable(theirs, config[ours])
    return session.create_client(
        service,
        region_name=config.get("region") or session.get_config_variable("region") or "us-east-1",
        endpoint_url=config.get("endpointurl") if service == "s3" else None,
        verify=config.get("ssl_verify"),
        aws_access_key_id=config.get("access_key_id"),
        aws_secret_access_key=config.get("secret_access_key"),
        aws_session_token=config.get("session_token"),
        config=Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 1}),
    )


def identity(remote: Remote) -> str:
    """Whose the credentials are, or (where no STS belongs to the endpoint) that there are some."""
    own_endpoint = remote.config.get("endpointurl") or os.environ.get("AWS_ENDPOINT_URL_S3")
    if own_endpoint and "AWS_ENDPOINT_URL_STS" not in os.environ:
        make_client("s3", remote.config).list_objects_v2(Bucket=remote.bucket, MaxKeys=1)
        return "the endpoint accepts the credentials (it has no STS to say whose they are)"
    try:
        return str(make_client("sts", remote.config).get_caller_identity()["Arn"])
    except (exceptions.ConnectionError, HTTPClientError):
        return "STS does not answer; the endpoint of S3 may"
    except ClientError as error:
        if error.response["Error"]["Code"] in CREDENTIALS:
            raise
        return "STS does not say"


def bucket(remote: Remote) -> str:
    """The bucket is there and may be listed."""
    make_client("s3", remote.config).list_objects_v2(Bucket=remote.bucket, Prefix=remote.prefix, MaxKeys=1)
    return remote.url


def read(remote: Remote) -> str:
    """An object can be read, if there is one."""
    s3 = make_client("s3", remote.config)
    found = s3.list_objects_v2(Bucket=remote.bucket, Prefix=remote.prefix, MaxKeys=1).get("Contents", [])
    if not found:
        return "nothing there yet"
    s3.get_object(Bucket=remote.bucket, Key=found[0]["Key"])["Body"].close()
    return "an object can be read"


def write(remote: Remote) -> str:
    """An upload may begin; it is taken back."""
    s3 = make_client("s3", remote.config)
    upload = {"Bucket": remote.bucket, "Key": f"{remote.prefix}/.probe".lstrip("/")}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    s3.abort_multipart_upload(**upload)
    return "an upload can be begun"


STEPS: dict[str, Callable[[Remote], str]] = {"identity": identity, "bucket": bucket, "read": read, "write": write}


def try_steps(names: Iterable[str]) -> Iterator[Step]:
    """Try steps one after the other, up to the first that fails."""
    remote = read_remote()
    if remote is None or remote.bucket == PLACEHOLDER:
        yield Step("bucket", False, "no bucket yet; create one, then `dvc remote modify storage url s3://BUCKET/PATH`")
        return
    if not remote.url.startswith("s3://"):
        yield Step("bucket", True, f"{remote.url} is not S3; not tried")
        return
    for name in names:
        try:
            yield Step(name, True, STEPS[name](remote))
        except (BotoCoreError, ClientError) as error:
            yield Step(name, False, f"{remote.url}: {explain(error, endpoint(remote))}")
            return


def endpoint(remote: Remote) -> str:
    """Where S3 is asked."""
    named = (remote.config.get("endpointurl"), *map(os.environ.get, ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")))
    return next(filter(None, named), "AWS")


if __name__ == "__main__":
    for step in try_steps(sys.argv[1:] or STEPS):
        print(json.dumps(step), flush=True)
