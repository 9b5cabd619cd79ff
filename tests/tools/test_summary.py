"""The summary and the pull request's verdict: what they say where a check is switched off or a metric is undefined."""

import pytest

from stages.model_card.markdown import render
from stages.utils.metrics_files import EvaluationMetrics, Gate, read_metrics, write_metrics
from tests.helpers.project import Project
from tools import summary
from tools.pull_request.__main__ import TEMPLATE


@pytest.mark.parametrize(
    ("gate", "in_summary", "in_report"),
    [
        (
            Gate(min_r2=True, max_rmse_to_ols=None, min_coverage=True, min_worst_group_coverage=None, passed=True),
            "gate passed",
            "**Gate passed.**",
        ),
        (
            Gate(min_r2=False, max_rmse_to_ols=None, min_coverage=False, min_worst_group_coverage=None, passed=False),
            "gate FAILED: min_r2, min_coverage",
            "**Gate FAILED**: `min_r2`, `min_coverage`. It would not be deployed.",
        ),
    ],
)
def test_a_check_that_is_switched_off_has_not_failed(
    gate: Gate, in_summary: str, in_report: str, in_project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = read_metrics(EvaluationMetrics)
    metrics.gate = gate
    undefined = metrics.least_squares.model_copy(update={"rmse": None, "rmse_low": None, "rmse_high": None})
    metrics.least_squares = undefined
    write_metrics(metrics)
    summary.main()
    lines = capsys.readouterr().out.splitlines()
    assert f"  {in_summary}" in lines
    [least_squares] = [line for line in lines if "least squares" in line]
    assert least_squares.split()[2] == "undefined"
    assert f"{in_report}\n" in render(TEMPLATE, base="main", missing=[], gate=gate, sections={}, offline=False)


def test_metrics_that_are_not_there(in_project: Project) -> None:
    EvaluationMetrics.path.unlink()
    with pytest.raises(SystemExit, match=r"metrics/test.json: not found; run `dvc repro`"):
        summary.main()
