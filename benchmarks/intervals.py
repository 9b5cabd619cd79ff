"""Prediction intervals of this pipeline beside MAPIE's and crepes's, on the same training and test rows.

MAPIE: conformalised quantile regression of gradient-boosted trees (`HistGradientBoostingRegressor`). crepes: the same
trees for the mean, normalised by the size of the errors of the nearest training rows. Both keep one fold of the
training rows to calibrate on; other settings are their defaults. Needs the dependency group `benchmarks`.
Run: python -m benchmarks.intervals FILE.csv:TARGET …     (sklearn://diabetes:target works, too)
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.accuracy import adopt, run_stages  # before numpy: fixes the threads

import joblib  # isort: skip
import numpy as np  # isort: skip
import pandas as pd  # isort: skip
from crepes import ConformalRegressor  # isort: skip
from crepes.extras import DifficultyEstimator  # isort: skip
from mapie.regression import ConformalizedQuantileRegressor  # isort: skip
from sklearn.base import clone  # isort: skip
from sklearn.impute import SimpleImputer  # isort: skip
from sklearn.model_selection import cross_val_predict  # isort: skip

from stages.evaluation.baselines import fit_black_box  # isort: skip
from stages.evaluation.error_groups import find_groups, group_sums, residuals_by_group, worst_coverage  # isort: skip
from stages.evaluation.intervals import interval_scores  # isort: skip
from stages.exporting.parity import ends_of  # isort: skip
from stages.table.parts import list_parts, read_part  # isort: skip
from stages.table.schema import TableSchema  # isort: skip
from stages.utils.arrays import Floats  # isort: skip
from stages.utils.files import read_json  # isort: skip
from tools.adopt.write import update_yaml  # isort: skip

COVERAGE = 0.9
Ends = tuple[Floats, Floats]  # of the intervals of the test rows
Method = Callable[[pd.DataFrame, TableSchema, pd.DataFrame], Ends]


def ours(folder: Path, intervals: str) -> Method:
    """The stages of this repository."""

    def fit(train: pd.DataFrame, schema: TableSchema, test: pd.DataFrame) -> Ends:
        update_yaml(folder / "params.yaml", {"evaluate.intervals": intervals})
        run_stages(folder, "features", "interactions", "train", "evaluate")
        model = joblib.load(folder / "models/model.joblib")
        return ends_of(model, read_json(folder / "models/intervals.json"), test)

    return fit


def mapie(train: pd.DataFrame, schema: TableSchema, test: pd.DataFrame) -> Ends:
    """Conformalised quantile regression (Romano, Patterson and Candès 2019)."""
    proper, held_out = train[train["_fold"] != 0], train[train["_fold"] == 0]
    columns, trees = fit_black_box(proper, schema, seed=0)
    name = schema.target.name
    model = ConformalizedQuantileRegressor(clone(trees).set_params(loss="quantile", quantile=0.5), COVERAGE)
    model.fit(columns.transform(proper), proper[name]).conformalize(columns.transform(held_out), held_out[name])
    ends = model.predict_interval(columns.transform(test))[1]
    return ends[:, 0, 0], ends[:, 1, 0]


def crepes(train: pd.DataFrame, schema: TableSchema, test: pd.DataFrame) -> Ends:
    """Normalised conformal regression: the difficulty of a row is the mean error of its 25 nearest neighbours."""
    proper, held_out = train[train["_fold"] != 0], train[train["_fold"] == 0]
    columns, trees = fit_black_box(proper, schema, seed=0)
    filled = SimpleImputer(keep_empty_features=True).fit(columns.transform(proper))
    a, b, c = (columns.transform(rows) for rows in (proper, held_out, test))
    y, y_held_out = proper[schema.target.name].to_numpy(), held_out[schema.target.name].to_numpy()
    residuals = y - cross_val_predict(clone(trees), a, y)
    difficulty = DifficultyEstimator().fit(X=filled.transform(a), residuals=residuals, scaler=True)
    sigmas = [difficulty.apply(filled.transform(rows)) for rows in (b, c)]
    model = ConformalRegressor().fit(residuals=y_held_out - trees.predict(b), sigmas=sigmas[0])
    ends = model.predict_int(trees.predict(c), sigmas=sigmas[1], confidence=COVERAGE)
    return ends[:, 0], ends[:, 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("tables", nargs="+", help="FILE.csv:TARGET")
    print("| table | intervals | coverage | interval score | worst group | seconds |\n|---|---|---:|---:|---:|---:|")
    for name in parser.parse_args().tables:
        table, _, target = name.rpartition(":")
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, "clone")
            _, schema = adopt(table, target, folder)
            train, test = (
                pd.concat(map(read_part, list_parts(folder / "data" / part)), ignore_index=True)
                for part in ("train", "test")
            )
            methods = {
                "scaled": ours(folder, "scaled"),
                "binned": ours(folder, "binned"),
                "MAPIE": mapie,
                "crepes": crepes,
            }
            for method, fit in methods.items():
                start = time.perf_counter()
                ends = fit(train, schema, test)
                seconds = time.perf_counter() - start
                print(
                    f"| {Path(table).name} | {method} | {scores(ends, train, schema, test)} | {seconds:.1f} |",
                    flush=True,
                )


def scores(ends: Ends, train: pd.DataFrame, schema: TableSchema, test: pd.DataFrame) -> str:
    """Write the cells of a row: coverage, mean interval score, lowest coverage of a group of at least 50 rows."""
    (lower, upper), y = ends, test[schema.target.name].to_numpy()
    inside = ((lower <= y) & (y <= upper)).astype(np.float64)
    groups = find_groups(train, schema)
    worst = worst_coverage(residuals_by_group(group_sums(test, y, inside, groups), groups, schema))
    named = "–" if worst is None else f"{worst.coverage:.1%} ({worst.column}: {worst.group})"
    return f"{inside.mean():.1%} | {interval_scores(lower, upper, y, COVERAGE).mean():,.4g} | {named}"


if __name__ == "__main__":
    main()
