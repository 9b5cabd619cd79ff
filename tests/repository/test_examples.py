"""The examples reach what examples/README.md says, with the tables served from this machine."""

import re
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from stages.utils.config import Config
from stages.utils.yaml_files import read_settings
from tests.helpers.postgres import postgres_server
from tests.helpers.project import ROOT, SHARED_DATA, Project, Workspace
from tests.helpers.scores import cv_r2
from tools.example import EXAMPLES, use_example

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the tables are not on this machine"),
]
CLAIMED = dict(re.findall(r"^\| `(\w+)` .* ([\d.]+) \|$", (ROOT / EXAMPLES / "README.md").read_text(), re.M))
TABLES = {"wine": "winequality-red.csv", "bike": "bike.zip", "california": "housing.csv"}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the shared tables; that of `bike` is packed, as at its own address."""
    folder = shutil.copytree(SHARED_DATA, tmp_path_factory.mktemp("served") / "tables")
    folder.chmod(0o755)
    with zipfile.ZipFile(folder / "bike.zip", "w") as archive:
        for name in ("hour.csv", "housing.csv"):
            archive.write(folder / name, name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_readme_claims_no_more() -> None:
    [claim] = re.findall(r"R² on this table, with nothing edited: ([\d.]+)\.\s", (ROOT / "README.md").read_text())
    assert claim == CLAIMED["bike"]


@pytest.mark.parametrize("name", TABLES)
def test_files(workspace: Workspace, adopted: Callable[[str], Project], address: str, name: str) -> None:
    """An example is as adopt writes it and reads the rows of the file that was adopted: so its score is the same."""
    use_example(ROOT / EXAMPLES / name, workspace.path)
    home = str(read_settings(workspace.path / "config.yaml", Config).source.uri)
    member = home[: home.find("::") + 2] if home.startswith("zip://") else ""
    workspace.edit("config.yaml", source__uri=f"{member}{address}/{TABLES[name]}")
    workspace.stages("ingest", "validate")
    made = adopted(name)
    for file in ("params.yaml", "schema.yaml"):
        assert (workspace.path / file).read_text() == made.git("show", f"HEAD:{file}")
    rows, expected = (project.frame("data/valid") for project in (workspace, made))
    pd.testing.assert_frame_equal(rows, expected)
    assert round(cv_r2(made), 3) == float(CLAIMED[name])


def test_postgres(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    server = postgres_server(tmp_path_factory.mktemp("pg"))
    try:
        uri = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        table = pd.read_csv(SHARED_DATA / "winequality-red.csv", sep=";")
        with sa.create_engine(uri, poolclass=sa.pool.NullPool).begin() as connection:
            table.to_sql("wine", connection, index_label="id")
        use_example(ROOT / EXAMPLES / "postgres", project.path)
        secret = uri.partition("://")[2]
        for stage in ("ingest", "validate"):
            project.stage(stage, check=True, env={"PGURL": secret})
        assert secret not in (project.path / "metrics/source.json").read_text()
        valid = project.frame("data/valid")[table.columns]
        pd.testing.assert_frame_equal(valid, table.astype("float64"))  # so its score is that of the wines
        assert CLAIMED["postgres"] == CLAIMED["wine"]
    finally:
        server.cleanup()
