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
TargetTransform = Literal["none", "log"]
SplitBy = Literal["hash", "group", "time"]


class ValidateParams(Settings):
    """What validate lets pass."""

    max_invalid_fraction: Fraction = Field(description="fail when a larger fraction of the rows is quarantined")


class SplitParams(Settings):
    """How rows are put into train and test, and into folds."""

    by: SplitBy = Field(description="hash of the row; hash of its group; before or from `cut` on")
    test_fraction: OpenFraction = Field(description="of the rows (hash) or the groups (group) that are held out")
    cut: str | None = Field(description="by: time only: rows from this ISO date or time on are held out")
    folds: int = Field(ge=2, le=50, description="cross-validation folds of the training rows")
    seed: int = Field(ge=0, description="another seed gives another split")

    @model_validator(mode="after")
    def cut_goes_with_time(self) -> "SplitParams":
        if self.cut is not None and self.by != "time":
            raise ValueError("split.cut goes with by: time, and only with it")
        return self


class ExploreParams(Settings):
    """How much of the table the pictures show."""

    sample_rows: int = Field(ge=10, description="training rows (chosen by hash) that are drawn one by one")
    pages: int = Field(ge=1, le=50, description="of small multiples at the most, the most telling columns first")


class FeaturesParams(Settings):
    """What the feature map makes of each column, and when the audit calls a leak."""

    target: TargetTransform = Field(
        description="scale of the model: the target as it is, or its logarithm (positive; effects are then factors)"
    )
    sample_rows: int = Field(
        ge=100, description="training rows (chosen by hash) that quantiles and levels are fitted on"
    )
    knots: Annotated[int, Field(ge=2, le=100)] | Auto = Field(
        description="quantile knots of a number's piecewise-linear curve; 2: a straight line; auto: by the rows"
    )
    clip: Annotated[float, Field(ge=0, lt=0.5)] = Field(description="numbers are clipped to these training quantiles")
    min_frequency: int = Field(ge=1, description="levels in fewer of the sampled rows are taken together")
    leak_r2: OpenFraction = Field(description="a column whose curve alone explains this much of the target is a leak")
    leak_set_r2: OpenFraction = Field(description="so are up to three columns whose weighted sum does")


class TrainParams(Settings):
    """ElasticNet, in scikit-learn's terms, on standardised features; the target on the scale of features.target."""

    alpha: Annotated[float, Field(gt=0)] | Auto = Field(description="penalty; auto: from the CV surface")
    l1_ratio: Fraction | Auto = Field(description="share of L1 in the penalty; auto: from the CV surface")
    rule: Literal["best", "one_se"] = Field(
        description="auto takes the best, or the sparsest within one standard error"
    )
    alphas: int = Field(ge=2, le=1000, description="size of the CV surface's grid of alphas")
    eps: OpenFraction = Field(description="smallest alpha of the grid as a fraction of the largest")
    l1_ratios: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        min_length=1, description="l1_ratios of the CV surface"
    )
    tol: Annotated[float, Field(gt=0)] = Field(description="stop when the dual gap is below this fraction of y'y")
    max_iter: int = Field(ge=1, description="passes of coordinate descent at the most")


class GateParams(Settings):
    """What a model must reach to be deployed; null switches a check off."""

    min_r2: float | None = Field(description="the lower end of R2's interval on the test rows is at least this")
    max_rmse_to_ols: Annotated[float, Field(gt=0)] | None = Field(
        description="RMSE over that of least squares, at most"
    )
    min_coverage: Fraction | None = Field(
        description="share of the test rows inside their prediction interval, at least"
    )


class EvaluateParams(Settings):
    """How the model is judged on the test rows."""

    coverage: OpenFraction = Field(description="nominal coverage of the prediction intervals")
    bins: int = Field(ge=1, le=100, description="bins of the prediction that get an interval each")
    confidence: OpenFraction = Field(description="of the bootstrap intervals of the metrics")
    bootstrap: int = Field(ge=100, description="bootstrap samples")
    sample_rows: int = Field(
        ge=100, description="training rows (chosen by hash) for residual quantiles and the black box"
    )
    seed: int = Field(ge=0, description="of the bootstrap and the black box")
    gate: GateParams


class ExportParams(Settings):
    """How the served form is checked against the model."""

    check_rows: int = Field(ge=1, description="training rows that both must predict alike")


class ReportParams(Settings):
    """How much of the model the pictures show."""

    sample_rows: int = Field(
        ge=10, description="training rows (chosen by hash) whose density is drawn under the effects"
    )
    pages: int = Field(ge=1, le=50, description="of small multiples at the most, the heaviest columns first")


class Params(Settings):
    """params.yaml: what a scientist turns, a section a stage."""

    validate_: ValidateParams = Field(alias="validate")
    split: SplitParams
    explore: ExploreParams
    features: FeaturesParams
    train: TrainParams
    evaluate: EvaluateParams
    export: ExportParams
    report: ReportParams


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
def read_params(key: Literal["split.by"]) -> SplitBy: ...
@overload
def read_params(key: Literal["features.target"]) -> TargetTransform: ...
def read_params(key: str) -> object:
    """Read a section of params.yaml (`train`) or one value (`split.by`); dvc.yaml must declare the same key."""
    value: object = read_settings(PARAMS, Params)
    log.debug("takes params.yaml:%s", key)
    for name in key.split("."):
        value = getattr(value, "validate_" if name == "validate" else name)
    return value
