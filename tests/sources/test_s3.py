"""Sources on S3, from a server on this machine."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from stages.sources.files import SCRATCH
from stages.utils.errors import SourceError
from tests.helpers.reading import nothing_read, read

OBJECTS = {"deep/a.csv": b"a,b\n1,2\n", "deep/b.csv": b"a,b\n3,4\n", "other.csv": b"c\n9\n"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server with a bucket."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "tester", "aws_secret_access_key": "tester", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=address, **keys)
    client.create_bucket(Bucket="tables")
    for key, body in OBJECTS.items():
        client.put_object(Bucket="tables", Key=key, Body=body)
    client.close()
    yield address
    server.stop()


@pytest.fixture(autouse=True)
def environment(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tester")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def test_an_object_and_a_glob() -> None:
    assert read("s3://tables/other.csv")["c"].tolist() == ["9"]
    metrics = nothing_read()
    frame = read("s3://tables/deep/*.csv", metrics)
    assert frame["a"].tolist() == ["1", "3"]
    assert frame["_file"].tolist() == ["s3://tables/deep/a.csv", "s3://tables/deep/b.csv"]
    assert [(file.name, file.bytes) for file in metrics.files] == [
        ("s3://tables/deep/a.csv", 8),
        ("s3://tables/deep/b.csv", 8),
    ]
    assert all(len(file.etag) == 32 for file in metrics.files)
    assert not SCRATCH.exists()


@pytest.mark.parametrize("uri", ["s3://tables/none.csv", "s3://nowhere/a.csv"])
def test_nothing_there(uri: str) -> None:
    with pytest.raises(SourceError, match=r"no such object or bucket; correct config.yaml: source.uri"):
        read(uri)


def test_nothing_matches() -> None:
    with pytest.raises(SourceError, match="no object matches"):
        read("s3://tables/none/*.csv")
