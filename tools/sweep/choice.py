"""What a sweep's results say: the surface before it, the best after it, and the table."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.utils.yaml_files import load_yaml
from tools.git import git
from tools.sweep.grid import PARAMS, Point

SURFACE = Path("plots/cv_surface.csv")
ALPHA, L1_RATIO = "train.alpha", "train.l1_ratio"
DIGITS = 6  # CV errors that agree to so many significant digits are a tie


class Result(NamedTuple):
    """What one experiment came to: its CV error on the model's scale, its test error in the target's unit."""

    point: Point
    cv_rmse: float
    nonzero: int
    alpha: float
    l1_ratio: float
    test_rmse: float


def read_result(point: Point, commit: str) -> Result:
    """Read an experiment's metrics from its commit."""
    train, test = (json.loads(git("show", f"{commit}:metrics/{name}.json")) for name in ("train", "test"))
    return Result(point, train["cv_rmse"], train["nonzero"], train["alpha"], train["l1_ratio"], test["model"]["rmse"])


def best_of(results: list[Result]) -> tuple[Result, str]:
    """The experiment with the lowest cross-validated error, and why; the test rows have no say.

    Ties go to the simpler model: fewer terms, then the larger penalty, then the larger share of L1.
    """
    ranked = sorted(results, key=simplicity)
    lowest = min(tie(result) for result in results)
    tied = [result for result in ranked if tie(result) == lowest]
    best = tied[0]
    why = f"because its CV RMSE of {best.cv_rmse:.{DIGITS}g} is the lowest of {len(results)}"
    if len(tied) > 1:
        why += (
            f" (with {len(tied) - 1} others, to {DIGITS} digits) and it is the simplest of these: {best.nonzero} terms,"
        )
        why += f" alpha {best.alpha:g}, l1_ratio {best.l1_ratio:g}"
    elif len(results) > 1:
        second = min(tie(result) for result in results if result is not best)
        why += f"; the next has {second:.{DIGITS}g}"
    return best, why


def simplicity(result: Result) -> tuple[float, ...]:
    """Sorts simpler models first."""
    return (result.nonzero, -result.alpha, -result.l1_ratio)


def tie(result: Result) -> float:
    """The error that decides, rounded so that a difference in the last digits does not."""
    return float(f"{result.cv_rmse:.{DIGITS}g}")


def table(results: list[Result]) -> str:
    """The experiments, best first."""
    ranked = sorted(results, key=lambda result: (tie(result), *simplicity(result)))
    keys = [override.partition("=")[0] for override in ranked[0].point.overrides]
    rows = [["experiment", *keys, "CV RMSE", "terms", "test RMSE"]]
    for result in ranked:
        values = [override.partition("=")[2] for override in result.point.overrides]
        numbers = [f"{result.cv_rmse:.5g}", str(result.nonzero), f"{result.test_rmse:.5g}"]
        rows.append([result.point.name, *values, *numbers])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def surface_line(points: list[Point]) -> str:
    """What the CV surface of the current run already says about the requested experiments, in a line."""
    if not SURFACE.exists():
        return f"{SURFACE}: not there yet, so it says nothing about this grid; `dvc repro` writes it"
    values = [point.values for point in points]
    others = sorted({key for value in values for key in value} - {ALPHA, L1_RATIO})
    if others:
        return f"the CV surface of the current run says nothing about {', '.join(others)}"
    surface, now = pd.read_csv(SURFACE), load_yaml(PARAMS)["train"]
    expected = np.array(
        [expect(surface, value.get(ALPHA, now["alpha"]), value.get(L1_RATIO, now["l1_ratio"])) for value in values]
    )
    at, lowest = points[int(expected.argmin())], surface.iloc[int(surface["rmse"].argmin())]
    outside = sum(outside_of(surface, value) for value in values)
    note = f"; {outside} of {len(values)} lie outside the surface, whose edge stands for them" if outside else ""
    return (
        f"the CV surface of the current run expects a CV RMSE of {expected.min():.4g} to {expected.max():.4g} on this "
        f"grid, lowest at {' '.join(at.overrides)}; its own lowest is {lowest['rmse']:.4g} at alpha "
        f"{lowest['alpha']:.4g}, l1_ratio {lowest['l1_ratio']:g}{note}"
    )


def outside_of(surface: pd.DataFrame, value: dict[str, Any]) -> bool:
    """Whether a point's alpha or l1_ratio is beyond those of the surface."""
    asked = ((surface["alpha"], value.get(ALPHA)), (surface["l1_ratio"], value.get(L1_RATIO)))
    return any(isinstance(found, int | float) and not axis.min() <= found <= axis.max() for axis, found in asked)


def expect(surface: pd.DataFrame, alpha: float | str, l1_ratio: float | str) -> float:
    """The surface's RMSE at a point, linear in log(alpha) and in l1_ratio; `auto` takes the best there is."""
    ratios: npt.NDArray[np.float64] = np.sort(surface["l1_ratio"].unique())
    along = []
    for ratio in ratios:
        line = surface[surface["l1_ratio"] == ratio].sort_values("alpha")
        along.append(
            line["rmse"].min()
            if isinstance(alpha, str)
            else np.interp(np.log(alpha), np.log(line["alpha"]), line["rmse"])
        )
    return float(min(along) if isinstance(l1_ratio, str) else np.interp(l1_ratio, ratios, along))
