"""Report: plots of the model and of its errors.

Reads   models/model.joblib, models/folds.joblib, data/train/ (for the density of the data), schema.yaml, and what train
        and evaluate have written to metrics/ and plots/
Writes  plots/report/*.png
Run     python -m stages.report

It sees nothing of the test rows but what evaluate has written.
"""

from pathlib import Path

import joblib
import pandas as pd
from sklearn.pipeline import Pipeline

from stages.exporting.effects import effects_of
from stages.modelling.pipeline import pairs_of
from stages.plotting.report.coverage import draw_coverage
from stages.plotting.report.cv_surface import draw_cv_surface
from stages.plotting.report.effects import draw_effects
from stages.plotting.report.fold_effects import Effect, column_effects
from stages.plotting.report.importance import draw_importance
from stages.plotting.report.pair_effects import PairEffect, pair_effects
from stages.plotting.report.predicted_actual import draw_predicted_actual
from stages.plotting.report.regularization_path import draw_path
from stages.plotting.report.residuals import draw_residuals
from stages.plotting.report.residuals_by_group import draw_residuals_by_group
from stages.plotting.report.scores import draw_scores
from stages.plotting.report.surfaces import draw_surfaces
from stages.plotting.style import save, save_pages
from stages.table.parts import by_weight, list_parts, sample_rows
from stages.table.schema import TableSchema, read_schema
from stages.utils.files import replacing
from stages.utils.metrics_files import EvaluationMetrics, TrainMetrics, read_metrics
from stages.utils.params import ReportParams, read_params
from stages.utils.stage import stage
from webapp.formatting import scale_name, typical_amount

MODEL, FOLDS, TRAIN = Path("models/model.joblib"), Path("models/folds.joblib"), Path("data/train")
SURFACE, PATH = Path("plots/cv_surface.csv"), Path("plots/regularization_path.csv")
PREDICTED = Path("plots/predicted_actual.csv")
COVERAGE, WIDTHS = Path("plots/coverage.csv"), Path("plots/coverage_by_width.csv")
GROUPS, PLOTS = Path("plots/residuals_by_group.csv"), Path("plots/report")


def main() -> None:
    with stage("report") as log:
        params: ReportParams = read_params("report")
        schema = read_schema()
        model: Pipeline = joblib.load(MODEL)
        sample = by_weight(sample_rows(list_parts(TRAIN), params.sample_rows, schema.modelled), schema)
        folds: dict[int, Pipeline] = joblib.load(FOLDS)
        known = {column.name: column.levels or [] for column in schema.inputs}
        models = [model, *folds.values()]
        found = [effects_of(each, known, sample, [0.0] * len(pairs_of(each).pairs)) for each in models]
        effects = column_effects(found, sample, schema)
        pairs = pair_effects(found[0].surfaces, [each.surfaces for each in found[1:]], sample, schema)
        train = read_metrics(TrainMetrics)
        with replacing(PLOTS) as plots:
            draw_errors(plots, schema, params)
            draw_model(plots, effects, pairs, train, schema, params)
        log.info("plots in %s", PLOTS)
        for effect in effects[:3]:
            log.info("  %s moves predictions by %s", effect.label, typical_amount(effect.weight, train.target))


def draw_errors(plots: Path, schema: TableSchema, params: ReportParams) -> None:
    """Write the plots of the scores, the errors and the prediction intervals on the test rows."""
    test, label = read_metrics(EvaluationMetrics), schema.target.label
    drawn, groups = read_points(PREDICTED), read_points(GROUPS)
    save(draw_scores(test, label), plots / "scores.png")
    save(draw_predicted_actual(drawn, test, label), plots / "predicted_actual.png")
    save(draw_residuals(drawn, label), plots / "residuals.png")
    save_pages(draw_residuals_by_group(groups, schema, params.pages), plots, "residuals_by_group")
    nominal = test.intervals.nominal
    save(draw_coverage(read_points(COVERAGE), nominal, "predicted", label), plots / "coverage.png")
    save(draw_coverage(read_points(WIDTHS), nominal, "width of the interval", label), plots / "coverage_by_width.png")


def draw_model(
    plots: Path,
    effects: list[Effect],
    pairs: list[PairEffect],
    train: TrainMetrics,
    schema: TableSchema,
    params: ReportParams,
) -> None:
    """Write the plots of the effects of columns and pairs, the regularisation path and the cross-validated surface."""
    label, transform, surface = schema.target.label, train.target, read_points(SURFACE)
    save_pages(draw_effects(effects, label, transform, params.pages), plots, "effects")
    save_pages(draw_surfaces(pairs, transform, params.pages), plots, "surfaces")
    save(draw_importance(effects, pairs, label, transform), plots / "importance.png")
    scale = scale_name(transform, label)
    save(draw_path(read_points(PATH), surface, train, schema, scale), plots / "regularization_path.png")
    save(draw_cv_surface(surface, train), plots / "cv_surface.png")


def read_points(path: Path) -> pd.DataFrame:
    """Read a plot's data points; only an empty cell is missing, and names may look like numbers."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"column": "str", "group": "str"})


if __name__ == "__main__":
    main()
