"""Sources over HTTP, packed or not, from a server on this machine that misbehaves on demand."""

import bz2
import gzip
import hashlib
import io
import lzma
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.sources import download, remote
from stages.sources.files import SCRATCH
from stages.utils.errors import PipelineError, SettingsError, SourceError
from stages.utils.metrics_files import SourceFile
from tests.helpers.project import Workspace
from tests.helpers.reading import nothing_read, read

TABLE = b"a,b\n1,2\n3,4\n"


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


FILES = {
    "/table.csv": TABLE,
    "/download": TABLE,
    "/table.csv.gz": gzip.compress(TABLE),
    "/table.csv.xz": lzma.compress(TABLE),
    "/table.csv.bz2": bz2.compress(TABLE),
    "/table.zip": zipped({"table.csv": TABLE}),
    "/two.zip": zipped({"first.csv": TABLE, "deep/second.csv": b"c\n9\n", "__MACOSX/x": b""}),
    "/climbing.zip": zipped({"../evil.csv": TABLE}),
    "/half.csv.gz": gzip.compress(TABLE * 1000)[:-40],
    "/half.zip": zipped({"table.csv": TABLE})[:-30],
    "/owner/repo/v1/data/table.csv": TABLE,
    "/rows.jsonl": b'{"a": 1, "b": "x"}\n\n{"b": null, "c": 2.50, "a": true}\n[1]\n{"a": 1\n',
}
STATUS = {"/missing.csv": 404, "/forbidden.csv": 403, "/unauthorised.csv": 401, "/broken.csv": 500}


class Handler(BaseHTTPRequestHandler):
    """Serves FILES, and what each path's name says."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path, asked = self.path.partition("?")[0], self.server.asked  # type: ignore[attr-defined]
        asked[path] += self.command == "GET"
        if path == "/flaky.csv" and asked[path] < 3:
            self.answer(503, b"busy")
        elif path == "/short.csv":
            self.answer(200, TABLE, length=10_000)
            self.close_connection = True
        elif path.endswith("/stalls.csv"):
            self.answer(200, b"a,b\n", length=10_000)
            time.sleep(1.5)
            self.close_connection = True
        elif path.endswith("/drips.csv"):
            self.answer(200, b"a,b\n", length=10_000)
            with suppress(ConnectionError):  # until the client has had enough
                for _ in range(100 if self.command == "GET" else 0):
                    time.sleep(0.02)
                    self.wfile.write(b"1")
            self.close_connection = True
        elif path == "/login.csv":
            self.send_response(302)
            self.send_header("Location", "/login")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path == "/login":
            self.answer(200, b"\n<!DOCTYPE html><html><body>Please log in</body></html>")
        elif path in STATUS:
            self.answer(STATUS[path], b"no")
        else:
            self.answer(200, TABLE if path == "/flaky.csv" else FILES[path])

    def answer(self, status: int, body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("ETag", '"v1"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
            self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    running.asked = Counter()  # type: ignore[attr-defined]
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


Url = Callable[[str], str]


@pytest.fixture
def url(server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Url:
    """The address of a path, with an empty working directory and short pauses."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(download, "PAUSE", 0.01)
    monkeypatch.setattr(download, "STALL", 0.3)
    server.asked.clear()  # type: ignore[attr-defined]
    address = f"http://127.0.0.1:{server.server_address[1]}"
    return lambda path: f"{address}{path}"


@pytest.mark.parametrize(
    "path", ["/table.csv", "/table.csv?token=x", "/table.csv.gz", "/table.csv.xz", "/table.csv.bz2", "/table.zip"]
)
def test_read_whatever_the_packing(url: Url, path: str) -> None:
    metrics = nothing_read()
    frame = read(url(path), metrics)
    assert frame[["a", "b"]].to_numpy().tolist() == [["1", "2"], ["3", "4"]]
    assert set(frame["_file"]) == {url(path)}
    content = FILES[path.partition("?")[0]]
    expected = {"bytes": len(content), "etag": '"v1"', "name": url(path), "sha256": hashlib.sha256(content).hexdigest()}
    assert metrics.files == [SourceFile(**expected)]
    assert not SCRATCH.exists()


def test_one_member_of_an_archive(url: Url) -> None:
    assert read(f"zip://deep/second.csv::{url('/two.zip')}")["c"].tolist() == ["9"]


def test_format_and_pin_from_the_settings(url: Url) -> None:
    digest = hashlib.sha256(TABLE).hexdigest()
    assert len(read(url("/download"), format="csv", sha256=digest)) == 2


def test_json_lines(url: Url) -> None:
    metrics = nothing_read()
    frame = read(url("/rows.jsonl"), metrics)
    assert metrics.blank_rows == 1
    assert frame.columns[:3].tolist() == ["a", "b", "c"]
    cells = [[None if pd.isna(cell) else cell for cell in row] for row in frame[["a", "b", "c"]].to_numpy().tolist()]
    assert cells == [["1", "x", None], ["true", None, "2.50"], [None] * 3, [None] * 3]
    assert frame["_line"].tolist() == [1, 3, 4, 5]
    assert frame["_problem"].iloc[2] == "not a JSON object"
    assert frame["_problem"].iloc[3].startswith("not JSON: ")


def test_a_busy_server_is_asked_again(url: Url, server: ThreadingHTTPServer) -> None:
    assert len(read(url("/flaky.csv"))) == 2
    assert server.asked["/flaky.csv"] == 3  # type: ignore[attr-defined]


def test_github(url: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    assert remote.github_address("github://o/r@v1/d/t.csv") == "https://raw.githubusercontent.com/o/r/v1/d/t.csv"
    monkeypatch.setattr(remote, "GITHUB", url(""))
    assert len(read("github://owner/repo@v1/data/table.csv")) == 2


FAILURES = {
    "/missing.csv": ["not found (404)", "correct config.yaml: source.uri"],
    "/forbidden.csv": ["403", "is a login or a token needed?"],
    "/unauthorised.csv": ["401", "is a login or a token needed?"],
    "/broken.csv": ["answered 500 in all 3 attempts", "try again later"],
    "/login.csv": ["found a web page, expected a table", "is a login needed"],
    "/stalls.csv": ["sent nothing for 0.3 s in all 3 attempts", "try again later"],
    "/short.csv": ["broke off in all 3 attempts"],
    "/half.csv.gz": ["damaged or incomplete", "get it again"],
    "/half.zip": ["archive is damaged", "get it again"],
    "/two.zip": ["holds 2 files: first.csv, deep/second.csv", "zip://first.csv::"],
    "/climbing.zip": ["'../evil.csv', outside its folder"],
    "/download": ["file of type (none)", "config.yaml: source.format"],
}


@pytest.mark.parametrize("path", FAILURES)
def test_failure(url: Url, path: str) -> None:
    """One line that names the cause and the fix, soon, and nothing is left behind."""
    start = time.monotonic()
    with pytest.raises(SourceError) as caught:
        read(url(path))
    assert time.monotonic() - start < 5
    message = str(caught.value)
    assert message.startswith(url(path))
    for fragment in FAILURES[path]:
        assert fragment in message
    assert not SCRATCH.exists()


@pytest.fixture
def s3_here(url: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 is the server on this machine."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", url(""))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "tester")


@pytest.mark.parametrize("scheme", ["http", "s3"])
def test_a_server_that_drips(url: Url, s3_here: None, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """A byte now and then is a stall; and whatever the pace, the whole is bounded."""
    uri = url("/drips.csv") if scheme == "http" else "s3://tables/drips.csv"
    start = time.monotonic()
    with pytest.raises(SourceError, match=r"took longer than 1 s; raise config.yaml: source.timeout"):
        read(uri, timeout=1)
    monkeypatch.setattr(download, "WINDOW", 0.2)
    with pytest.raises(SourceError, match=r"sent less than 1000 bytes per second in all 3 attempts; try again later"):
        read(uri)
    assert time.monotonic() - start < 15
    assert not SCRATCH.exists()


@pytest.mark.parametrize("scheme", ["http", "s3"])
def test_the_timeout_is_for_all_attempts_together(
    url: Url, s3_here: None, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """A server that stalls is asked three times, but not for three times as long."""
    monkeypatch.setattr(download, "STALL", 0.7)
    start = time.monotonic()
    with pytest.raises(SourceError, match="took longer than 1 s"):
        read(url("/stalls.csv") if scheme == "http" else "s3://tables/stalls.csv", timeout=1)
    assert time.monotonic() - start < 2


def test_a_slow_server_that_keeps_the_pace(url: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "WINDOW", 0.2)
    monkeypatch.setattr(download, "SLOWEST", 1.0)
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    with pytest.raises(SourceError, match="broke off"):  # after two seconds, by the server
        read(url("/drips.csv"))


def test_another_hash_than_pinned(url: Url) -> None:
    with pytest.raises(SourceError, match=r"its sha256 is [0-9a-f]{64}, config.yaml: source.sha256 is 0000"):
        read(url("/table.csv"), sha256="0" * 64)


def test_the_pin_of_a_member_is_that_of_its_bytes(url: Url) -> None:
    """So that it holds wherever the same table is packed again."""
    uri, metrics = f"zip://first.csv::{url('/two.zip')}", nothing_read()
    digest = hashlib.sha256(TABLE).hexdigest()
    assert len(read(uri, metrics, sha256=digest)) == 2
    (file,) = metrics.files
    assert (file.bytes, file.sha256) == (len(TABLE), digest)
    with pytest.raises(SourceError, match=rf"^first.csv in .*/two.zip: its sha256 is {digest}, .* is 0000"):
        read(uri, sha256="0" * 64)


def test_a_member_that_is_not_there(url: Url) -> None:
    with pytest.raises(SourceError, match=r"no 'fist.csv'; did you mean first.csv\?"):
        read(f"zip://fist.csv::{url('/two.zip')}")
    with pytest.raises(SourceError, match=r"not a zip archive; leave out zip://a.csv::"):
        read(f"zip://a.csv::{url('/table.csv')}")


def test_nobody_listens(url: Url) -> None:
    with pytest.raises(SourceError, match="no connection"):
        read("http://127.0.0.1:9/table.csv")


def test_secrets_come_from_the_environment_and_are_not_shown(url: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    with pytest.raises(SettingsError, match="not set in the environment: TOKEN; `export TOKEN="):
        read(url("/table.csv?token=${TOKEN}"))
    monkeypatch.setenv("TOKEN", "hush-hush")
    metrics = nothing_read()
    frame = read(url("/table.csv?token=${TOKEN}"), metrics)
    assert "hush-hush" not in str(metrics) + frame.to_csv()
    for path in ("/missing.csv", "/broken.csv", "/short.csv"):
        with pytest.raises(PipelineError) as caught:
            read(url(path + "?token=${TOKEN}"))
        assert "hush-hush" not in str(caught.value)
        assert "${TOKEN}" in str(caught.value)


def test_a_password_in_the_settings_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"source\.uri contains a password") as caught:
        read("https://me:hush-hush@127.0.0.1/table.csv")
    assert "hush-hush" not in str(caught.value)


def test_query_goes_with_a_database(url: Url) -> None:
    with pytest.raises(SettingsError, match="go with a database"):
        read(url("/table.csv"), query="SELECT 1")


def test_the_stage_keeps_its_outputs_when_a_fetch_fails(workspace: Workspace, url: Url) -> None:
    """The table and the record of the last good run survive; the exit code says what kind of failure it was."""
    workspace.edit("config.yaml", source__uri=url("/table.csv"))
    workspace.stages("ingest")
    places = [workspace.path / "data/raw/part-00000.parquet", workspace.path / "metrics/source.json"]
    before = [place.read_bytes() for place in places]
    workspace.edit("config.yaml", source__uri=url("/login.csv"))
    done = workspace.stage("ingest")
    assert done.returncode == SourceError.exit_code
    assert len(done.stderr.splitlines()) == 1
    assert [place.read_bytes() for place in places] == before
