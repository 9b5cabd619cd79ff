"""What explore draws of each column: its cells in the sample, and how the target goes with them."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from stages.plotting.panels import are_codes
from stages.plotting.trends import FEWEST, Trend, fit_trend, level_means
from stages.table.schema import Column, TableSchema
from stages.utils.arrays import Floats

EDGES = (0.005, 0.995)  # quantiles between which a number is drawn; outliers have a picture of their own


@dataclass(frozen=True)
class Look:
    """A column as it is drawn."""

    column: Column
    kind: Literal["number", "level", "date", "code"]  # a boolean is drawn as two levels; codes are whole numbers
    values: "pd.Series[Any]"  # the sample's cells; a date as days since 1970
    explains: float = 0.0  # share of the target's variance in the sample, by the trend or the levels
    trend: Trend | None = None
    means: pd.DataFrame | None = None  # by level or code: rows, mean, error of the target

    @property
    def known(self) -> "pd.Series[Any]":
        """The cells that are not missing."""
        return self.values.dropna()

    @property
    def limits(self) -> tuple[float, float]:
        """Where the axis of a number begins and ends: short of the last few rows, if these are far away."""
        low, high = np.quantile(self.known, EDGES)
        smallest, largest = self.known.min(), self.known.max()
        far = (high - low) * 0.25
        low, high = (low if smallest < low - far else smallest), (high if largest > high + far else largest)
        room = (high - low) * 0.03 or 0.5
        return low - room, high + room


def look_at(column: Column, cells: pd.Series) -> Look:
    """A column without its relation to the target."""
    if column.type == "boolean":
        return Look(column, "level", cells.map({1.0: "true", 0.0: "false"}).astype("str"))
    if column.kind == "level":
        if not column.labels and are_codes(cells.dropna().unique().tolist()):
            return Look(column, "code", cells.astype("float64"))
        return Look(column, "level", cells.replace(column.labels))
    if column.kind == "date":
        return Look(column, "date", (cells - pd.Timestamp(0)) / pd.Timedelta(days=1))
    return Look(column, "number", cells)


def looks_at(sample: pd.DataFrame, schema: TableSchema) -> list[Look]:
    """The input columns, the one that explains most of the target first; equals in the schema's order."""
    target = sample[schema.target.name]
    found = []
    for look in (look_at(column, sample[column.name]) for column in schema.inputs):
        if look.kind in ("level", "code"):
            means, explains = level_means(look.values, target)
            found.append(replace(look, means=means, explains=explains))
        else:
            known = look.values.notna()
            trend = fit_trend(look.values[known].to_numpy(np.float64), target[known].to_numpy(np.float64))
            found.append(replace(look, trend=trend, explains=trend.explains if trend else 0.0))
    return sorted(found, key=lambda look: -look.explains)


def as_numbers(look: Look) -> Floats:
    """The sample's cells as numbers (n,): a level as the target's mean in it, rare ones and missing cells as NaN."""
    if look.means is None:
        return np.asarray(look.values, np.float64)
    frequent = look.means.loc[look.means["rows"] >= FEWEST, "mean"]
    return np.asarray(look.values.map(frequent), np.float64)
