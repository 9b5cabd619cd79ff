"""Print the headline metrics of the last run: model and baselines, intervals, gate. Run: make metrics"""

from pathlib import Path

from stages.evaluation.metrics import MODELS
from stages.table.schema import read_schema
from stages.utils.errors import PipelineError
from stages.utils.metrics_files import EvaluationMetrics, TrainMetrics, read_metrics
from webapp.formatting import fixed, percent, scale_name, short, with_interval


def main() -> None:
    if not Path("metrics/test.json").exists():
        raise SystemExit("metrics/test.json: not found; run `dvc repro`")
    try:
        target = read_schema().target
    except PipelineError as error:
        raise SystemExit(str(error)) from None
    test, train = read_metrics(EvaluationMetrics), read_metrics(TrainMetrics)
    rows = [
        (called, *(with_interval(dict(getattr(test, name)), metric) for metric in ("rmse", "mae", "r2")))
        for name, called in MODELS.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print(f"\n{target.label}: test rows, with bootstrap intervals\n")
    for row in [("", "RMSE", "MAE", "R²"), *rows]:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    intervals = test.intervals
    print(f"\n  alpha {train.alpha:g}, l1_ratio {train.l1_ratio:g}:", end=" ")
    print(f"{train.nonzero} of {train.terms} terms,", end=" ")
    scale = "" if train.target == "none" else f" (of the {scale_name(train.target, 'the target')})"
    print(f"cross-validated RMSE {short(train.cv_rmse, 3)}, R² {fixed(train.cv_r2, 3)}{scale}")
    print(f"  {percent(intervals.nominal)} prediction intervals cover {percent(intervals.coverage, 1)}", end=" ")
    print(f"(± {percent(intervals.coverage_se, 1)}) of the test rows")
    failed = [name for name, passed in test.gate if passed is False and name != "passed"]
    print(f"  gate {'FAILED: ' + ', '.join(failed) if failed else 'passed'}")
    low = test.model.r2_low
    if low is None or low <= 0:
        print("  the test rows do not show that it beats the mean: the interval of R² reaches 0")
    print()


if __name__ == "__main__":
    main()
