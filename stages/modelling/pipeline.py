"""The fitted model as a scikit-learn pipeline of typed rows: terms of the columns and pairs, scaler, ElasticNet."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler

from stages.modelling import elasticnet
from stages.modelling.elasticnet import Fit
from stages.modelling.moments import Moments
from stages.modelling.sums import CHUNK, at_vertices, weighted_sums
from stages.modelling.target_scale import ScaledElasticNet
from stages.pairs.terms import PairTerms, model_blocks
from stages.utils.arrays import Floats
from stages.utils.params import TargetTransform


class TermScaler(StandardScaler):  # type: ignore[misc]
    """A StandardScaler that divides the terms of pairs, which follow the `additive` others, by √(0.3 s) and not s."""

    def __init__(self, additive: int) -> None:
        super().__init__()
        self.additive = additive

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "TermScaler":
        """Fit to n rows of terms."""
        super().fit(X, y, sample_weight)
        self.scale_: Floats = elasticnet.pair_scales(self.scale_, self.additive)
        return self


def as_pipeline(
    feature_map: ColumnTransformer,
    pairs: PairTerms,
    fit: Fit,
    train: Moments,
    transform: TargetTransform,
    back_transform: str,
) -> Pipeline:
    """The model as the scikit-learn pipeline that a fit to the rows would have given; it takes typed columns."""
    p, additive = len(fit.coef), len(fit.coef) - pairs.terms
    scaler = TermScaler(additive)
    scaler.mean_ = train.mean[:p]
    scaler.scale_ = elasticnet.scales(train, additive)
    scaler.var_ = np.diag(train.scatter)[:p] / train.n
    scaler.n_samples_seen_, scaler.n_features_in_ = train.n, p
    model = ScaledElasticNet(
        transform=transform,
        back_transform=back_transform,
        alpha=fit.alpha,
        l1_ratio=fit.l1_ratio,
        tol=fit.tol,
        max_iter=fit.max_iter,
    )
    model.coef_, model.intercept_ = fit.coef * scaler.scale_, float(train.mean[p])
    model.factor_ = 1.0
    model.n_iter_, model.dual_gap_, model.n_features_in_ = fit.iterations, fit.dual_gap, p
    terms = FeatureUnion([("columns", feature_map), ("pairs", pairs)])
    return Pipeline([("terms", terms), ("scale", scaler), ("elasticnet", model)])


def columns_of(model: Pipeline) -> ColumnTransformer:
    """The feature map of the columns."""
    return model["terms"]["columns"]


def pairs_of(model: Pipeline) -> PairTerms:
    """The terms of the pairs."""
    pairs: PairTerms = model["terms"]["pairs"]
    return pairs


def weights_of(model: Pipeline) -> tuple[Floats, Floats]:
    """The weight of each term in its own unit (p,), and each term's mean over the training rows (p,)."""
    return model["elasticnet"].coef_ / model["scale"].scale_, model["scale"].mean_


def linear_predictions(model: Pipeline, frame: pd.DataFrame) -> Floats:
    """The predictions of n rows on the model's scale, (n,)."""
    coef, mean = weights_of(model)
    [linear] = linear_sums(pairs_of(model), frame, [(coef, float(model["elasticnet"].intercept_ - coef @ mean))])
    return np.asarray(linear)


def linear_sums(pairs: PairTerms, frame: pd.DataFrame, models: Sequence[tuple[Floats, float]]) -> Floats:
    """The sums of several linear models of the same terms over n rows, (models, n).

    Args:
        pairs: the terms.
        models: of each the weights of the terms in their own units (p,) and the intercept.
    """
    weights = [at_vertices(coef, pairs.axes) for coef, _ in models]
    values = np.array([axis.values(frame) for axis in pairs.axes])
    linear = np.empty((len(models), len(frame)))
    for start in range(0, len(frame), CHUNK):
        some = slice(start, start + CHUNK)
        blocks = model_blocks(values[:, some], pairs.axes, pairs.grids, pairs.pairs)
        for sums, of_terms, (_, intercept) in zip(linear, weights, models, strict=True):
            sums[some] = weighted_sums(blocks, of_terms) + intercept
    return linear
