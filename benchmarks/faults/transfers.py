"""Transfers to and from a bucket: kill -9 in their middle, and a bucket that answers 503, slowly or half."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from benchmarks.faults.ground import LINE, SAME, WRONG, Ended, Found, Ground, Victim
from tests.helpers.project import Project
from tests.helpers.servers import BUCKET, client

TRANSFER = ("python", "-m", "tools.transfer")
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def kill_transfer(ground: Ground, chance: random.Random) -> Found:
    """Kill a push or a pull; the same command must then finish the work."""
    action, project, prefix = prepare(ground, chance)
    victim = Victim(project, *TRANSFER, action)
    if chance.random() < 0.8:
        victim.wait_for(lambda: bool(victim.running()), 0.1)
    victim.pause(chance.uniform(0, 4))
    running = victim.running()
    whom = chance.choice(["the command", "DVC", "all"]) if running else "the command"
    pids = {"the command": [victim.process.pid], "DVC": [*running], "all": [victim.process.pid, *running]}[whom]
    victim.kill(*pids)
    ended = victim.failure()
    what = f"kill -9 of {whom} during {action} (exit {ended.code})"
    return finish(ground, project, action, prefix, what, ended)


def bad_bucket(ground: Ground, chance: random.Random) -> Found:
    """Work with a bucket that misbehaves: done, or a line in time; a good bucket must then let the work be finished."""
    action, project, prefix = prepare(ground, chance)
    way, share = chance.choice(["503", "slow", "half"]), chance.choice([0.05, 0.3, 1])
    with bad_relay(ground.s3, way, share, chance) as address:
        start = time.monotonic()
        ended = Victim(project, *TRANSFER, action, env={"AWS_ENDPOINT_URL": address}).end()
        seconds = time.monotonic() - start
    what = f"{action} with {share:.0%} of the connections answered {way}: exit {ended.code} after {seconds:.0f} s"
    if ended.code and not ended.line.startswith(f"{action}: "):
        return Found(what, WRONG, f"no line: {ended.text[-2000:]}")
    return finish(ground, project, action, prefix, f"{what} {ended.line}", ended, LINE if ended.code else SAME)


def prepare(ground: Ground, chance: random.Random) -> tuple[str, Project, str]:
    """Make a project to push from into an empty place of the bucket, or a clone to pull into from a full one."""
    if chance.random() < 0.5:
        ground.pushed  # noqa: B018  # fills the bucket
        return "pull", ground.clone(ground.built), ""
    project, prefix = ground.copy(), f"push-{chance.randrange(10**9)}"
    project.dvc("remote", "modify", "--local", "storage", "url", f"s3://{BUCKET}/{prefix}")
    return "push", project, prefix


def finish(
    ground: Ground, project: Project, action: str, prefix: str, what: str, ended: Ended, end: str = SAME
) -> Found:
    """Run the transfer on a good bucket, and look at all that it has moved."""
    found = ground.judge(project, what, *TRANSFER, action, before=ended, end=end)
    if action == "push" and found.end != WRONG:
        wanted = {key.removeprefix("some/path/"): body for key, body in ground.objects.items()}
        s3 = client(ground.s3)
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/").get("Contents", [])
        bodies = {one["Key"]: s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in listed}
        if {key.removeprefix(f"{prefix}/"): body for key, body in bodies.items()} != wanted:
            return found._replace(end=WRONG, why=f"the bucket has {sorted(bodies)}")
    return found


@contextmanager
def bad_relay(to: str, way: str, share: float, chance: random.Random) -> Iterator[str]:
    """Pass connections on to a server; this share of them, drawn at random, is answered badly."""
    sockets: list[socket.socket] = []

    def serve(incoming: socket.socket, is_bad: bool) -> None:
        with suppress(OSError):
            if is_bad and way == "503":
                incoming.recv(65536)
                incoming.sendall(UNAVAILABLE)
                incoming.close()
                return
            outgoing = socket.create_connection(("127.0.0.1", int(to.rpartition(":")[2])))
            sockets.append(outgoing)
            threading.Thread(target=pump, args=(incoming, outgoing, False), daemon=True).start()
            pump(outgoing, incoming, is_bad)

    def pump(source: socket.socket, sink: socket.socket, is_bad: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if is_bad and way == "slow":
                    time.sleep(0.3)
                sink.sendall(data[: len(data) // 2] if is_bad and way == "half" else data)
                if is_bad and way == "half":
                    break
            for end in (source, sink):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                incoming, _ = listener.accept()
                sockets.append(incoming)
                threading.Thread(target=serve, args=(incoming, chance.random() < share), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for end in sockets:
                end.close()
