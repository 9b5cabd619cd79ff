"""One line on each pair of columns that act together, for the model card: its weight, and where it matters most."""

import calendar
import math
from typing import NamedTuple

import numpy as np

from stages.table.schema import TableSchema
from webapp.formatting import is_factor, short
from webapp.scoring.scorecard import Scorecard, Surface, SurfaceAxis


class PairSummary(NamedTuple):
    """A pair, and the place of its surface that accounts for most of its variance over the training rows."""

    names: tuple[str, str]
    share: float  # of the target's variance, on the model's scale
    folds: float  # share of the training sets of cross-validation that chose the pair too
    at: tuple[str, str]
    amount: float  # of the contribution there; on a logarithmic scale a factor
    rises: bool


def pair_summaries(schema: TableSchema, served: Scorecard, variance: float) -> list[PairSummary]:
    """Return a summary of each pair, those with most weight first.

    Args:
        variance: of the target over the training rows, on the model's scale.
    """
    summaries = []
    for surface in sorted(served.surfaces, key=lambda surface: -surface.sd):
        place = telling_place(surface)
        value = surface.values[place[0]][place[1]]
        sides = sorted(zip(surface.axes, place, strict=True), key=lambda side: -len(side[0].knots or side[0].levels))
        first, second = (place_names(axis, schema)[number] for axis, number in sides)
        summary = PairSummary(
            names=(axis_name(sides[0][0]), axis_name(sides[1][0])),
            share=surface.sd**2 / variance,
            folds=surface.folds,
            at=(first, second),
            amount=math.exp(value) if is_factor(served.target.transform) else abs(value),
            rises=value > 0,
        )
        summaries.append(summary)
    return summaries


def telling_place(surface: Surface) -> tuple[int, int]:
    """Find the place that accounts for most of a surface's variance.

    Where a number is on a side, places with few rows are left out: the surface there is mostly extrapolated.
    """
    values, rows = np.array(surface.values), np.array(surface.rows)
    if any(axis.knots for axis in surface.axes):
        rows = np.where(rows >= rows[rows > 0].mean() / 2, rows, 0.0)
    first, second = np.unravel_index((values**2 * rows).argmax(), values.shape)
    return int(first), int(second)


def axis_name(axis: SurfaceAxis) -> str:
    """Name one side of a surface: the column, and the part of a date."""
    return axis.column if axis.part is None else f"{axis.column}.{axis.part}"


def place_names(axis: SurfaceAxis, schema: TableSchema) -> list[str]:
    """Name the places on one side of a surface: knots or levels, any other level, a missing cell."""
    if axis.start is not None:
        return [*(f"day {knot:.0f} since {axis.start[:10]}" for knot in axis.knots), "missing"]
    if axis.knots:
        return [*map(short, axis.knots), "missing"]
    labels = schema.column(axis.column).labels
    if axis.part == "weekday":
        labels = {str(day): name for day, name in enumerate(calendar.day_name)}
    return [*(labels.get(level, level) for level in axis.levels), "any other", "missing"]
