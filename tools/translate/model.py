"""The model as its writers need it: inputs that are read, axes that find places, tables that are read at these places.

A curve, a table of levels and each part of a date are one and the same here. An axis turns the value of an input into a
place and the share of the way to the next place; a table has a value at each place of its one or two axes, and is read
by linear (bilinear) interpolation. The intercept and all tables add up to the prediction on the model's scale.
"""

from dataclasses import dataclass
from typing import Any, Literal

TOTALS = {"prediction": "total", "lower": "total_lower", "upper": "total_upper"}  # of a rate, times the exposure


@dataclass(frozen=True)
class Input:
    """One column of the table, and how its cells are read."""

    name: str
    kind: Literal["number", "boolean", "level", "date"]
    whole: bool  # whole numbers only; the levels of an integer column are numbers here
    required: bool
    expects: str  # in words, for a message
    missing: list[str]  # texts that stand for a missing cell
    marks: list[float]  # numbers that do; of a date, seconds since 1970
    low: float | None
    high: float | None
    allowed: list[Any]  # the only valid values; empty where all are
    pattern: str | None  # regular expression that the whole text of a level must match
    min_length: int | None
    max_length: int | None
    bare_number: bool  # false: text around the number is dropped
    decimal: str
    group: str | None
    true_values: list[str]
    false_values: list[str]
    format: str  # of dates: default (ISO 8601) or a strptime pattern


@dataclass(frozen=True)
class Axis:
    """A function from the value of an input to a place: between knots, or of a level.

    The last place is that of a missing value; with levels, the one before it is that of any other level.
    """

    input: int
    part: Literal["days", "month", "weekday", "hour"] | None  # of a date
    start: float  # seconds since 1970 that days are counted from
    knots: list[float]
    levels: list[Any]

    @property
    def places(self) -> int:
        """The number of places."""
        return len(self.knots) + 1 if self.knots else len(self.levels) + 2

    @property
    def between(self) -> bool:
        """Tell whether a value may be between two places."""
        return len(self.knots) > 1


@dataclass(frozen=True)
class Table:
    """Values at the places of one axis, or of two: `values[first][second]`."""

    axes: list[int]
    values: list[Any]


@dataclass(frozen=True)
class Contribution:
    """The contribution of a column or a pair of columns: the sum of its tables."""

    name: str
    tables: list[Table]


@dataclass(frozen=True)
class Model:
    """The whole model."""

    target: str
    md5: str  # of the scorecard
    intercept: float
    transform: Literal["none", "sqrt", "log", "log1p"]
    factor: float
    coverage: float
    edges: list[float]  # bin i of the interval holds the sums from edge i-1 up to edge i
    lower: list[float]
    upper: list[float]
    inputs: list[Input]
    axes: list[Axis]
    contributions: list[Contribution]  # of the columns
    pairs: list[Contribution]
    # the offsets of the interval are multiplied by exp(the sum of these tables), within these limits; None: by 1
    widenings: list[Table]
    factor_limits: tuple[float, float] | None
    # the place of the exposure of a rate among the inputs; the offsets are divided by its root, within these limits
    exposure: int | None
    exposure_limits: tuple[float, float] | None

    @property
    def terms(self) -> list[Contribution]:
        """The contributions of columns and of pairs."""
        return [*self.contributions, *self.pairs]
