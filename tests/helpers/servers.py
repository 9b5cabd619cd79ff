"""Servers on 127.0.0.1: S3 as moto plays it, and some that do not work."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from botocore.session import Session

BUCKET = "test-bucket"
URL = f"s3://{BUCKET}/some/path"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def crowding() -> float:
    """Count the processes per CPU, at least 1: limits on wall time are stretched by it where others work too."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@contextmanager
def s3_server() -> Iterator[str]:
    """An S3 server with an empty bucket; yields its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(300):
                with suppress(OSError), urllib.request.urlopen(f"{address}/moto-api/data.json", timeout=5):
                    break
                time.sleep(0.1)
            client(address).create_bucket(Bucket=BUCKET)
            yield address
        finally:
            process.kill()


def environment(address: str) -> dict[str, str]:
    """The variables by which DVC and botocore find S3, and the credentials."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def client(address: str) -> Any:
    """A client of the server."""
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    return Session().create_client("s3", endpoint_url=address, region_name="us-east-1", **keys)


def check_keys(address: str) -> None:
    """From now on the server refuses unknown keys."""
    request = urllib.request.Request(f"{address}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        json.load(answer)


def key_of(md5: str) -> str:
    """The key of an object that DVC keeps in the bucket."""
    return f"some/path/files/md5/{md5[:2]}/{md5[2:]}"


@contextmanager
def relay(to: str | None, reply: bytes = b"", freeze_after: float = float("inf")) -> Iterator[str]:
    """A server that passes connections on, or sends a fixed reply; after so many bytes it accepts and stays silent."""
    seen = 0
    sockets: list[socket.socket] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        nonlocal seen
        with suppress(OSError):
            while data := source.recv(65536):
                seen += len(data)
                if seen > freeze_after:
                    return
                if to is None:
                    data = reply
                sink.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                incoming, _ = listener.accept()
                sockets.append(incoming)
                if to is None:
                    threading.Thread(target=pump, args=(incoming, incoming), daemon=True).start()
                    continue
                outgoing = socket.create_connection(("127.0.0.1", int(to.rpartition(":")[2])))
                sockets.append(outgoing)
                for ends in ((incoming, outgoing), (outgoing, incoming)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for end in sockets:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()


def time_until_ready(checkout: Path) -> float:
    """Start the app, ask it, stop it; returns the seconds until it was ready."""
    port = free_port()
    address = {"PORT": str(port), "HOST": "127.0.0.1", "WEB_CONCURRENCY": "1"}
    environment = {**os.environ, **address, "PYTHONPATH": str(checkout)}
    command, quiet = [Path(sys.executable).with_name("gunicorn")], subprocess.DEVNULL
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=checkout, env=environment, stdout=quiet, stderr=quiet) as app:
        try:
            while time.perf_counter() < start + 60:
                with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
                    assert json.load(answer) == {"status": "ok"}
                    return time.perf_counter() - start
                time.sleep(0.02)
        finally:
            app.terminate()
    raise AssertionError("the app did not answer within 60 s")
