"""The metrics files: what is committed fits its model, and a file that does not fit is named with the fix."""

from pathlib import Path

import pytest

from stages.utils.errors import DataError
from stages.utils.metrics_files import MetricsFile, SourceMetrics, TrainMetrics, read_metrics, write_metrics
from tests.helpers.project import ROOT


def test_writing_what_was_read_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = MetricsFile.__subclasses__()
    assert {model.path for model in models} == {file.relative_to(ROOT) for file in ROOT.glob("metrics/*.json")}
    monkeypatch.chdir(ROOT)
    metrics = [read_metrics(model) for model in models]
    monkeypatch.chdir(tmp_path)
    for content in metrics:
        write_metrics(content)
        assert content.path.read_bytes() == (ROOT / content.path).read_bytes()


def test_a_field_that_was_set_later_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    metrics = SourceMetrics(uri="sqlite:///x.db", rows=0, blank_rows=0)
    metrics.query = "SELECT 1"
    write_metrics(metrics)
    assert SourceMetrics.path.read_text().split('"')[1::2] == [
        "blank_rows",
        "query",
        "SELECT 1",
        "rows",
        "uri",
        metrics.uri,
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "metrics/train.json: not found; run `dvc repro`"),
        ('{"alpha": "high"}', "metrics/train.json: alpha: Input should be a valid number.*; run `dvc repro`"),
    ],
)
def test_a_file_that_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if content:
        TrainMetrics.path.parent.mkdir()
        TrainMetrics.path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_metrics(TrainMetrics)
