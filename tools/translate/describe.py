"""From a scorecard to the model as its writers need it (see model.py)."""

import datetime
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from stages.utils.errors import DataError, PipelineError
from tools.translate.model import Axis, Contribution, Input, Model, Table
from webapp.pin import parse_scorecard
from webapp.scoring.cells import number_limits
from webapp.scoring.effects import as_datetime
from webapp.scoring.grammar import LARGEST_INTEGER, as_level
from webapp.scoring.notation import SMALLEST, dates_in, expected, numbers_in
from webapp.scoring.scorecard import Calendar, Column, Curve, Levels, Scorecard, SurfaceAxis

EPOCH = datetime.datetime(1970, 1, 1)
CALENDAR = ("month", "weekday", "hour")


def read_model(path: Path) -> Model:
    """Read a scorecard.

    Raises:
        DataError: the file is missing, or is not a scorecard of this version.
        PipelineError: a column is of a kind that cannot be translated.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; run `dvc repro` or `dvc pull {path}`") from None
    try:
        card = parse_scorecard(content)
    except ValueError as error:
        raise DataError(f"{path}: {error}; expected a scorecard of version 2: run `dvc repro`") from None
    return describe(card, hashlib.md5(content, usedforsecurity=False).hexdigest())


def describe(card: Scorecard, md5: str) -> Model:
    """Describe a scorecard.

    Raises:
        PipelineError: a column is of a kind that cannot be translated.
    """
    inputs = [describe_input(column) for column in card.inputs]
    names = [column.name for column in card.columns]
    axes: list[Axis] = []

    def find(axis: Axis) -> int:
        if axis not in axes:
            axes.append(axis)
        return axes.index(axis)

    def levels(place: int, part: Any, effect: Levels) -> Table:
        axis = Axis(place, part, 0.0, [], level_keys(effect.values, inputs[place]))
        return Table([find(axis)], [*effect.values.values(), effect.other, effect.missing])

    def curve(place: int, part: Any, start: float, effect: Curve) -> Table:
        return Table([find(Axis(place, part, start, effect.knots, []))], [*effect.values, effect.missing])

    def tables(place: int, effect: Curve | Levels | Calendar) -> list[Table]:
        if isinstance(effect, Levels):
            return [levels(place, None, effect)]
        if isinstance(effect, Curve):
            return [curve(place, None, 0.0, effect)]
        parts = [levels(place, part, getattr(effect, part)) for part in CALENDAR]
        return parts if effect.days is None else [*parts, curve(place, "days", seconds(effect.start), effect.days)]

    def side(axis: SurfaceAxis) -> int:
        place, part = names.index(axis.column), "days" if axis.part == "trend" else axis.part
        return find(Axis(place, part, seconds(axis.start), axis.knots, level_keys(axis.levels, inputs[place])))

    return Model(
        target=card.target.name,
        md5=md5,
        intercept=card.intercept,
        transform=card.target.transform,
        factor=card.target.factor,
        coverage=card.intervals.coverage,
        edges=card.intervals.edges,
        lower=card.intervals.lower,
        upper=card.intervals.upper,
        factor_limits=card.intervals.factor_limits,
        inputs=inputs,
        contributions=[
            Contribution(column.name, tables(place, column.effect)) for place, column in enumerate(card.columns)
        ],
        pairs=[
            Contribution(pair.name, [Table([side(axis) for axis in pair.axes], pair.values)]) for pair in card.surfaces
        ],
        widenings=[
            table
            for place, column in enumerate(card.columns)
            if column.width is not None and card.intervals.factor_limits is not None
            for table in tables(place, column.width)
        ],
        axes=axes,
        exposure=None if card.exposure is None else len(card.columns),
        exposure_limits=None if card.exposure is None else card.exposure.limits,
    )


def describe_input(column: Column) -> Input:
    """Describe how the cells of a column are read.

    Raises:
        PipelineError: its type and its effect do not go together.
    """
    reading, kind = column.reading, kind_of(column)
    is_date, is_whole = kind == "date", column.type == "integer"
    if kind == "level" and (column.type == "boolean" or (is_whole and has_text_limits(column))):
        raise PipelineError(f"column {column.name}: tools/translate knows no {column.type} column with such levels")
    low = high = None
    if is_date:
        low, high = (None if limit is None else seconds(str(limit)) for limit in (column.minimum, column.maximum))
    elif kind != "level":
        low, high = number_limits(column)
    elif is_whole:
        low, high = -LARGEST_INTEGER, LARGEST_INTEGER
    allowed: list[Any] = column.allowed
    if kind == "level":
        allowed = [level for level in column.allowed if isinstance(level, str) and level not in reading.missing_values]
        if is_whole:
            allowed = [float(level) for level in allowed if is_written_so(level)]
    elif is_date:
        allowed = [seconds(str(value)) for value in column.allowed]
    words = expected(column)
    is_limited = column.minimum not in (None, SMALLEST) or column.maximum is not None
    if not is_date and not column.allowed and is_limited:
        words += f" from {-float('inf') if low is None else low:g} to {float('inf') if high is None else high:g}"
    return Input(
        name=column.name,
        kind=kind,
        whole=is_whole,
        required=column.required,
        expects=words,
        missing=reading.missing_values,
        marks=[in_seconds(mark) for mark in dates_in(reading)] if is_date else numbers_in(reading),
        low=low,
        high=high,
        allowed=allowed,
        pattern=column.pattern,
        min_length=column.min_length,
        max_length=column.max_length,
        bare_number=reading.bare_number,
        decimal=reading.decimal_char,
        group=reading.group_char,
        true_values=[text for text in reading.true_values if text not in reading.false_values],
        false_values=reading.false_values,
        format=reading.format,
    )


def kind_of(column: Column) -> Literal["number", "boolean", "level", "date"]:
    """Give the kind of a column: by its effect and, of a curve, its type."""
    if isinstance(column.effect, Levels):
        return "level"
    if isinstance(column.effect, Calendar):
        return "date"
    return "boolean" if column.type == "boolean" else "number"


def has_text_limits(column: Column) -> bool:
    """Tell whether the text of the column's levels is constrained."""
    return (column.pattern, column.min_length, column.max_length) != (None, None, None)


def level_keys(levels: Iterable[str], column: Input) -> list[Any]:
    """Give the levels as an axis compares them: text; numbers for the parts of a date and for whole numbers.

    Raises:
        PipelineError: a level of a whole number is not written as one.
    """
    if column.kind == "level" and not column.whole:
        return list(levels)
    for level in levels:
        if not is_written_so(level):
            raise PipelineError(f"column {column.name}: level {level!r}; tools/translate expects a whole number")
    return [float(level) for level in levels]


def is_written_so(level: str) -> bool:
    """Tell whether a level is a whole number, in the notation in which such a level is looked up."""
    try:
        return as_level(float(level)) == level
    except (ValueError, OverflowError):
        return False


def in_seconds(when: datetime.datetime) -> float:
    """Give the seconds from 1970 to a date in UTC."""
    return (when - EPOCH).total_seconds()


def seconds(text: str | None) -> float:
    """Give the seconds from 1970 to a date in ISO text; 0 for none."""
    when = as_datetime(text)
    return 0.0 if when is None else in_seconds(when)
