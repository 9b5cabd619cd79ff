"""Effects of pairs of columns: surfaces of the scorecard, laid out for drawing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.modelling.feature_map import calendar_part
from stages.plotting.report.fold_effects import WEEKDAYS
from stages.table.schema import TableSchema
from stages.utils.arrays import Floats
from webapp.scoring.scorecard import Surface, SurfaceAxis

PIXELS = 60  # that the range of a number is drawn with
SHARE = 0.7  # of a level's width over which its rows are spread
SPREAD = (0.7548776662, 0.5698402910)  # multiples of both, modulo 1, fill a square evenly (Roberts 2018, "R2 sequence")
EPOCH, DAY = pd.Timestamp(0), pd.Timedelta(days=1)


@dataclass(frozen=True)
class Side:
    """One side of a surface as it is drawn."""

    label: str
    names: list[str]  # of the levels, in the order they are drawn; empty for a number
    is_date: bool
    edges: Floats  # (pixels + 1,) along the axis: of the number's range, or around the levels 0, 1, …
    weights: Floats  # (pixels, places) of the surface's places at each pixel
    cells: Floats  # (n,) where the rows of the sample are along the axis; NaN where the cell is missing


@dataclass(frozen=True)
class PairEffect:
    """The effect of two columns together beyond those of each alone, on the scale of the model."""

    label: str
    across: Side
    up: Side
    values: Floats  # (pixels across, pixels up); NaN where there are no training rows
    rows: Floats  # (pixels across, pixels up) of training rows; a pixel between knots has a share of the rows of both
    weight: float  # standard deviation of the contribution over the sample
    folds: list[float]  # the same in each fold's model; 0 where that has no such pair

    @property
    def chosen(self) -> int:
        """The number of folds whose model has the pair."""
        return sum(weight > 0 for weight in self.folds)


def pair_effects(
    surfaces: list[Surface], folds: list[list[Surface]], sample: pd.DataFrame, schema: TableSchema
) -> list[PairEffect]:
    """Lay out the surfaces of the model, those that move predictions most first; `folds` are those of its folds."""
    by_fold = [{pair_of(surface): surface.sd for surface in each} for each in folds]
    effects = []
    for surface in surfaces:
        values, rows = np.array(surface.values), np.array(surface.rows)
        sides = [
            make_side(axis, rows.sum(axis=1 - number), sample, schema, step)
            for number, (axis, step) in enumerate(zip(surface.axes, SPREAD, strict=True))
        ]
        if upright(*sides):
            values, rows, sides = values.T, rows.T, sides[::-1]
        across, up = sides
        seen = across.weights @ rows @ up.weights.T
        effects.append(
            PairEffect(
                label=f"{across.label} × {up.label}",
                across=across,
                up=up,
                values=np.where(seen > 0, across.weights @ values @ up.weights.T, np.nan),
                rows=seen,
                weight=surface.sd,
                folds=[each.get(pair_of(surface), 0.0) for each in by_fold],
            )
        )
    return sorted(effects, key=lambda effect: -effect.weight)


def pair_of(surface: Surface) -> frozenset[tuple[str, str | None]]:
    """Return what identifies a pair in another model."""
    return frozenset((axis.column, axis.part) for axis in surface.axes)


def upright(first: Side, second: Side) -> bool:
    """Tell whether the first side goes up: a number goes across before levels, many levels before few."""
    if bool(first.names) != bool(second.names):
        return bool(first.names)
    return len(first.names) < len(second.names)


def make_side(axis: SurfaceAxis, rows: Floats, sample: pd.DataFrame, schema: TableSchema, step: float) -> Side:
    """Lay out one side of a surface; `rows` (places,) are the training rows there, `step` spreads equal cells."""
    column = schema.column(axis.column)
    label = f"{column.title or column.name}: {axis.part}" if axis.part else column.label
    cells = sample[axis.column]
    if axis.knots:
        start = (pd.Timestamp(axis.start) - EPOCH) / DAY if axis.start else 0.0
        knots = np.array(axis.knots) + start
        numbers = np.asarray((cells - EPOCH) / DAY if axis.start else cells, np.float64)
        return number_side(label, knots, numbers, is_date=axis.start is not None)
    labels = column.labels
    if axis.part:
        cells = calendar_part(cells.to_frame(), axis.part)[0]
        labels = {str(day): name for day, name in enumerate(WEEKDAYS)} if axis.part == "weekday" else {}
    return level_side(label, axis.levels, labels, cells, rows, step)


def number_side(label: str, knots: Floats, cells: Floats, is_date: bool) -> Side:
    """Lay out the range of a number; a missing cell, the last place of the surface, is not drawn."""
    low, high = (knots[0], knots[-1]) if len(knots) > 1 else (knots[0] - 0.5, knots[0] + 0.5)
    edges = np.linspace(low, high, PIXELS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    hats = [np.interp(middles, knots, unit) for unit in np.eye(len(knots))]
    weights = np.column_stack([*hats, np.zeros(PIXELS)])
    return Side(label, [], is_date, edges, weights, np.clip(cells, low, high))


def level_side(
    label: str, levels: Sequence[str], labels: dict[str, str], cells: "pd.Series[str]", rows: Floats, step: float
) -> Side:
    """Lay out levels, whole numbers in their order; other levels and missing cells only where there are any."""
    order = list(range(len(levels)))
    if all(level.removeprefix("-").isdecimal() for level in levels):
        order.sort(key=lambda place: int(levels[place]))
    places = [*order, *(place for place in (len(levels), len(levels) + 1) if rows[place] > 0)]
    names = [*(labels.get(level, level) for level in levels), "other levels", "missing"]
    found = pd.Index(levels).get_indexer(pd.Index(cells))
    found = np.where(cells.isna(), len(levels) + 1, np.where(found < 0, len(levels), found))
    drawn = np.full(len(levels) + 2, np.nan)
    drawn[places] = np.arange(len(places))
    jitter = (np.arange(len(cells)) * step % 1 - 0.5) * SHARE
    return Side(
        label=label,
        names=[names[place] for place in places],
        is_date=False,
        edges=np.arange(len(places) + 1, dtype=np.float64) - 0.5,
        weights=np.eye(len(levels) + 2)[places],
        cells=drawn[found] + jitter,
    )
