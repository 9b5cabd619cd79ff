"""Errors by group of rows: by level, or by fifth of a number or date. They show where the model is off on average."""

import numpy as np
import pandas as pd

from stages.table.schema import TableSchema
from stages.utils.arrays import Floats

FIFTHS = [0.2, 0.4, 0.6, 0.8]
MOST_LEVELS = 31  # of a column; the others are one group
OTHER, MISSING = "other levels", "missing"

Groups = dict[str, Floats | list[str]]  # for each input column the edges between its fifths, or its commonest levels


def find_groups(sample: pd.DataFrame, schema: TableSchema) -> Groups:
    """The groups of each input column, from a sample of the training rows; edges of dates are nanoseconds."""
    groups: Groups = {}
    for column in schema.inputs:
        known = sample[column.name].dropna()
        if column.kind == "level":
            counts = known.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
            groups[column.name] = counts.head(MOST_LEVELS).index.tolist()
        else:
            groups[column.name] = np.unique(np.quantile(as_float(known), FIFTHS)) if len(known) else np.empty(0)
    return groups


def as_float(cells: pd.Series) -> Floats:
    """Numbers as they are, dates as nanoseconds since 1970."""
    return np.asarray(cells.astype("datetime64[ns]").astype("int64") if cells.dtype.kind == "M" else cells, np.float64)


def group_sums(frame: pd.DataFrame, residual: Floats, groups: Groups) -> pd.DataFrame:
    """What the rows of one part add up to: column, place (of the group in the column), rows, total, squares."""
    frames = []
    for name, limits in groups.items():
        cells = frame[name]
        missing = cells.isna().to_numpy()
        if isinstance(limits, list):
            place = pd.Index(limits).get_indexer(pd.Index(cells))  # -1: none of them
            place = np.where(place < 0, len(limits), place)
        else:
            place = np.searchsorted(limits, as_float(cells), side="right")
        place = np.where(missing, len(limits) + 1, place)
        sums = [np.bincount(place, weights, len(limits) + 2) for weights in (None, residual, residual**2)]
        columns = dict(zip(("rows", "total", "squares"), sums, strict=True))
        frames.append(pd.DataFrame({"column": name, "place": np.arange(len(limits) + 2), **columns}))
    return pd.concat(frames, ignore_index=True)


def residuals_by_group(sums: pd.DataFrame, groups: Groups, schema: TableSchema) -> pd.DataFrame:
    """A row a group that has rows: column, group, rows, bias (mean of target less prediction), se of it, rmse."""
    sums = sums.groupby(["column", "place"], sort=False).sum().reset_index()
    sums = sums[sums["rows"] > 0]
    mean = sums["total"] / sums["rows"]
    spread = np.maximum(sums["squares"] / sums["rows"] - mean**2, 0)
    names = [
        name_of(groups[column], place, schema.column(column).kind == "date")
        for column, place in zip(sums["column"], sums["place"], strict=True)
    ]
    se = np.where(sums["rows"] > 1, np.sqrt(spread / np.maximum(sums["rows"] - 1, 1)), np.nan)
    found = {"column": sums["column"], "group": names, "rows": sums["rows"].astype(int), "bias": mean, "se": se}
    return pd.DataFrame({**found, "rmse": np.sqrt(sums["squares"] / sums["rows"])})


def name_of(limits: Floats | list[str], place: int, is_date: bool) -> str:
    """What a person calls a group: the level, or the range of a fifth."""
    if place > len(limits):
        return MISSING
    if isinstance(limits, list):
        return limits[place] if place < len(limits) else OTHER
    edges = [str(pd.Timestamp(int(edge)).date()) if is_date else f"{edge:.4g}" for edge in limits]
    if not edges:
        return "all"
    if place == 0:
        return f"below {edges[0]}"
    return f"{edges[place - 1]} to {edges[place]}" if place < len(edges) else f"from {edges[-1]}"
