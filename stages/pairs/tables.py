"""Tables of pairs: rows and residuals by the bins of two axes, for every fold; they add up over parts like moments."""

from dataclasses import dataclass

import numpy as np

from stages.utils.arrays import Floats, Places


@dataclass(frozen=True)
class PairTable:
    """The sums of one pair of axes."""

    rows: Floats  # (folds, I, J)
    sums: Floats  # (folds, I, J): of a model's residuals

    def __add__(self, other: "PairTable") -> "PairTable":
        return PairTable(self.rows + other.rows, self.sums + other.sums)


def pair_table(
    bins: tuple[Places, Places],
    sizes: tuple[int, int],
    fold: Places,
    residual: Floats,
    folds: int,
    weight: Floats | None = None,
) -> PairTable:
    """The table of two axes.

    Args:
        bins: (n,) bin of each row on each axis.
        sizes: how many bins each axis has.
        fold: (n,) fold of each row.
        residual: (n,) what a model leaves of the target.
        weight: (n,) how often each row counts; once if None.
    """
    cell = (fold * sizes[0] + bins[0]) * sizes[1] + bins[1]
    shape, size = (folds, *sizes), folds * sizes[0] * sizes[1]
    rows = np.bincount(cell, weight, size).reshape(shape).astype(np.float64)
    sums: Floats = (
        np.bincount(cell, residual if weight is None else residual * weight, size).astype(np.float64).reshape(shape)
    )
    return PairTable(rows, sums)


def margins(rows: Floats, sums: Floats, passes: int = 8) -> Floats:
    """Return what rows and columns of a table explain alone: the mean of each cell (..., I, J), fitted in turn.

    A ridge of one row keeps thin rows and columns of the table from being fitted to noise.
    """
    by_row, by_column = rows.sum(axis=-1) + 1, rows.sum(axis=-2) + 1
    across = np.zeros(sums.shape[:-2] + sums.shape[-1:])
    down = np.zeros(sums.shape[:-1])
    for _ in range(passes):
        down = (sums - rows * across[..., None, :]).sum(axis=-1) / by_row
        across = (sums - rows * down[..., :, None]).sum(axis=-2) / by_column
    return down[..., :, None] + across[..., None, :]


def merge_bins(table: Floats, first: Places, second: Places) -> Floats:
    """A table (..., I, J) with its bins merged on both sides: entry i of `first` is where bin i goes."""
    rows = np.zeros((first.max() + 1, len(first)))
    rows[first, np.arange(len(first))] = 1
    columns = np.zeros((len(second), second.max() + 1))
    columns[np.arange(len(second)), second] = 1
    return rows @ table @ columns
