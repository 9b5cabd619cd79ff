"""Folds in time: the moments at which the blocks of a split by time begin."""

from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stages.table.parts import read_part
from stages.table.schema import TableSchema
from stages.utils.errors import DataError, SettingsError
from stages.utils.params import SplitParams


def time_fold_edges(parts: list[Path], schema: TableSchema, params: SplitParams) -> npt.NDArray[np.datetime64] | None:
    """Return the first moment of every fold but the first, and of the test rows (folds,); None unless split.by is time.

    The folds have about equally many rows.

    Raises:
        SettingsError: the column or the date that the split needs is missing.
        DataError: the table has no rows.
    """
    if params.by in ("group", "time") and not schema.names(params.by):
        raise SettingsError(
            f"schema.yaml: no column has role: {params.by}, which params.yaml: split.by: {params.by} needs; "
            f"give one column this role"
        )
    if params.by != "time":
        return None
    [name] = schema.names("time")
    times = np.sort(np.concatenate([read_part(part, [name])[name].to_numpy() for part in parts]))
    if len(times) == 0:
        raise DataError(f"{parts[0].parent}: the table has no rows")
    proposal = str(times[int(len(times) * (1 - params.test_fraction))])[:19]
    try:
        cut = np.datetime64(datetime.fromisoformat(params.cut)) if params.cut else None
    except ValueError:
        cut = None
    if cut is None:
        raise SettingsError(
            f"params.yaml: split.cut: found {params.cut!r}; split.by: time needs an ISO date; "
            f"{1 - params.test_fraction:.0%} of the rows are before {proposal}"
        )
    past = times[times < cut]
    quantiles = (
        [past[len(past) * fold // params.folds] for fold in range(1, params.folds)]
        if len(past)
        else [cut] * (params.folds - 1)
    )
    return np.array([*quantiles, cut], dtype=times.dtype)
