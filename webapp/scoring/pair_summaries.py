"""One line on each pair of columns that act together: its weight, and where it matters most."""

import calendar
import math
from collections.abc import Mapping
from typing import NamedTuple

from webapp.formatting import is_factor, short
from webapp.scoring.scorecard import Scorecard, Surface, SurfaceAxis


class PairSummary(NamedTuple):
    """A pair, and the place of its surface that accounts for most of its variance over the training rows."""

    surface: Surface
    share: float | None  # of the target's variance over the training rows, on the model's scale
    axes: tuple[SurfaceAxis, SurfaceAxis]  # the one with more places first
    at: tuple[str, str]  # on these axes
    does: str  # to the prediction there: `adds 96`


def pair_summaries(card: Scorecard) -> list[PairSummary]:
    """Return a summary of each pair, those with most weight first."""
    rmse, r2 = card.training.get("cv_rmse"), card.training.get("cv_r2")
    variance = None if rmse is None or r2 is None else rmse**2 / (1 - r2)
    labels = {column.name: column.labels for column in card.columns}
    summaries = []
    for surface in sorted(card.surfaces, key=lambda surface: -surface.sd):
        place = telling_place(surface)
        sides = sorted(zip(surface.axes, place, strict=True), key=lambda side: -len(side[0].knots or side[0].levels))
        (first, i), (second, j) = sides
        at = place_names(first, labels[first.column])[i], place_names(second, labels[second.column])[j]
        value = surface.values[place[0]][place[1]]
        share = surface.sd**2 / variance if variance else None
        summaries.append(PairSummary(surface, share, (first, second), at, effect_of(value, card.target.transform)))
    return summaries


def effect_of(value: float, transform: str) -> str:
    """Say what a contribution does to a prediction."""
    if is_factor(transform):
        return f"multiplies {'1 + ' * (transform == 'log1p')}the prediction by {short(math.exp(value), 3)}"
    verb, scale = "adds" if value > 0 else "subtracts", " on the square root" * (transform == "sqrt")
    return f"{verb} {short(abs(value), 3)}{scale}"


def telling_place(surface: Surface) -> tuple[int, int]:
    """Find the place that accounts for most of a surface's variance.

    Where a number is on a side, places with few rows are left out: the surface there is mostly extrapolated.
    """
    counts = [count for line in surface.rows for count in line if count > 0]
    few = sum(counts) / len(counts) / 2 if counts and any(axis.knots for axis in surface.axes) else 0.0
    variances = {
        (i, j): value**2 * count if count >= few else 0.0
        for i, (line, rows) in enumerate(zip(surface.values, surface.rows, strict=True))
        for j, (value, count) in enumerate(zip(line, rows, strict=True))
    }
    return max(variances, key=lambda place: variances[place])


def place_names(axis: SurfaceAxis, labels: Mapping[str, str]) -> list[str]:
    """Name the places on one side of a surface: knots or levels, any other level, a missing cell."""
    if axis.start is not None:
        return [*(f"day {knot:.0f} since {axis.start[:10]}" for knot in axis.knots), "missing"]
    if axis.knots:
        return [*map(short, axis.knots), "missing"]
    if axis.part == "weekday":
        labels = {str(day): name for day, name in enumerate(calendar.day_name)}
    return [*(labels.get(level, level) for level in axis.levels), "any other", "missing"]
