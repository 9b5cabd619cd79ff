"""The effect of each column as it is drawn: of the model and of each fold's model, over the rows of a sample."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from stages.exporting.effects import column_effects
from stages.modelling.feature_map import CALENDAR, calendar_part
from stages.table.schema import Column, TableSchema
from stages.utils.arrays import Floats
from webapp.scoring.scorecard import Calendar, Curve, Levels

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Effect:
    """What a column (or a calendar part of a date) adds to the prediction, in the target's unit."""

    label: str
    levels: list[str]  # empty for a curve
    knots: Floats  # (k,), of a curve; a date's are days since 1970
    values: Floats  # (k,) at each knot, or of each level and last of any other
    folds: list[Floats]  # the same of each fold's model
    missing: float
    cells: Floats  # (n,) of the sample: numbers, or positions in `values`; NaN where missing
    is_date: bool = False

    def added(self, values: Floats) -> Floats:
        """What `values` in place of the effect's own add to the prediction of each row of the sample (n,)."""
        known = self.cells[~np.isnan(self.cells)]
        return values[known.astype(int)] if self.levels else np.interp(known, self.knots, values)

    @property
    def weight(self) -> float:
        """How much the column moves predictions: the standard deviation of what it adds."""
        return spread(self.added(self.values))


def spread(values: Floats) -> float:
    """The standard deviation; 0 of no values."""
    return float(values.std()) if len(values) else 0.0


def drawn_effects(model: Pipeline, coef: Floats, sample: pd.DataFrame, schema: TableSchema) -> list[Effect]:
    """The effects, the heaviest first.

    Args:
        coef: (folds, p) weights of each fold's model for terms in their own units; NaN where a fold has none.
    """
    known = {column.name: column.levels or [] for column in schema.inputs}
    models = [model, *(with_weights(model, weights) for weights in coef if not np.isnan(weights).any())]
    by_model = [column_effects(each, known) for each in models]
    effects = [
        effect
        for column in schema.inputs
        for effect in effects_of(column, sample[column.name], [each[column.name] for each in by_model])
    ]
    return sorted(effects, key=lambda effect: -effect.weight)


def with_weights(model: Pipeline, coef: Floats) -> Pipeline:
    """The model with other weights, given for terms in their own units."""
    elasticnet = copy.copy(model["elasticnet"])
    elasticnet.coef_ = coef * model["scale"].scale_
    return Pipeline([*model.steps[:-1], ("elasticnet", elasticnet)])


def effects_of(column: Column, cells: pd.Series, found: list[Any]) -> Iterator[Effect]:
    """One effect for a number or a table of levels; of a date one for its trend and each calendar part."""
    first = found[0]
    if isinstance(first, Levels):
        yield of_levels(column.label, cells, found, column.labels)
    elif isinstance(first, Curve):
        yield of_curve(column.label, cells.to_numpy(np.float64), found)
    else:
        yield from of_calendar(column, cells, found)


def of_calendar(column: Column, cells: pd.Series, found: list[Calendar]) -> Iterator[Effect]:
    """The effects of a date."""
    name = column.title or column.name
    if found[0].days is not None:
        start = (pd.Timestamp(str(found[0].start)) - pd.Timestamp(0)) / pd.Timedelta(days=1)
        days = np.asarray((cells - pd.Timestamp(0)) / pd.Timedelta(days=1), np.float64)
        yield of_curve(f"{name}: trend", days, [each.days for each in found], start)
    for part in CALENDAR:
        levels = calendar_part(cells.to_frame(), part)[0]
        labels = {str(day): called for day, called in enumerate(WEEKDAYS)} if part == "weekday" else {}
        yield of_levels(f"{name}: {part}", levels, [getattr(each, part) for each in found], labels)


def of_curve(label: str, cells: Floats, found: list[Any], start: float | None = None) -> Effect:
    """The effect of a number, or (with the day that its knots are counted from) of a date's trend."""
    model, *folds = ([*each.values] for each in found)
    knots = np.array(found[0].knots) + (start or 0.0)
    values = [np.array(fold) for fold in folds]
    return Effect(label, [], knots, np.array(model), values, found[0].missing, cells, start is not None)


def of_levels(label: str, cells: "pd.Series[str]", found: list[Levels], labels: dict[str, str]) -> Effect:
    """The effect of a table of levels."""
    levels = list(found[0].values)
    model, *folds = (np.array([*each.values.values(), each.other]) for each in found)
    place = pd.Index(levels).get_indexer(pd.Index(cells)).astype(float)
    place = np.where(place < 0, len(levels), place)
    place[cells.isna().to_numpy()] = np.nan
    names = [*(labels.get(level, level) for level in levels), "other levels"]
    return Effect(label, names, np.empty(0), model, folds, found[0].missing, place)
