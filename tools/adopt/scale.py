"""The scale that the target is modelled on: the simplest one that no other clearly beats on held-out rows."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold

from stages.modelling.comparison import is_better
from stages.modelling.target_scale import from_scale, mean_factor, to_scale
from stages.table.parts import row_weights
from stages.table.schema import TableSchema
from stages.utils.params import FeaturesParams, TargetTransform
from tools.adopt.feature_map import bounded_map

JUDGED = 10_000  # rows of the sample that are enough
FOLDS = 5


def choose_scale(
    typed: pd.DataFrame, least: float, schema: TableSchema, params: FeaturesParams
) -> tuple[TargetTransform, str]:
    """The scale for a typed sample of the rows, and why; `least` is the smallest target of the whole table.

    Least squares on each scale predicts means, and is judged by its error in the target's own unit. (On the tables
    that this was tried with, pairs of columns change the errors and not the order of the scales.)
    """
    rows = typed[typed[schema.target.name].notna()]
    rows = rows.sample(min(JUDGED, len(rows)), random_state=0)
    y = rows[schema.target.name].to_numpy()
    least = min(least, float(y.min()))
    scales: list[TargetTransform] = ["none"]  # the simplest first
    if least >= 0:
        scales += ["sqrt", "log", "log1p"] if least > 0 else ["sqrt", "log1p"]
    if schema.exposure is not None:  # on a logarithm, the interval of a short exposure is far too wide
        scales = scales[:2]
    if len(scales) == 1:
        return "none", ": the other scales need targets from 0 on"
    if len(y) < 2 * FOLDS:
        return "none", ": there are too few rows to tell"
    weight = row_weights(rows, schema)
    weight = np.ones(len(y)) if weight is None else weight
    terms = bounded_map(rows, schema, params).transform(rows)
    scaled = np.column_stack([to_scale(y, scale) for scale in scales])
    errors = np.empty((len(scales), FOLDS))
    for fold, (train, test) in enumerate(KFold(FOLDS, shuffle=True, random_state=0).split(y)):
        linear = LinearRegression().fit(terms[train], scaled[train], weight[train]).predict(terms)
        for place, scale in enumerate(scales):
            with np.errstate(over="ignore", invalid="ignore"):  # a prediction that overflows is a bad one
                factor = mean_factor(y[train], linear[train, place], scale, weight[train])
                squares = (y[test] - from_scale(linear[test, place], scale) * factor) ** 2
                errors[place, fold] = np.average(squares, weights=weight[test])
    best = 0
    for place in range(1, len(scales)):
        if is_better(errors[place], errors[best]):
            best = place
    shown = ", ".join(f"{rmse:.4g} ({scale})" for rmse, scale in zip(np.sqrt(errors.mean(axis=1)), scales, strict=True))
    return scales[best], f", the simplest scale that no other clearly beats; RMSE on held-out rows: {shown}"
