"""The results of a sweep: what the CV surface expects before it, the best experiment and the table after it."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from tabulate import tabulate

from stages.utils.params import PARAMS
from stages.utils.yaml_files import load_yaml
from tools.commands import git
from tools.sweep.grid import Point

SURFACE = Path("plots/cv_surface.csv")
ALPHA, L1_RATIO = "train.alpha", "train.l1_ratio"
DIGITS = 6  # CV errors that agree to this many significant digits are a tie


class Result(NamedTuple):
    """The metrics of one experiment: its CV error on the model's scale, its test error in the target's unit."""

    point: Point
    cv_rmse: float
    nonzero: int
    alpha: float
    l1_ratio: float
    test_rmse: float

    @property
    def rank(self) -> tuple[float, ...]:
        """The key that sorts the best first: CV error, then fewer terms, the larger penalty, the larger share of L1."""
        return (float(f"{self.cv_rmse:.{DIGITS}g}"), self.nonzero, -self.alpha, -self.l1_ratio)


def read_result(point: Point, commit: str) -> Result:
    """Read an experiment's metrics from its commit."""
    train, test = (json.loads(git("show", f"{commit}:metrics/{name}.json")) for name in ("train", "test"))
    return Result(point, train["cv_rmse"], train["nonzero"], train["alpha"], train["l1_ratio"], test["model"]["rmse"])


def best_of(results: list[Result]) -> tuple[Result, str]:
    """Choose the experiment with the lowest cross-validated error, and say why; the test rows are not used.

    Ties go to the simpler model: fewer terms, then the larger penalty, then the larger share of L1.
    """
    best, *others = sorted(results, key=lambda result: result.rank)
    why = f"because its CV RMSE of {best.cv_rmse:.{DIGITS}g} is the lowest of {len(results)}"
    ties = sum(other.rank[0] == best.rank[0] for other in others)
    if ties:
        why += f" (tied with {ties} more, to {DIGITS} digits) and it is the simplest of these: {best.nonzero} terms,"
        why += f" alpha {best.alpha:g}, l1_ratio {best.l1_ratio:g}"
    elif others:
        why += f"; the next has {others[0].cv_rmse:.{DIGITS}g}"
    return best, why


def table(results: list[Result]) -> str:
    """Lay out the experiments, best first."""
    keys = [override.partition("=")[0] for override in results[0].point.overrides]
    rows = [
        [
            result.point.name,
            *(override.partition("=")[2] for override in result.point.overrides),
            f"{result.cv_rmse:.5g}",
            result.nonzero,
            f"{result.test_rmse:.5g}",
        ]
        for result in sorted(results, key=lambda result: result.rank)
    ]
    header = ["experiment", *keys, "CV RMSE", "terms", "test RMSE"]
    return str(tabulate(rows, header, tablefmt="plain", disable_numparse=True))


def surface_line(points: list[Point]) -> str:
    """Say in one line what the CV surface of the current run expects of the requested experiments."""
    if not SURFACE.exists():
        return f"{SURFACE}: not found, so it says nothing about this grid; `dvc repro` writes it"
    values = [point.values for point in points]
    others = sorted({key for value in values for key in value} - {ALPHA, L1_RATIO})
    if others:
        return f"the CV surface of the current run says nothing about {', '.join(others)}"
    surface, now = pd.read_csv(SURFACE), load_yaml(PARAMS)["train"]
    asked = [(value.get(ALPHA, now["alpha"]), value.get(L1_RATIO, now["l1_ratio"])) for value in values]
    expected = [nearest(surface, *settings) for settings in asked]
    lowest = surface.nsmallest(1, "rmse").iloc[0]
    outside = sum(
        isinstance(setting, int | float) and not surface[column].min() <= setting <= surface[column].max()
        for settings in asked
        for column, setting in zip(("alpha", "l1_ratio"), settings, strict=True)
    )
    note = f"; {outside} of its values are outside the surface, whose edge stands for them" if outside else ""
    return (
        f"the CV surface of the current run expects a CV RMSE of {min(expected):.4g} to {max(expected):.4g} on this "
        f"grid, lowest at {' '.join(points[int(np.argmin(expected))].overrides)}; its own lowest is "
        f"{lowest['rmse']:.4g} at alpha {lowest['alpha']:.4g}, l1_ratio {lowest['l1_ratio']:g}{note}"
    )


def nearest(surface: pd.DataFrame, alpha: float | str, l1_ratio: float | str) -> float:
    """Return the RMSE of the surface's point nearest to a setting; `auto` takes the best there is."""
    near = surface
    if not isinstance(l1_ratio, str):
        distance = (near["l1_ratio"] - l1_ratio).abs()
        near = near[distance == distance.min()]
    if not isinstance(alpha, str):
        distance = np.log(near["alpha"] / alpha).abs()
        near = near[distance == distance.min()]
    return float(near["rmse"].min())
