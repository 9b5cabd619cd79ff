"""Kill -9 of ingest while it reads from HTTP, S3 or PostgreSQL."""

import random
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.faults.ground import SAME, WRONG, Found, Ground, Victim, listing, run
from tests.helpers.pipeline import digests
from tests.helpers.project import Project
from tests.helpers.servers import BUCKET, client

INGEST = ("dvc", "repro", "--force", "--single-item", "ingest")
QUERY = "SELECT a, b, c, d, y, pg_sleep(0.005)::text AS pause FROM rows ORDER BY id"


def kill_ingest(ground: Ground, chance: random.Random) -> Found:
    """Kill DVC, ingest or both; ingest must then read the same bytes."""
    kind = chance.choice(["HTTP", "S3", "PostgreSQL"])
    project = ground.copy()
    use_source(ground, project, kind)
    if kind not in ground.read:
        run(project, *INGEST)
        ground.read[kind] = digests(project, "data/raw", "metrics")
        ground.files |= listing(project)
        ground.clear()
        project = ground.copy()
        use_source(ground, project, kind)
    victim = Victim(project, *INGEST)
    victim.wait_for(lambda: "Running stage" in victim.text)
    victim.pause(chance.uniform(0, 4))
    running = list(victim.running())
    whom = chance.choice(["DVC", "all", "ingest"]) if running else "DVC"
    pids = {"DVC": [victim.process.pid], "all": [victim.process.pid, *running], "ingest": running}[whom]
    has_begun = (project.path / "data/.partial.raw").exists() or (project.path / "data/.partial.source").exists()
    victim.kill(*pids)
    ended = victim.failure()
    what = f"kill -9 of {whom}, {kind}{', half read' * has_begun} (exit {ended.code})"
    after = run(project, *INGEST)
    if after.code or "Traceback" in ended.text + after.text:
        return Found(what, WRONG, ended.text + after.text)
    different = digests(project, "data/raw", "metrics") != ground.read[kind]
    return Found(what, WRONG if different else SAME, "other bytes" * different, ground.leftovers(project))


def use_source(ground: Ground, project: Project, kind: str) -> None:
    """Let config.yaml name the small table on a server."""
    table = (ground.built.path / "data/source/table.csv").read_bytes()
    if kind == "HTTP":
        project.edit("config.yaml", source__uri=f"{ground.shared(kind, lambda: slow_server(table))}/table.csv")
    elif kind == "S3":
        client(ground.s3).put_object(Bucket=BUCKET, Key="source/table.csv", Body=table)
        project.edit("config.yaml", source__uri=f"s3://{BUCKET}/source/table.csv")
    else:
        uri = ground.shared(kind, lambda: database(ground.folder / "postgres", table.decode()))
        project.edit("config.yaml", source__uri=uri, source__query=QUERY)


def slow_server(table: bytes) -> tuple[str, Callable[[], None]]:
    """Start a server that sends a table in a second; return its address and how to stop it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(table)))
            self.end_headers()
            for start in range(0, len(table), 100):
                self.wfile.write(table[start : start + 100])
                time.sleep(100 / len(table))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that was killed
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}", server.shutdown


def database(folder: Path, table: str) -> tuple[str, Callable[[], None]]:
    """Start PostgreSQL with a table; return its address and how to stop it."""
    from tests.helpers.postgres import postgres_server

    server = postgres_server(folder)
    rows = ",".join(f"({a}, {b}, '{c}', {d}, {y})" for a, b, c, d, y in (line.split(",") for line in table.split()[1:]))
    columns = "id serial, a float, b float, c text, d int, y float"
    server.psql(f"CREATE TABLE rows ({columns}); INSERT INTO rows (a, b, c, d, y) VALUES {rows};")
    return server.get_uri().replace("postgresql://", "postgresql+psycopg://"), server.cleanup
