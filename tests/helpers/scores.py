"""Scores of a built project that the stages do not write."""

import joblib
import numpy as np

from stages.evaluate import FOLDS
from stages.modelling.feature_map import term_chunks
from stages.modelling.target_scale import from_scale
from stages.table.schema import TableSchema
from stages.train import MODEL
from stages.utils.params import Params
from stages.utils.yaml_files import read_settings
from tests.helpers.project import Project


def cv_r2(project: Project) -> float:
    """Cross-validated R² in the target's unit, whatever the scale of the model (metrics/train.json has the model's)."""
    train, schema = project.frame("data/train"), read_settings(project.path / "schema.yaml", TableSchema)
    with np.load(project.path / FOLDS) as arrays:
        coef, intercept = arrays["coef"], arrays["intercept"]
    linear = [
        (terms * coef[chunk["_fold"]]).sum(axis=1) + intercept[chunk["_fold"]]
        for chunk, terms in term_chunks(train, joblib.load(project.path / MODEL)["features"])
    ]
    scale = read_settings(project.path / "params.yaml", Params).features.target
    target = train[schema.target.name]
    squares = (target - from_scale(np.concatenate(linear), scale)) ** 2
    return float(1 - squares.groupby(train["_fold"]).mean().mean() / np.var(target))
