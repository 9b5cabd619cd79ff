"""Cross-validated R² of this pipeline beside gradient-boosted trees and an Explainable Boosting Machine, same folds.

For every fold the stages features, interactions and train run on the other rows, choosing knots, pairs and penalty
again, and predict the fold; so do the rivals, with their defaults. `--ebm` needs the dependency group `benchmarks`.
Run: python -m benchmarks.accuracy [--ebm] [--folds 5] FILE.csv:TARGET …     (sklearn://diabetes:target works, too)
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from stages.modelling.pipeline import linear_predictions  # before numpy: fixes the threads

import joblib  # isort: skip
import numpy as np  # isort: skip
import pandas as pd  # isort: skip

from stages.evaluation.baselines import fit_black_box  # isort: skip
from stages.modelling.target_scale import from_scale  # isort: skip
from stages.table.parts import list_parts, read_part, write_part  # isort: skip
from stages.table.schema import TableSchema  # isort: skip
from stages.utils.arrays import Floats  # isort: skip
from stages.utils.yaml_files import read_settings  # isort: skip
from tools.adopt.write import update_yaml  # isort: skip
from tools.commands import git, run  # isort: skip

Fit = Callable[[pd.DataFrame, TableSchema, pd.DataFrame], Floats]  # trains, and predicts other rows
STAGES = ("features", "interactions", "train")
FOLDS = 5


def adopt(table: str, target: str, folder: Path) -> tuple[pd.DataFrame, TableSchema]:
    """Clone the repository, adopt a table and give every row of it one of five folds: typed rows, and their schema."""
    git("clone", "-q", Path.cwd(), folder)
    run(sys.executable, "-m", "tools.adopt", table, "--target", target, "--yes", cwd=folder)
    run_stages(folder, "ingest", "validate", "split")
    parts = [part for name in ("train", "test") for part in list_parts(folder / "data" / name)]
    rows = pd.concat([read_part(part) for part in parts], ignore_index=True)
    rows["_fold"] = (rows["_hash"].to_numpy() >> np.uint64(11)) % np.uint64(FOLDS)  # equal rows stay together
    return rows, read_settings(folder / "schema.yaml", TableSchema)


def run_stages(folder: Path, *stages: str) -> None:
    """Run stages of the clone."""
    for stage in stages:
        run(sys.executable, "-m", f"stages.{stage}", cwd=folder, env={"LOG_LEVEL": "ERROR"})


def ours(folder: Path, interactions: int | str) -> Fit:
    """The stages of this repository."""

    def fit(train: pd.DataFrame, schema: TableSchema, test: pd.DataFrame) -> Floats:
        update_yaml(folder / "params.yaml", {"features.interactions": interactions})
        for part in (folder / "data/train").glob("part-*"):
            part.unlink()
        write_part(train.assign(_fold=inner_folds(train)), folder / "data/train", 0)
        run_stages(folder, *STAGES)
        model = joblib.load(folder / "models/model.joblib")
        scale = model["elasticnet"]
        predicted: Floats = from_scale(linear_predictions(model, test), scale.transform) * scale.factor_
        return predicted

    return fit


def inner_folds(train: pd.DataFrame) -> Floats:
    """The folds of a training set: those that are left of five, numbered from 0 again, and one of them cut in two."""
    fold = pd.factorize(train["_fold"], sort=True)[0]
    half = (train["_hash"].to_numpy() >> np.uint64(7)) % np.uint64(2) == 0
    return np.where((fold == 3) & half, 4, fold).astype("int16")


def trees(**options: object) -> Fit:
    """HistGradientBoosting, with its defaults or only pairs allowed."""

    def fit(train: pd.DataFrame, schema: TableSchema, test: pd.DataFrame) -> Floats:
        model = fit_black_box(train, schema, seed=0)
        if options:
            model[-1].set_params(**options).fit(model[:-1].transform(train), train[schema.target.name])
        predicted: Floats = model.predict(test)
        return predicted

    return fit


def ebm(train: pd.DataFrame, schema: TableSchema, test: pd.DataFrame) -> Floats:
    """An Explainable Boosting Machine of interpret-core, with its defaults."""
    from interpret.glassbox import ExplainableBoostingRegressor

    columns = fit_black_box(train, schema, seed=0)[:-1]
    kinds = ["nominal" if is_level else "continuous" for is_level in level_columns(schema)]
    model = ExplainableBoostingRegressor(feature_types=kinds, random_state=0, n_jobs=1)
    model.fit(columns.transform(train), train[schema.target.name])
    predicted: Floats = model.predict(columns.transform(test))
    return predicted


def level_columns(schema: TableSchema) -> Iterator[bool]:
    """Tell of each column that the trees get if it has levels; a date becomes four numbers."""
    for column in schema.inputs:
        yield from [column.kind == "level"] * (4 if column.kind == "date" else 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("tables", nargs="+", help="FILE.csv:TARGET")
    parser.add_argument("--ebm", action="store_true", help="an Explainable Boosting Machine, too (takes minutes)")
    parser.add_argument("--folds", type=int, default=FOLDS, help="how many of the five folds are predicted")
    arguments = parser.parse_args()
    print("| table | model | CV R² | seconds a fit |\n|---|---|---|---|")
    for name in arguments.tables:
        table, _, target = name.rpartition(":")
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, "clone")
            rows, schema = adopt(table, target, folder)
            rivals: dict[str, Fit] = {
                "columns alone": ours(folder, 0),
                "with pairs": ours(folder, "auto"),
                "boosted trees": trees(),
                "boosted trees, pairs only": trees(interaction_cst="pairwise"),
            }
            if arguments.ebm:
                rivals["EBM"] = ebm
            for rival, fit in rivals.items():
                start, shares = time.perf_counter(), []
                for fold in range(arguments.folds):
                    train, test = rows[rows["_fold"] != fold], rows[rows["_fold"] == fold]
                    y = test[schema.target.name].to_numpy()
                    errors = y - fit(train, schema, test)
                    shares.append(1 - (errors**2).sum() / ((y - y.mean()) ** 2).sum())
                seconds = (time.perf_counter() - start) / len(shares)
                print(f"| {Path(table).name} | {rival} | {np.mean(shares):.4f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
