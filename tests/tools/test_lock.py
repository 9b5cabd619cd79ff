"""tools/lock: what it prints of the pins before and after; uv itself compiles (CI's upgrade workflow runs it)."""

from pathlib import Path

import pytest

from tools.lock import changes, read_pins

OLD = (
    "kept==1.0 \\\n    --hash=sha256:00\nraised==1.9 \\\n    --hash=sha256:01\ndropped==3.0 \\\n    --hash=sha256:02\n"
)
NEW = """\
forked==2.10 ; python_full_version >= '3.12' \\
    --hash=sha256:03
forked==2.9 ; python_full_version < '3.12' \\
    --hash=sha256:04
kept==1.0 \\
    --hash=sha256:00
raised==1.10 \\
    --hash=sha256:05
"""


def test_changes_are_listed_by_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pins = []
    for text in (OLD, NEW):
        for group in ("requirements/one.txt", "requirements/other.txt"):
            (tmp_path / group).parent.mkdir(exist_ok=True)
            (tmp_path / group).write_text(text)
        pins.append(read_pins())
    assert pins[1]["forked"] == {
        "forked==2.10 ; python_full_version >= '3.12'",
        "forked==2.9 ; python_full_version < '3.12'",
    }
    assert changes(*pins) == ["dropped: 3.0 → none", "forked: none → 2.9, 2.10", "raised: 1.9 → 1.10"]
    assert changes(pins[0], pins[0]) == []
