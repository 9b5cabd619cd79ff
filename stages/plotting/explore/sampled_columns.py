"""The columns as explore draws them: cells of the sample, and how the target depends on each column alone."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.plotting.small_multiples import are_codes
from stages.plotting.univariate import FEWEST, Trend, fit_trend, level_means
from stages.table.schema import Column, TableSchema

EDGES = (0.005, 0.995)  # quantiles between which a number is drawn; outliers have a plot of their own


@dataclass(frozen=True)
class SampledColumn:
    """A column of the sample."""

    field: Column
    kind: Literal["number", "level", "date", "code"]  # a boolean has two levels; codes are whole numbers
    values: "pd.Series[Any]"  # the sample's cells; a date as days since 1970
    explains: float = 0.0  # share of the target's variance in the sample, by the trend or the levels
    trend: Trend | None = None
    means: pd.DataFrame | None = None  # by level or code: rows, mean, error of the target

    @property
    def known(self) -> "pd.Series[Any]":
        """Cells that are not missing."""
        return self.values.dropna()

    @property
    def ends(self) -> tuple[float, float]:
        """Ends of what is drawn of a number; they leave out the outermost rows if these are far away."""
        low, high = np.quantile(self.known, EDGES)
        smallest, largest = self.known.min(), self.known.max()
        far = (high - low) * 0.25
        return (low if smallest < low - far else smallest), (high if largest > high + far else largest)

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of the axis of a number: its ends and a margin."""
        low, high = self.ends
        room = (high - low) * 0.03 or 0.5
        return low - room, high + room


def sampled_column(column: Column, cells: pd.Series) -> SampledColumn:
    """Return a column without its relation to the target."""
    if column.type == "boolean":
        return SampledColumn(column, "level", cells.map({1.0: "true", 0.0: "false"}).astype("str"))
    if column.kind == "level":
        if not column.labels and are_codes(cells.dropna().unique().tolist()):
            return SampledColumn(column, "code", cells.astype("float64"))
        return SampledColumn(column, "level", cells.replace(column.labels))
    if column.kind == "date":
        return SampledColumn(column, "date", (cells - pd.Timestamp(0)) / pd.Timedelta(days=1))
    return SampledColumn(column, "number", cells)


def sampled_inputs(sample: pd.DataFrame, schema: TableSchema) -> list[SampledColumn]:
    """Return the input columns, those that explain most of the target first; ties in the schema's order."""
    target = sample[schema.target.name]
    found = []
    for each in (sampled_column(column, sample[column.name]) for column in schema.inputs):
        if each.kind in ("level", "code"):
            means, explains = level_means(each.values, target)
            found.append(replace(each, means=means, explains=explains))
        else:
            known = each.values.notna()
            trend = fit_trend(each.values[known].to_numpy(np.float64), target[known].to_numpy(np.float64))
            found.append(replace(each, trend=trend, explains=trend.explains if trend else 0.0))
    return sorted(found, key=lambda column: -column.explains)


def as_numbers(column: SampledColumn) -> npt.NDArray[np.float64]:
    """Return the cells as numbers (n,): a level as the target's mean in it, rare levels and missing cells as NaN."""
    if column.means is None:
        return np.asarray(column.values, np.float64)
    frequent = column.means.loc[column.means["rows"] >= FEWEST, "mean"]
    return np.asarray(column.values.map(frequent), np.float64)
