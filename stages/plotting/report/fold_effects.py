"""The effect of each column in the model and in each fold's model, over the rows of a sample."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.exporting.effects import Effects
from stages.modelling.feature_map import CALENDAR, calendar_part
from stages.table.schema import Column, TableSchema
from stages.utils.arrays import Floats
from webapp.scoring.scorecard import Calendar, Curve, Levels

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Effect:
    """Contributions of a column, or of a calendar part of a date, on the scale of the model."""

    label: str
    levels: list[str]  # empty for a curve
    knots: Floats  # (k,), of a curve; a date's are days since 1970
    values: Floats  # (k,) at each knot; or of each level, and of any other level last
    folds: list[Floats]  # the values in each fold's model
    cells: Floats  # (n,) of the sample: numbers, or positions in `values`; NaN where missing
    is_date: bool = False

    def added(self, values: Floats) -> Floats:
        """Return the contributions (n,) to the rows of the sample if the effect had these `values`."""
        known = self.cells[~np.isnan(self.cells)]
        return values[known.astype(int)] if self.levels else np.interp(known, self.knots, values)

    @property
    def weight(self) -> float:
        """Standard deviation of the contributions: how much the column moves predictions."""
        return spread(self.added(self.values))


def spread(values: Floats) -> float:
    """Return the standard deviation; 0 if there are no values."""
    return float(values.std()) if len(values) else 0.0


def column_effects(found: list[Effects], sample: pd.DataFrame, schema: TableSchema) -> list[Effect]:
    """Lay out the effects of the columns, those that move predictions most first.

    Args:
        found: the effects of the model, then those of each fold's model.
    """
    effects = [
        effect
        for column in schema.inputs
        for effect in effects_of(column, sample[column.name], [each.columns[column.name] for each in found])
    ]
    return sorted(effects, key=lambda effect: -effect.weight)


def effects_of(column: Column, cells: pd.Series, found: list[Any]) -> Iterator[Effect]:
    """Yield one effect for a number or levels; for a date one for its trend and one for each calendar part."""
    first = found[0]
    if isinstance(first, Levels):
        yield of_levels(column.label, cells, found, column.labels)
    elif isinstance(first, Curve):
        yield of_curve(column.label, cells.to_numpy(np.float64), found)
    else:
        yield from of_calendar(column, cells, found)


def of_calendar(column: Column, cells: pd.Series, found: list[Calendar]) -> Iterator[Effect]:
    """Yield the effects of a date."""
    name = column.title or column.name
    if found[0].days is not None:
        start = (pd.Timestamp(str(found[0].start)) - pd.Timestamp(0)) / pd.Timedelta(days=1)
        days = np.asarray((cells - pd.Timestamp(0)) / pd.Timedelta(days=1), np.float64)
        yield of_curve(f"{name}: trend", days, [each.days for each in found if each.days], start)
    for part in CALENDAR:
        levels = calendar_part(cells.to_frame(), part)[0]
        labels = {str(day): called for day, called in enumerate(WEEKDAYS)} if part == "weekday" else {}
        yield of_levels(f"{name}: {part}", levels, [getattr(each, part) for each in found], labels)


def of_curve(label: str, cells: Floats, found: list[Curve], start: float | None = None) -> Effect:
    """Return the effect of a number, or (with `start`, the day of knot 0) of a date's trend.

    The curve of a fold's model may bend elsewhere; it is read at the model's knots.
    """
    knots = np.array(found[0].knots)
    model, *folds = (np.interp(knots, each.knots, each.values) for each in found)
    return Effect(label, [], knots + (start or 0.0), model, folds, cells, start is not None)


def of_levels(label: str, cells: "pd.Series[str]", found: list[Levels], labels: dict[str, str]) -> Effect:
    """Return the effect of a column with levels."""
    levels = list(found[0].values)
    model, *folds = (np.array([*each.values.values(), each.other]) for each in found)
    place = pd.Index(levels).get_indexer(pd.Index(cells)).astype(float)
    place = np.where(place < 0, len(levels), place)
    place[cells.isna().to_numpy()] = np.nan
    names = [*(labels.get(level, level) for level in levels), "other levels"]
    return Effect(label, names, np.empty(0), model, folds, place)
