"""Report: the model and its errors as pictures.

Reads   models/model.joblib, models/folds.npz, data/train/ (for the density of the data), schema.yaml, and what train
        and evaluate have written to metrics/ and plots/
Writes  plots/report/*.png
Run     python -m stages.report

Of the test rows it sees what evaluate has written down, no more.
"""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from stages.plotting.report.effect_curves import Effect, drawn_effects
from stages.plotting.report.effects import draw_effects, draw_importance
from stages.plotting.report.errors import draw_coverage, draw_predicted_actual, draw_scores
from stages.plotting.report.penalty import draw_path, draw_surface
from stages.plotting.report.residuals import draw_residuals, draw_residuals_by_group
from stages.plotting.style import save, save_pages
from stages.table.parts import list_parts, sample_rows
from stages.table.schema import TableSchema, read_schema
from stages.utils.files import read_json, replacing
from stages.utils.params import ReportParams, read_params
from stages.utils.stage import stage

MODEL, FOLDS, TRAIN = Path("models/model.joblib"), Path("models/folds.npz"), Path("data/train")
TEST_METRICS, TRAIN_METRICS = Path("metrics/test.json"), Path("metrics/train.json")
SURFACE, PATH = Path("plots/cv_surface.csv"), Path("plots/regularization_path.csv")
PREDICTED, COVERAGE = Path("plots/predicted_actual.csv"), Path("plots/coverage.csv")
GROUPS, PICTURES = Path("plots/residuals_by_group.csv"), Path("plots/report")


def main() -> None:
    with stage("report") as log:
        params: ReportParams = read_params("report")
        schema = read_schema()
        model: Pipeline = joblib.load(MODEL)
        sample = sample_rows(list_parts(TRAIN), params.sample_rows, [column.name for column in schema.inputs])
        with np.load(FOLDS) as folds:
            effects = drawn_effects(model, folds["coef"], sample, schema)
        with replacing(PICTURES) as pictures:
            draw_the_errors(pictures, schema, params)
            draw_the_model(pictures, effects, schema, params)
        log.info("pictures in %s", PICTURES)
        for effect in effects[:3]:
            log.info("  %s moves predictions by ± %.3g", effect.label, effect.weight)


def draw_the_errors(pictures: Path, schema: TableSchema, params: ReportParams) -> None:
    """Write the pictures of the scores, the errors and the intervals on the test rows."""
    test, label = read_json(TEST_METRICS), schema.target.label
    drawn, groups = read_points(PREDICTED), read_points(GROUPS)
    save(draw_scores(test, label), pictures / "scores.png")
    save(draw_predicted_actual(drawn, test, label), pictures / "predicted_actual.png")
    save(draw_residuals(drawn, label), pictures / "residuals.png")
    save_pages(draw_residuals_by_group(groups, schema, params.pages), pictures, "residuals_by_group")
    save(draw_coverage(read_points(COVERAGE), test["intervals"]["nominal"], label), pictures / "coverage.png")


def draw_the_model(pictures: Path, effects: list[Effect], schema: TableSchema, params: ReportParams) -> None:
    """Write the pictures of the effects, the regularisation path and the cross-validated surface."""
    train, surface = read_json(TRAIN_METRICS), read_points(SURFACE)
    label = f"logarithm of {schema.target.label}" if train["target"] == "log" else schema.target.label
    save_pages(draw_effects(effects, label, params.pages), pictures, "effects")
    save(draw_importance(effects, label), pictures / "importance.png")
    save(draw_path(read_points(PATH), surface, train, schema, label), pictures / "regularization_path.png")
    save(draw_surface(surface, train), pictures / "cv_surface.png")


def read_points(path: Path) -> pd.DataFrame:
    """Read a plot's data points; only an empty cell is missing, a level may be called NA."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


if __name__ == "__main__":
    main()
