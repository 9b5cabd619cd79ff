"""Settings of the modelling stages for tests."""

from typing import Any

from stages.utils.params import FeaturesParams

FEATURES: dict[str, Any] = {
    "target": "none",
    "back_transform": "mean",
    "sample_rows": 1000,
    "knots": 6,
    "max_terms": 1200,
    "interactions": "auto",
    "interaction_terms": 900,
    "interaction_rows": 1000,
    "clip": 0.001,
    "min_frequency": 10,
    "leak_r2": 0.99,
    "leak_set_r2": 0.9999,
}


def features_params(**changes: Any) -> FeaturesParams:
    """The section `features` of params.yaml, with changes."""
    return FeaturesParams(**{**FEATURES, **changes})
