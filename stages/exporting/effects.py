"""The effect of each column on the prediction, read off the fitted feature map and ElasticNet, for the scorecard."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from stages.modelling.feature_map import CALENDAR, blocks
from stages.utils.arrays import Floats
from webapp.scoring.scorecard import Calendar, Curve, Levels

UNSEEN = "\x00 a level that no table has"


def column_effects(model: Pipeline, known_levels: dict[str, list[str]]) -> dict[str, Curve | Levels | Calendar]:
    """The effect of every input column, centred on its mean over the training rows.

    Args:
        model: the pipeline of train: feature map, scaler, ElasticNet.
        known_levels: for a column, levels that the table is to list even if they are rare or unseen.
    """
    coef = model["elasticnet"].coef_ / model["scale"].scale_
    mean = model["scale"].mean_
    effects: dict[str, Curve | Levels | Calendar] = {}
    for position, (name, block) in enumerate(blocks(model["features"]).items()):
        transformer = model["features"].named_transformers_[str(position)]
        weights, means = coef[list(block)], mean[list(block)]
        if isinstance(transformer, OneHotEncoder):
            effects[name] = levels_effect(transformer, weights, means, known_levels.get(name, []))
        elif "known" in transformer.named_transformers_:
            effects[name] = curve_effect(transformer, weights, means)
        else:
            effects[name] = calendar_effect(transformer, weights, means)
    return effects


def curve_effect(transformer: Any, weights: Floats, means: Floats) -> Curve:
    """The curve of a number: its knots are where the line is clipped and where the curve bends."""
    known = transformer.named_transformers_["known"]
    clip = known["clip"].kw_args
    curve = known["terms"].named_transformers_.get("curve")
    knots = np.unique([clip["a_min"], clip["a_max"], *(curve.knots.ravel() if curve is not None else [])])
    *values, missing = contributions(transformer, np.append(knots, np.nan), weights, means)
    return Curve(knots=knots.tolist(), values=values, missing=missing)


def levels_effect(encoder: OneHotEncoder, weights: Floats, means: Floats, known: list[str]) -> Levels:
    """The table of a column's levels."""
    rare = encoder.infrequent_categories_[0]
    rare = set() if rare is None else set(rare)
    frequent = [level for level in encoder.categories_[0] if isinstance(level, str) and level not in rare]
    levels = sorted({*frequent, *known})
    cells = pd.Series([*levels, UNSEEN, None], dtype="str")
    *values, other, missing = contributions(encoder, cells, weights, means)
    return Levels(values=dict(zip(levels, values, strict=True)), other=other, missing=missing)


def calendar_effect(transformer: Any, weights: Floats, means: Floats) -> Calendar:
    """The tables of a date's calendar parts and the curve of its trend."""
    tables = {}
    for part in CALENDAR:
        encoder = transformer.named_transformers_[part][-1]
        place = transformer.output_indices_[part]
        tables[part] = levels_effect(encoder, weights[place], means[place], [])
    trend = transformer.named_transformers_.get("trend")
    if trend is None:
        return Calendar(start=None, days=None, **tables)
    place = transformer.output_indices_["trend"]
    days = curve_effect(trend[-1], weights[place], means[place])
    return Calendar(start=trend[0].kw_args["start"].isoformat(), days=days, **tables)


def contributions(transformer: Any, cells: Any, weights: Floats, means: Floats) -> list[float]:
    """What each of n cells adds to the prediction, less what the column adds on average."""
    names = getattr(transformer, "feature_names_in_", None)
    rows = np.asarray(cells)[:, None] if names is None else pd.DataFrame({names[0]: cells})
    added: list[float] = ((transformer.transform(rows) - means) @ weights).tolist()
    return added
