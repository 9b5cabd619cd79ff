"""Summaries of the parts that split writes, merged into its metrics, and the checks of what they say."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stages.modelling.moments import Moments, merge_all
from stages.splitting.row_ids import Numbering, find_row_ids
from stages.table.hashing import count_members, count_repeats
from stages.table.schema import TableSchema
from stages.utils.errors import DataError
from stages.utils.metrics_files import SplitMetrics


@dataclass
class Summary:
    """The contribution of one part to the metrics and to the search for row ids."""

    train: int  # rows
    test: int
    folds: npt.NDArray[np.int64]  # rows in each fold
    order: Moments  # of (position in the table, target)
    numbering: Numbering


def summarise(summaries: list[Summary], schema: TableSchema, hashes: Path) -> SplitMetrics:
    """Merge the summaries into the metrics of the whole table; `hashes` holds those that `split_part` has saved."""
    order = merge_all(summary.order for summary in summaries)
    spread = order.scatter[0, 0] * order.scatter[1, 1]
    return SplitMetrics(
        train=sum(summary.train for summary in summaries),
        test=sum(summary.test for summary in summaries),
        duplicates_train=count_repeats(hashes / "train-rows"),
        duplicates_test=count_repeats(hashes / "test-rows"),
        folds=np.sum([summary.folds for summary in summaries], axis=0).tolist(),
        duplicates_straddling=count_members(hashes / "test-rows", hashes / "train-rows"),
        test_rows_with_inputs_seen_in_train=count_members(hashes / "test-inputs", hashes / "train-inputs"),
        target_order_r2=order.scatter[0, 1] ** 2 / spread if spread > 0 else 0.0,
        row_ids=find_row_ids([summary.numbering for summary in summaries], schema),
    )


def check_weights(positive: int, rows: int, weight: str, log: logging.Logger) -> None:
    """Say how many rows have a weight of 0; raise a DataError if all have."""
    if positive == 0:
        raise DataError(
            f"data/valid: the weight {weight} is 0 in all {rows} rows; no row counts: correct the column, or give "
            f"it role: ignore in schema.yaml"
        )
    if positive < rows:
        log.info("%d rows left out, whose weight %s is 0", rows - positive, weight)


def check_sizes(metrics: SplitMetrics) -> None:
    """Raise a DataError unless every fold has a row and the test set has two."""
    rows = metrics.train + metrics.test
    if metrics.train == 0:
        raise DataError(f"data/valid: all {rows} rows are in the test set; change params.yaml: split")
    if metrics.test < 2:
        raise DataError(
            f"data/valid: {metrics.test} of {rows} rows are in the test set, expected at least 2; "
            f"the table is too small: add rows, or change params.yaml: split"
        )
    if 0 in metrics.folds:
        raise DataError(
            f"data/valid: none of {metrics.train} training rows is in fold {metrics.folds.index(0)} "
            f"of {len(metrics.folds)}; lower params.yaml: split.folds, or add rows"
        )
