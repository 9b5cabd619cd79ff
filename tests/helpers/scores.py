"""Scores of a built project that the stages do not write."""

import joblib
import numpy as np
import pandas as pd

from stages.evaluate import FOLDS
from stages.table.schema import TableSchema
from stages.utils.yaml_files import read_settings
from tests.helpers.project import Project


def cv_r2(project: Project) -> float:
    """Cross-validated R² in the target's unit, whatever the scale of the model (metrics/train.json has the model's)."""
    train, schema = project.frame("data/train"), read_settings(project.path / "schema.yaml", TableSchema)
    models = joblib.load(project.path / FOLDS)
    predicted = pd.concat(
        [
            pd.Series(model.predict(rows), rows.index)
            for fold, rows in train.groupby("_fold")
            if (model := models.get(fold))
        ]
    )
    target = train[schema.target.name]
    squares = (target - predicted) ** 2
    return float(1 - squares.groupby(train["_fold"]).mean().mean() / np.var(target))
