"""Print the headline metrics of the last run: model and baselines, intervals, gate. Run: make metrics"""

from textwrap import indent
from typing import Any

from tabulate import tabulate

from stages.evaluation.metrics import MODELS
from stages.table.schema import read_schema
from stages.utils.errors import PipelineError
from stages.utils.metrics_files import EvaluationMetrics, TrainMetrics, read_metrics
from webapp.formatting import METRICS, fixed, percent, scale_name, short, with_interval


def main() -> None:
    try:
        target, test, train = read_schema().target, read_metrics(EvaluationMetrics), read_metrics(TrainMetrics)
    except PipelineError as error:
        raise SystemExit(str(error)) from None
    print_scores(target.label, dict(test))
    if test.total is not None:
        print_scores("total (this rate times the exposure)", test.total)
    scale = "" if train.target == "none" else f" (of the {scale_name(train.target, 'the target')})"
    print(
        f"\n  alpha {train.alpha:g}, l1_ratio {train.l1_ratio:g}: {train.nonzero} of {train.terms} terms, "
        f"cross-validated RMSE {short(train.cv_rmse, 3)}, R² {fixed(train.cv_r2, 3)}{scale}"
    )
    intervals = test.intervals
    print(
        f"  {percent(intervals.nominal)} prediction intervals cover {percent(intervals.coverage, 1)} "
        f"(± {percent(intervals.coverage_se, 1)}) of the test rows"
    )
    if (worst := intervals.worst_group) is not None:
        print(
            f"  and {percent(worst.coverage, 1)} in the worst group: {worst.column} {worst.group} ({worst.rows:,} rows)"
        )
    print(f"  gate {'passed' if test.gate.passed else 'FAILED: ' + ', '.join(test.gate.failed)}")
    if test.model.r2_low is None or test.model.r2_low <= 0:
        print("  the test rows do not show that it beats the mean: the interval of R² reaches 0")
    print()


def print_scores(label: str, scores: dict[str, Any]) -> None:
    """Print the metrics of the model and its baselines."""
    rows = [
        [called, *(with_interval(dict(scores[name]), metric) for metric in METRICS)] for name, called in MODELS.items()
    ]
    print(f"\n{label}: test rows, with bootstrap intervals\n")
    print(indent(tabulate(rows, ["", *METRICS.values()], tablefmt="plain", disable_numparse=True), "  "))


if __name__ == "__main__":
    main()
