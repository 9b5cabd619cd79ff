"""Rates: with an exposure, the target per unit of exposure becomes the target, and the exposure the row's weight.

Weights suit rates whose variance is inversely proportional to the exposure, as that of a count per year is (McCullagh
and Nelder 1989, "Generalized linear models", section 2.2.2). The exposure is divided by its mean, so that the weights
still add up to the number of rows, whatever its unit.
"""

from pathlib import Path

import pandas as pd

from stages.table.parts import read_part
from stages.table.schema import TableSchema


def mean_exposure(parts: list[Path], schema: TableSchema) -> float:
    """Return the mean exposure of the rows, each counted as often as its weight says; 1 if the schema has none."""
    total = rows = 0.0
    if schema.exposure is not None:
        for part in parts:
            frame = read_part(part, schema.names("exposure", "weight"))
            exposure = frame[schema.exposure.name]
            for name in schema.names("weight"):
                exposure = exposure * frame[name]
            total += float(exposure.sum())
            rows += float(frame[schema.names("weight")].sum().sum()) if schema.names("weight") else len(frame)
    return total / rows if rows else 1.0


def as_rates(frame: pd.DataFrame, schema: TableSchema, mean: float) -> pd.DataFrame:
    """Divide the target by the exposure, and add `_weight`; the frame itself is returned if there is no exposure.

    Args:
        frame: valid rows, with the target as a total.
        mean: of the exposure.
    """
    if schema.exposure is None:
        return frame
    exposure = frame[schema.exposure.name]
    weight = exposure / mean
    for name in schema.names("weight"):
        weight = weight * frame[name]
    target = schema.target.name
    return frame.assign(**{target: frame[target] / exposure, "_weight": weight})
