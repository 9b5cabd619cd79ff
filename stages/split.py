"""Split: assign every row to train or test and every training row to a fold; look for columns that number the rows.

Reads   data/valid/, schema.yaml
Writes  data/train/ (with `_hash`, `_fold`), data/test/ (with `_hash`), metrics/split.json
Run     python -m stages.split

The split is by hash of the row (all columns but target, weight, exposure and ids), by hash of its group, or by a cut
date. With a hash, duplicates stay together, and no row moves when the table grows or a column is ignored. By date,
folds are blocks of time. With an exposure, the target becomes a rate (see `stages.splitting.rates`).
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from stages.modelling.moments import Moments
from stages.splitting.rates import as_rates, mean_exposure
from stages.splitting.row_ids import check_row_ids, numbering_of
from stages.splitting.summaries import Summary, check_sizes, check_weights, summarise
from stages.splitting.time_folds import time_fold_edges
from stages.table.hashing import draw, hash_groups, save_hashes
from stages.table.parts import list_parts, read_part, row_counts, write_part
from stages.table.schema import TableSchema, read_schema
from stages.utils.files import remove, replacing
from stages.utils.metrics_files import write_metrics
from stages.utils.parallel import map_parts
from stages.utils.params import SplitParams, read_params
from stages.utils.stage import stage

VALID, TRAIN, TEST = Path("data/valid"), Path("data/train"), Path("data/test")


def main() -> None:
    with stage("split") as log:
        params = read_params("split")
        schema = read_schema()
        parts = list_parts(VALID)
        edges = time_fold_edges(parts, schema, params)
        rows = row_counts(parts)

        with replacing(TRAIN) as train, replacing(TEST) as test:
            hashes = train / "hashes"  # of rows and of values, to count duplicates
            work = list(zip(parts, np.cumsum([0, *rows[:-1]]).tolist(), strict=True))
            mean = mean_exposure(parts, schema)
            by_part = map_parts(split_part, work, schema, params, edges, train, test, hashes, mean, rows=rows)
            metrics = summarise(list(by_part), schema, hashes)
            remove(hashes)
            for name in schema.names("weight"):
                check_weights(metrics.train + metrics.test, sum(rows), name, log)
            check_sizes(metrics)
            check_row_ids(metrics.row_ids, schema)
        write_metrics(metrics)
        log.info(
            "by %s: %d rows to train, %d to test; folds %s",
            params.by,
            metrics.train,
            metrics.test,
            metrics.folds,
        )


def split_part(
    item: tuple[Path, int],
    schema: TableSchema,
    params: SplitParams,
    edges: npt.NDArray[np.datetime64] | None,
    train: Path,
    test: Path,
    hashes: Path,
    exposure: float = 1.0,
) -> Summary:
    """Write the training and the test rows of one part and their hashes; return its summary.

    `exposure` is the mean one.
    """
    part, start = item
    frame = read_part(part)
    for name in schema.names("weight"):  # a row of weight 0 is as good as absent
        frame = frame[frame[name] > 0].reset_index(drop=True)
    frame = as_rates(frame, schema, exposure)
    columns = schema.names("feature", "group", "time", "ignore")
    inputs = [column.name for column in schema.inputs]
    of_rows, of_inputs, of_group = hash_groups(frame, [columns, inputs, schema.names("group")])
    if edges is not None:
        fold = np.searchsorted(edges, frame[schema.names("time")[0]].to_numpy(), side="right")
        is_test = fold == params.folds
    else:
        unit = of_group if params.by == "group" else of_rows
        fold = (draw(unit, "fold", params.seed) % np.uint64(params.folds)).astype(np.int64)
        is_test = draw(unit, "side", params.seed) < np.uint64(params.test_fraction * 2.0**64)
    position = np.arange(start, start + len(frame), dtype=np.float64)
    order = Moments.of(np.column_stack([position, frame[schema.target.name].to_numpy()]))
    numbering = numbering_of(frame, schema, part, hashes)
    frame["_hash"] = of_rows
    write_part(frame[is_test], test, part.name)
    frame = frame[~is_test]  # the parts are written after each other, so that only one of them is a second copy
    write_part(frame.assign(_fold=fold[~is_test].astype(np.int16)), train, part.name)
    for name, values in {"rows": of_rows, "inputs": of_inputs}.items():
        save_hashes(values[~is_test], hashes / f"train-{name}", part)
        save_hashes(values[is_test], hashes / f"test-{name}", part)
    return Summary(
        train=int((~is_test).sum()),
        test=int(is_test.sum()),
        folds=np.bincount(fold[~is_test], minlength=params.folds),
        order=order,
        numbering=numbering,
    )


if __name__ == "__main__":
    main()
