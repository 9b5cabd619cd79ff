"""params.yaml, typed: one model per section, and the one function that reads a section for a stage."""

import logging
from pathlib import Path
from typing import Annotated, Literal, overload

from pydantic import Field, model_validator

from stages.utils.yaml_files import Settings, read_settings

log = logging.getLogger(__name__)

PARAMS = Path("params.yaml")

Fraction = Annotated[float, Field(ge=0, le=1)]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]
Auto = Literal["auto"]
TargetTransform = Literal["none", "sqrt", "log", "log1p"]
SplitBy = Literal["hash", "group", "time"]


class ValidateParams(Settings):
    """Validation: how many invalid rows a table may have."""

    max_invalid_fraction: Fraction = Field(description="the stage fails if a larger fraction of the rows is invalid")


class SplitParams(Settings):
    """The split of rows into train and test, and of training rows into folds."""

    by: SplitBy = Field(description="hash: of the row; group: hash of its group; time: before or after `cut`")
    test_fraction: OpenFraction = Field(description="held-out fraction of the rows (by hash) or the groups (by group)")
    cut: str | None = Field(description="only with by: time: rows from this ISO date or time on are held out")
    folds: int = Field(ge=2, le=50, description="cross-validation folds of the training rows")
    seed: int = Field(ge=0, description="another seed gives another split")

    @model_validator(mode="after")
    def cut_goes_with_time(self) -> "SplitParams":
        if self.cut is not None and self.by != "time":
            raise ValueError("split.cut is allowed only with by: time")
        return self


class ExploreParams(Settings):
    """The plots of the training rows."""

    sample_rows: int = Field(ge=10, description="training rows that are drawn one by one, a random sample")
    pages: int = Field(ge=1, le=50, description="most pages of small multiples, in order of what a column explains")


class FeaturesParams(Settings):
    """The feature map of the columns, and the limits of the leakage audit."""

    target: TargetTransform = Field(
        description="scale of the model: the target as it is; its root (no target is below 0); its logarithm (every "
        "target is above 0) or that of 1 + target (none is below 0), whose effects are factors"
    )
    back_transform: Literal["mean", "median"] = Field(
        description="what a model on another scale predicts: the mean, as R² and RMSE reward, or the median"
    )
    sample_rows: int = Field(
        ge=100, description="training rows that quantiles and levels are fitted on, a random sample"
    )
    knots: Annotated[int, Field(ge=2, le=100)] | Auto = Field(
        description="quantile knots of a number's curve; 2: a straight line; auto: 4, 7, 10 or 19, by cross-validation"
    )
    interactions: Annotated[int, Field(ge=0)] | Auto = Field(
        description="pairs of columns that act together: at most so many; auto: those that lower the CV error"
    )
    interaction_terms: int = Field(ge=1, description="terms that the pairs of a model may have together")
    interaction_rows: int = Field(ge=100, description="training rows (chosen by hash) that pairs are chosen on")
    max_terms: int = Field(
        ge=10, description="terms that the columns may have together; rare levels are merged until they fit"
    )
    clip: Annotated[float, Field(ge=0, lt=0.5)] = Field(description="numbers are clipped to these training quantiles")
    min_frequency: int = Field(ge=1, description="levels with fewer of the sampled rows are merged into one")
    leak_r2: OpenFraction = Field(description="share of the target's variance that makes a column a leak")
    leak_set_r2: OpenFraction = Field(description="the same for the weighted sum of up to three columns")


class TrainParams(Settings):
    """The ElasticNet, in scikit-learn's terms, on standardised features and the scale of features.target."""

    alpha: Annotated[float, Field(gt=0)] | Auto = Field(description="penalty; auto: from the CV surface")
    l1_ratio: Fraction | Auto = Field(description="share of L1 in the penalty; auto: from the CV surface")
    rule: Literal["best", "one_se"] = Field(
        description="auto takes the best point, or the sparsest within one standard error of it"
    )
    alphas: int = Field(ge=2, le=1000, description="size of the CV surface's grid of alphas")
    eps: OpenFraction = Field(description="smallest alpha of the grid as a fraction of the largest")
    l1_ratios: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        min_length=1, description="l1_ratios of the CV surface"
    )
    tol: Annotated[float, Field(gt=0)] = Field(description="stop when the dual gap is below this fraction of y'y")
    max_iter: int = Field(ge=1, description="most passes of coordinate descent")


class GateParams(Settings):
    """The conditions for a deployment; null switches a check off."""

    min_r2: float | None = Field(description="least lower end of the interval of R2 on the test rows")
    max_rmse_to_ols: Annotated[float, Field(gt=0)] | None = Field(
        description="largest RMSE, divided by that of least squares"
    )
    min_coverage: Fraction | None = Field(description="least share of the test rows inside their prediction interval")
    min_worst_group_coverage: Fraction | None = Field(
        description="the same within any level or fifth of a column that has at least 50 test rows"
    )


class EvaluateParams(Settings):
    """The evaluation on the test rows."""

    coverage: OpenFraction = Field(description="nominal coverage of the prediction intervals")
    intervals: Literal["scaled", "binned"] = Field(
        description="scaled: the inputs of a row decide how wide its interval is; binned: only its prediction does"
    )
    bins: int = Field(ge=1, le=100, description="bins of the prediction, each with an interval of its own")
    confidence: OpenFraction = Field(description="confidence level of the bootstrap intervals of the metrics")
    bootstrap: int = Field(ge=100, description="bootstrap samples")
    sample_rows: int = Field(
        ge=100, description="training rows for residual quantiles and the black-box baseline, a random sample"
    )
    seed: int = Field(ge=0, description="seed of the bootstrap and the black-box baseline")
    gate: GateParams


class ExportParams(Settings):
    """The check of the scorecard against the model."""

    check_rows: int = Field(ge=1, description="training rows for which both must predict the same")


class ReportParams(Settings):
    """The plots of the model."""

    sample_rows: int = Field(
        ge=10, description="training rows whose density is drawn under the effects, a random sample"
    )
    pages: int = Field(ge=1, le=50, description="most pages of small multiples, in order of the size of the effects")


class MonitorParams(Settings):
    """The verdict of tools/monitor on a deployed model."""

    false_alarms: OpenFraction = Field(description="chance of a verdict other than ok where nothing has changed")
    min_rows: int = Field(ge=20, description="rows, with outcomes or logged, below which nothing is tested")
    max_rmse_growth: Annotated[float, Field(ge=0)] = Field(
        description="retrain if the RMSE is larger than on the test rows by more than this share, beyond chance"
    )
    max_coverage_drop: Fraction = Field(
        description="retrain if the share of rows inside their interval is lower by more than this, beyond chance"
    )
    max_psi: Annotated[float, Field(gt=0)] = Field(
        description="watch if a column's population stability index is above this, beyond chance"
    )


class Params(Settings):
    """params.yaml: the settings of an experiment, one section per stage."""

    validate_: ValidateParams = Field(alias="validate")
    split: SplitParams
    explore: ExploreParams
    features: FeaturesParams
    train: TrainParams
    evaluate: EvaluateParams
    export: ExportParams
    report: ReportParams
    monitor: MonitorParams


@overload
def read_params(key: Literal["validate"]) -> ValidateParams: ...
@overload
def read_params(key: Literal["split"]) -> SplitParams: ...
@overload
def read_params(key: Literal["explore"]) -> ExploreParams: ...
@overload
def read_params(key: Literal["features"]) -> FeaturesParams: ...
@overload
def read_params(key: Literal["train"]) -> TrainParams: ...
@overload
def read_params(key: Literal["evaluate"]) -> EvaluateParams: ...
@overload
def read_params(key: Literal["export"]) -> ExportParams: ...
@overload
def read_params(key: Literal["report"]) -> ReportParams: ...
@overload
def read_params(key: Literal["monitor"]) -> MonitorParams: ...
@overload
def read_params(key: Literal["split.by"]) -> SplitBy: ...
@overload
def read_params(key: Literal["features.target"]) -> TargetTransform: ...
@overload
def read_params(key: Literal["features.back_transform"]) -> Literal["mean", "median"]: ...
@overload
def read_params(key: Literal["features.sample_rows"]) -> int: ...
def read_params(key: str) -> object:
    """Read a section of params.yaml (`train`) or one value (`split.by`); dvc.yaml must declare the same key."""
    value: object = read_settings(PARAMS, Params)
    log.debug("takes params.yaml:%s", key)
    for name in key.split("."):
        value = getattr(value, "validate_" if name == "validate" else name)
    return value
