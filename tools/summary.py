"""Print the headline metrics of the last run: model and baselines, intervals, gate. Run: make metrics"""

from pathlib import Path

from stages.evaluation.metrics import MODELS
from stages.table.schema import read_schema
from stages.utils.errors import PipelineError
from stages.utils.files import read_json


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
    scale = " (of the logarithm)" if train["target"] == "log" else ""
    print(f"cross-validated RMSE {readable(train['cv_rmse'])}, R² {train['cv_r2']:.3f}{scale}")
    print(f"  {intervals['nominal']:.0%} prediction intervals cover {intervals['coverage']:.1%}", end=" ")
    print(f"(± {intervals['coverage_se']:.1%}) of the test rows")
    failed = [name for name, passed in test["gate"].items() if not passed and name != "passed"]
    print(f"  gate {'FAILED: ' + ', '.join(failed) if failed else 'passed'}")
    low = test["model"]["r2_low"]
    if low is None or low <= 0:
        print("  the test rows do not show that it beats the mean: the interval of R² reaches 0")
    print()


def with_interval(scores: dict[str, float | None], metric: str) -> str:
    """`56.2 (48.4 to 64.1)`."""
    value, low, high = (scores[metric + end] for end in ("", "_low", "_high"))
    if value is None or low is None or high is None:
        return "undefined"
    show = "{:.3f}".format if metric == "r2" else readable
    return f"{show(value)} ({show(low)} to {show(high)})"


def readable(value: float) -> str:
    """Three significant digits, thousands set off: `61,900`, `0.641`."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if 100 <= abs(rounded) < 1e12 else f"{rounded:g}"


if __name__ == "__main__":
    main()
