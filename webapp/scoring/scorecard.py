"""The served form of the model, models/scorecard.json: what it holds, as pydantic models (JSON Schema: schemas/).

`intercept` plus one contribution per column and per surface (a pair of columns) is the prediction, or, with
`target.transform: log`, its logarithm. The contribution of a column comes from a piecewise-linear curve (a number), a
table of levels (text), or a curve of the days and tables of the calendar parts (a date); that of a pair from a matrix.
Each is 0 on average over the training rows, that of a pair also at every value of either column, so `intercept` is the
mean of the sums there. With an `exposure` the prediction is a rate; its error is proportional to 1 / √exposure, and so
is its interval.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveFloat, model_validator


def is_none(value: object) -> bool:
    """Tell that an optional field is not there, so that it is not written."""
    return value is None


class Part(BaseModel):
    """Base of the scorecard's models: no unknown keys, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Curve(Part):
    """A piecewise-linear effect, constant beyond its first and last knot."""

    kind: Literal["curve"] = "curve"
    knots: list[FiniteFloat] = Field(min_length=1, description="ascending")
    values: list[FiniteFloat] = Field(min_length=1, description="contribution at each knot, in the target's unit")
    missing: FiniteFloat = Field(description="contribution of a missing value")

    @model_validator(mode="after")
    def is_a_function(self) -> "Curve":
        if len(self.knots) != len(self.values) or any(a >= b for a, b in zip(self.knots, self.knots[1:], strict=False)):
            raise ValueError("knots ascend, with one value each")
        return self


class Levels(Part):
    """A table of levels."""

    kind: Literal["levels"] = "levels"
    values: dict[str, FiniteFloat] = Field(description="contribution of each level, in the target's unit")
    other: FiniteFloat = Field(description="contribution of a rare or unseen level")
    missing: FiniteFloat = Field(description="contribution of a missing value")


class Calendar(Part):
    """The effects of a date: of its parts as levels (weekday 0 is Monday), and of the days since `start`."""

    kind: Literal["calendar"] = "calendar"
    start: str | None = Field(description="ISO date and time (UTC) that the days are counted from")
    days: Curve | None
    month: Levels
    weekday: Levels
    hour: Levels


class SurfaceAxis(Part):
    """One side of a surface: a number with knots (or the days of a date since `start`), or a table of levels."""

    column: str
    part: Literal["trend", "month", "weekday", "hour"] | None = Field(description="of a date")
    start: str | None = Field(description="ISO date and time (UTC) that the days of a trend are counted from")
    knots: list[FiniteFloat] = Field(description="ascending; empty for levels")
    levels: list[str] = Field(description="empty for a number")

    @property
    def name(self) -> str:
        """The column or, of a date, `column.part`."""
        return self.column if self.part is None else f"{self.column}.{self.part}"

    @property
    def places(self) -> int:
        """Number of rows (or columns) of values of a surface on this side; the last is for a missing cell."""
        return len(self.knots) + 1 if self.knots else len(self.levels) + 2

    @model_validator(mode="after")
    def is_a_number_or_levels(self) -> "SurfaceAxis":
        if bool(self.knots) == bool(self.levels):
            raise ValueError("a side has either knots or levels")
        if any(a >= b for a, b in zip(self.knots, self.knots[1:], strict=False)):
            raise ValueError("knots ascend")
        return self


class Surface(Part):
    """The effect of two columns together, beyond those of each alone: bilinear between knots, constant beyond them.

    The last row (and column) of the matrices is for a missing cell; with levels, the one before it for any other level.
    """

    axes: tuple[SurfaceAxis, SurfaceAxis]
    values: list[list[FiniteFloat]] = Field(description="contribution at each place of the first axis and the second")
    rows: list[list[FiniteFloat]] = Field(description="training rows at each place; one between knots counts for both")
    folds: FiniteFloat = Field(description="share of the cross-validation's training sets that chose this pair")
    sd: FiniteFloat = Field(description="standard deviation of the contribution over training rows")

    @property
    def name(self) -> str:
        """The pair as plots, logs and the API name it: `a × b`."""
        return " × ".join(axis.name for axis in self.axes)

    @model_validator(mode="after")
    def is_a_matrix(self) -> "Surface":
        first, second = (axis.places for axis in self.axes)
        for matrix in (self.values, self.rows):
            if len(matrix) != first or any(len(row) != second for row in matrix):
                raise ValueError(f"the matrices of a surface of these axes are {first} by {second}")
        return self


class Histogram(Part):
    """The distribution of a number in training: its share in each of several equally wide bins."""

    low: FiniteFloat
    high: FiniteFloat
    shares: list[FiniteFloat] = Field(min_length=1, description="of the bins from low to high; they add up to 1")


class Reading(Part):
    """The notation of a column's cells, by the properties of a Frictionless Table Schema field."""

    missing_values: list[str] = Field([""], description="what stands for a missing cell")
    format: str = Field("default", description="of dates: default (ISO 8601) or a strptime pattern")
    decimal_char: str = "."
    group_char: str | None = None
    bare_number: bool = Field(True, description="false: text around the number is dropped (`$10`, `8GB`)")
    true_values: list[str] = ["true", "True", "TRUE", "1"]
    false_values: list[str] = ["false", "False", "FALSE", "0"]


class Column(Part):
    """An input column, as the form, the API and the scorer need to know it."""

    name: str
    title: str | None
    description: str | None
    unit: str | None
    type: Literal["string", "number", "integer", "boolean", "date", "datetime"]
    reading: Reading
    required: bool
    minimum: FiniteFloat | str | None = Field(description="smallest valid value (ISO text for a date)")
    maximum: FiniteFloat | str | None
    allowed: list[FiniteFloat | str] = Field(description="the only valid values; empty where all are (ISO dates)")
    pattern: str | None = Field(description="regular expression that the whole text of a level must match")
    min_length: int | None = Field(description="of the text of a level, in characters")
    max_length: int | None
    labels: dict[str, str] = Field(description="what a person calls each level that has a name of its own")
    quantiles: list[FiniteFloat] = Field(description="of a number in training: 0%, 5%, …, 100%; else empty")
    histogram: Histogram | None = Field(description="of a number in training")
    shares: dict[str, FiniteFloat] = Field(description="of the levels in training, the commonest first, up to 50")
    seen: tuple[str, str] | None = Field(description="the first and the last date in training, in ISO text")
    missing_share: FiniteFloat = Field(description="share of missing cells in training")
    default: FiniteFloat | str | None = Field(description="what a form starts with: the median, or the commonest level")
    monotone: Literal["increasing", "decreasing"] | None = Field(
        None, description="the effect never goes the other way; absent: it may", exclude_if=is_none
    )
    effect: Annotated[Curve | Levels | Calendar, Field(discriminator="kind")]
    width: Annotated[Curve | Levels | Calendar, Field(discriminator="kind")] | None = Field(
        None,
        description="natural logarithm of the factor on the interval's width, at the knots of `effect`; absent: 1",
        exclude_if=is_none,
    )

    @model_validator(mode="after")
    def has_one_set_of_knots(self) -> "Column":
        if self.width is not None and knots_of(self.width) != knots_of(self.effect):
            raise ValueError("effect and width are of the same kind, with the same knots")
        return self


class Exposure(Column):
    """The column that a rate is per unit of; rate × exposure is the total. It has no effect of its own."""

    total_unit: str | None = Field(description="of the total; that of the target is the rate's")
    limits: tuple[PositiveFloat, PositiveFloat] = Field(
        description="a smaller or larger exposure makes the interval as wide as the nearer of these"
    )


def knots_of(effect: Curve | Levels | Calendar) -> tuple[str, list[float] | None, str | None]:
    """Return the kind of an effect, the knots of its curve, and what its days are counted from."""
    if isinstance(effect, Calendar):
        return effect.kind, None if effect.days is None else effect.days.knots, effect.start
    return effect.kind, effect.knots if isinstance(effect, Curve) else None, None


class Target(Part):
    """The number that is predicted."""

    name: str
    title: str | None
    description: str | None
    unit: str | None
    transform: Literal["none", "sqrt", "log", "log1p"] = Field(
        description="scale that intercept, contributions and intervals add up on: the target's own, its root, its "
        "natural logarithm or that of 1 + target"
    )
    factor: FiniteFloat = Field(
        description="what the sum, back in the target's unit, is multiplied by to predict a mean"
    )
    quantiles: list[FiniteFloat] = Field(description="in training: 0%, 5%, …, 100%")
    histogram: Histogram
    typical: FiniteFloat | None = Field(
        None, description="mean of a rate in training, to show it with enough digits", exclude_if=is_none
    )


class Intervals(Part):
    """Prediction intervals: offsets from the prediction, by bins of the prediction.

    With `factor_limits` they differ from row to row: the offsets are multiplied by one factor for each column that has
    a `width`. An average row has the factor 1. With an exposure, they are multiplied by 1 / √exposure.
    """

    coverage: FiniteFloat = Field(description="nominal coverage")
    edges: list[FiniteFloat] = Field(description="ascending; bin i holds the predictions from edge i-1 up to edge i")
    lower: list[FiniteFloat] = Field(min_length=1, description="offset of the lower end in each bin")
    upper: list[FiniteFloat] = Field(min_length=1, description="offset of the upper end in each bin")
    factor_limits: tuple[PositiveFloat, PositiveFloat] | None = Field(
        None, description="smallest and largest product of a row's factors", exclude_if=is_none
    )

    @model_validator(mode="after")
    def has_offsets_for_each_bin(self) -> "Intervals":
        if not len(self.lower) == len(self.upper) == len(self.edges) + 1:
            raise ValueError("lower and upper have one offset for each bin, one more than there are edges")
        return self


class Scorecard(Part):
    """models/scorecard.json."""

    version: Literal[2]
    title: str | None
    description: str | None
    target: Target
    intercept: FiniteFloat
    columns: list[Column] = Field(min_length=1)
    exposure: Exposure | None = Field(None, description="absent unless the model predicts a rate", exclude_if=is_none)
    surfaces: list[Surface] = Field(description="of the pairs of columns that act together")
    intervals: Intervals
    training: dict[str, FiniteFloat | bool | None] = Field(description="rows that it was trained on, penalty, terms")
    metrics: dict[str, FiniteFloat | bool | None] = Field(description="headline metrics of the test rows")
    made_from: dict[str, str] = Field(description="md5 of each file that this one was made from")

    @property
    def inputs(self) -> list[Column]:
        """The cells of a row: those of the columns, and the exposure of a rate."""
        return self.columns if self.exposure is None else [*self.columns, self.exposure]
