"""The pin: the app starts with the scorecard that dvc.lock names, or says in one line what to run."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.project import ROOT, Project
from tests.helpers.serving import make_card, write_checkout, write_lock
from webapp.pin import PinError, load_pinned


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return write_checkout(tmp_path / "checkout")


def flip_a_byte(path: Path) -> None:
    file = path / "models/scorecard.json"
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)


def add_a_byte(path: Path) -> None:
    with (path / "models/scorecard.json").open("ab") as file:
        file.write(b" ")


def entry(**changes: object) -> Callable[[Path], None]:
    out = {"path": "models/scorecard.json", "hash": "md5", "md5": "0" * 32, "size": 5}
    return lambda path: write_lock(path, **{**out, **changes})  # type: ignore[arg-type]


BROKEN: list[tuple[Callable[[Path], object], str]] = [
    (flip_a_byte, r"scorecard.json: md5 \w{32}, but dvc.lock pins \w{32}; run `dvc repro` or `dvc pull models/sco"),
    (add_a_byte, r"scorecard.json: size \d+, but dvc.lock pins \d+; run `dvc repro` or `dvc pull"),
    (lambda path: (path / "models/scorecard.json").unlink(), "scorecard.json: No such file.*; run `dvc repro` or"),
    (lambda path: (path / "dvc.lock").unlink(), "dvc.lock: No such file.*; run `dvc repro`"),
    (lambda path: (path / "dvc.lock").write_text(""), "dvc.lock: schema None, expected '2.0'; run"),
    (lambda path: (path / "dvc.lock").write_text("{"), "dvc.lock: not YAML; run `git checkout dvc.lock`"),
    (lambda path: write_lock(path, schema="3.0"), "dvc.lock: schema '3.0', expected '2.0'; run `dvc repro`"),
    (entry(md5="0" * 32 + ".dir"), "pinned as a directory, expected a file; run `dvc repro`"),
    (entry(path="models/other.json"), "pins models/scorecard.json 0 times, expected once; run `dvc repro`"),
    (entry(hash="etag"), "has no md5 and size of a known kind; run `dvc repro`"),
    (entry(size="5"), "has no md5 and size of a known kind; run `dvc repro`"),
]


@pytest.mark.parametrize(("damage", "message"), BROKEN)
def test_what_is_not_pinned_is_not_loaded(checkout: Path, damage: Callable[[Path], object], message: str) -> None:
    damage(checkout)
    with pytest.raises(PinError, match=message) as caught:
        load_pinned(checkout)
    assert "\n" not in str(caught.value)


def test_the_pinned_scorecard_is_loaded(checkout: Path) -> None:
    card, md5 = load_pinned(checkout)
    assert card == make_card()
    assert md5 in (checkout / "dvc.lock").read_text()


def test_nothing_is_parsed_before_the_hash_is_right(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flip_a_byte(checkout)
    monkeypatch.setattr("webapp.pin.Scorecard", None)  # parsing would be an AttributeError
    with pytest.raises(PinError, match="md5"):
        load_pinned(checkout)


def test_a_scorecard_of_other_code_is_named(tmp_path: Path) -> None:
    path = write_checkout(tmp_path / "old", make_card().model_copy(update={"version": 1}))
    with pytest.raises(PinError, match=r"version: .*; another version of the code wrote it; run `dvc repro`"):
        load_pinned(path)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "models/scorecard.json: md5"),
        ({"APP_TOKEN": "short"}, "APP_TOKEN: 5 characters, expected at least 16"),
        ({"UPLOAD_MB": "many"}, "UPLOAD_MB: 'many' is not a whole number"),
    ],
)
def test_gunicorn_stops_with_one_line(checkout: Path, environ: dict[str, str], message: str) -> None:
    flip_a_byte(checkout)
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py")],
        cwd=checkout,
        env={**os.environ, "HOST": "127.0.0.1", "PORT": "0", "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


def test_files_that_the_code_names_exist() -> None:
    code = [ROOT / "gunicorn.conf.py", ROOT / "tools/predict.py", *(ROOT / "webapp").rglob("*.py")]
    named = {(name, file.name) for file in code for name in re.findall(r"[\w/]+/\w+\.py\b", file.read_text())}
    assert len(named) > 3
    assert [name for name in named if not (ROOT / name[0]).exists()] == []


def test_serving_imports_nothing_of_the_pipeline(checkout: Path) -> None:
    code = (
        "import sys; from webapp.app import create_app; client = create_app().test_client();"
        "assert client.get('/').status_code == 200; assert client.get('/api').status_code == 200;"
        "print(sorted(set('numpy pandas sklearn joblib scipy pyarrow stages dvc'.split()) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_the_model_of_the_pipeline_is_served(built: Project) -> None:
    done = built.run(
        "python",
        "-c",
        "from webapp.app import create_app\n"
        "answer = create_app().test_client().get('/')\n"
        "assert answer.status_code == 200 and b'Body mass index' in answer.data",
    )
    assert done.returncode == 0, done.stderr
    flip_a_byte(built.path)
    refused = built.run("python", "-c", "from webapp.app import create_app; create_app()")
    assert refused.returncode == 1
    assert refused.stderr.startswith("models/scorecard.json: md5")
