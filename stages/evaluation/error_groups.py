"""Errors by group of rows: by level, or by fifth of a number or date. They show where the model is off on average."""

from itertools import pairwise

import numpy as np
import pandas as pd

from stages.table.schema import Column, TableSchema
from stages.utils.arrays import Floats
from stages.utils.metrics_files import GroupCoverage
from webapp.formatting import distinct

FIFTHS = [0.2, 0.4, 0.6, 0.8]
MOST_LEVELS = 31  # of a column that are groups; the others together are one group
ENOUGH_ROWS = 50  # of a group whose coverage is compared with that of others
OTHER, MISSING = "other levels", "missing"

Groups = dict[str, Floats | list[str]]  # for each input column the edges between its fifths, or its commonest levels


def find_groups(sample: pd.DataFrame, schema: TableSchema) -> Groups:
    """Find the groups of each input column in a sample of the training rows; edges of dates are nanoseconds."""
    groups: Groups = {}
    for column in schema.inputs:
        known = sample[column.name].dropna()
        if column.kind == "level":
            counts = known.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
            groups[column.name] = counts.head(MOST_LEVELS).index.tolist()
        elif column.type == "boolean":
            groups[column.name] = np.array([0.5])
        else:
            groups[column.name] = np.unique(np.quantile(as_float(known), FIFTHS)) if len(known) else np.empty(0)
    return groups


def as_float(cells: pd.Series) -> Floats:
    """Return numbers as they are, dates as nanoseconds since 1970."""
    return np.asarray(cells.astype("datetime64[ns]").astype("int64") if cells.dtype.kind == "M" else cells, np.float64)


def group_sums(
    frame: pd.DataFrame, residual: Floats, inside: Floats, groups: Groups, weight: Floats | None = None
) -> pd.DataFrame:
    """Sum over one part by group: column, place (of the group in the column), rows, total, squares, inside.

    Args:
        residual: (n,) target minus prediction; `total` and `squares` are its sums.
        inside: (n,) 1 for a target that is inside its interval, 0 for another.
        weight: (n,) how often each row counts; once if None.
    """
    weight = np.ones(len(frame)) if weight is None else weight
    counted = (weight, residual * weight, residual**2 * weight, inside * weight)
    frames = []
    for name, limits in groups.items():
        cells = frame[name]
        missing = cells.isna().to_numpy()
        if isinstance(limits, list):
            place = pd.Index(limits).get_indexer(pd.Index(cells))  # -1 for any other level
            place = np.where(place < 0, len(limits), place)
        else:
            place = np.searchsorted(limits, as_float(cells), side="right")
        place = np.where(missing, len(limits) + 1, place)
        sums = [np.bincount(place, each, len(limits) + 2) for each in counted]
        columns = dict(zip(("rows", "total", "squares", "inside"), sums, strict=True))
        frames.append(pd.DataFrame({"column": name, "place": np.arange(len(limits) + 2), **columns}))
    return pd.concat(frames, ignore_index=True)


def residuals_by_group(sums: pd.DataFrame, groups: Groups, schema: TableSchema) -> pd.DataFrame:
    """Return a row for each group that has rows: column, group, rows, bias, se, rmse, coverage.

    The bias is the mean of target minus prediction, `se` its standard error; the coverage is the share inside.

    Args:
        sums: of any number of parts, as `group_sums` returns them.
    """
    sums = sums.groupby(["column", "place"], sort=False).sum().reset_index()
    sums = sums[sums["rows"] > 0]
    mean = sums["total"] / sums["rows"]
    spread = np.maximum(sums["squares"] / sums["rows"] - mean**2, 0)
    names = {name: group_names(limits, schema.column(name)) for name, limits in groups.items()}
    columns = {
        "column": sums["column"],
        "group": [names[column][place] for column, place in zip(sums["column"], sums["place"], strict=True)],
        "rows": sums["rows"].round().astype(int),
        "bias": mean,
        "se": np.where(sums["rows"] > 1, np.sqrt(spread / np.maximum(sums["rows"] - 1, 1)), np.nan),
        "rmse": np.sqrt(sums["squares"] / sums["rows"]),
        "coverage": sums["inside"] / sums["rows"],
    }
    return pd.DataFrame(columns)


def worst_coverage(groups: pd.DataFrame) -> GroupCoverage | None:
    """Return the group with the lowest coverage (from `residuals_by_group`) among those of at least ENOUGH_ROWS."""
    large = groups[groups["rows"] >= ENOUGH_ROWS].nsmallest(1, "coverage")
    found = large[["column", "group", "rows", "coverage"]].to_dict("records")
    return GroupCoverage.model_validate(found[0]) if found else None


def group_names(limits: Floats | list[str], column: Column) -> list[str]:
    """Name every group of a column, no two alike: its levels and the other levels, or its fifths; last, missing."""
    if isinstance(limits, list):
        names = [column.labels.get(level, level) for level in limits]
        taken = ("", OTHER, MISSING)  # a level of such a name is put in quotes
        return [*(f'"{name}"' if name in taken else name for name in names), OTHER, MISSING]
    if column.type == "boolean":
        return ["false", "true", MISSING]
    edges = distinct_dates(limits) if column.kind == "date" else distinct(limits.tolist())
    if not edges:
        return ["all", MISSING]
    between = [f"{low} to {high}" for low, high in pairwise(edges)]
    return [f"below {edges[0]}", *between, f"from {edges[-1]}", MISSING]


def distinct_dates(edges: Floats) -> list[str]:
    """Return dates (nanoseconds since 1970) as text: the day, or the time as well if several fall on one day."""
    times = [pd.Timestamp(int(edge)) for edge in edges]
    days = [str(time.date()) for time in times]
    return days if len(set(days)) == len(days) else [str(time) for time in times]
