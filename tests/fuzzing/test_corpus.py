"""What `python -m benchmarks.fuzz` found once stays fixed; its targets can tell a failure."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import fuzz

SHORT = fuzz.CARDS[1].model_dump(mode="json")  # fewer offsets than bins: accepted once, but it could not predict
del SHORT["intervals"]["lower"][-1]
CORPUS: list[tuple[str, Any]] = [
    *(("settings", (file, content)) for file in sorted(fuzz.MODELS) for content in (b"{", b"\x1d", b"\xef\xbb\xbf \t")),
    ("settings", ("params.yaml", b'"a\\nb": 1')),
    ("scorecard", (1, json.dumps(SHORT).encode())),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("target", "example"), CORPUS)
def test_what_was_found_stays_fixed(target: str, example: Any) -> None:
    fuzz.TARGETS[target][1](example)


def test_a_failure_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(example: Any) -> None:
        raise KeyError(example)

    monkeypatch.setitem(fuzz.TARGETS, "cell", (fuzz.TARGETS["cell"][0], refuse))
    found = fuzz.watch(fuzz.generated("cell", 20, 0))
    assert found.examples == 20
    assert [place.partition(":")[0] for place in found.failures] == ["KeyError at test_corpus.py"]
