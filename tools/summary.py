"""Print the headline metrics of the last run: model and baselines, intervals, gate. Run: make metrics"""

from pathlib import Path

from stages.utils.errors import PipelineError
from stages.utils.files import read_json
from stages.utils.scores import MODELS
from stages.utils.table_schema import read_schema


def main() -> None:
    if not Path("metrics/test.json").exists():
        raise SystemExit("metrics/test.json: not found; run `dvc repro`")
    try:
        target = read_schema().target
    except PipelineError as error:
        raise SystemExit(str(error)) from None
    test, train = read_json("metrics/test.json"), read_json("metrics/train.json")
    rows = [
        (called, *(with_interval(test[name], metric) for metric in ("rmse", "mae", "r2")))
        for name, called in MODELS.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print(f"\n{target.label}: test rows, with bootstrap intervals\n")
    for row in [("", "RMSE", "MAE", "R²"), *rows]:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    intervals = test["intervals"]
    print(f"\n  alpha {train['alpha']:g}, l1_ratio {train['l1_ratio']:g}:", end=" ")
    print(f"{train['nonzero']} of {train['terms']} terms,", end=" ")
    print(f"cross-validated RMSE {train['cv_rmse']:.4g}, R² {train['cv_r2']:.3f}")
    print(f"  {intervals['nominal']:.0%} prediction intervals cover {intervals['coverage']:.1%}", end=" ")
    print(f"(± {intervals['coverage_se']:.1%}) of the test rows")
    print(f"  gate {'passed' if test['gate']['passed'] else 'FAILED'}\n")


def with_interval(scores: dict[str, float | None], metric: str) -> str:
    """`55.1 (47.2 to 63.2)`."""
    value, low, high = (scores[metric + end] for end in ("", "_low", "_high"))
    return "undefined" if value is None or low is None or high is None else f"{value:.3g} ({low:.3g} to {high:.3g})"


if __name__ == "__main__":
    main()
