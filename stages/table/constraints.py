"""The constraints and the levels of a column, as Frictionless defines them."""

import datetime
import re

from pydantic import Field, field_validator

from stages.utils.yaml_files import Settings

Scalar = str | int | float | datetime.date | datetime.datetime


class Constraints(Settings):
    """Conditions that a valid cell meets, as Frictionless defines them."""

    required: bool = Field(False, description="a missing cell is invalid")
    unique: bool = Field(False, description="only the first row with a value is valid")
    minimum: int | float | datetime.datetime | datetime.date | str | None = None
    maximum: int | float | datetime.datetime | datetime.date | str | None = None
    enum: list[Scalar] | None = Field(None, min_length=1, description="the values allowed")
    pattern: str | None = Field(None, description="regular expression that the whole text matches")
    minLength: int | None = Field(None, ge=0)
    maxLength: int | None = Field(None, ge=0)

    @field_validator("pattern")
    @classmethod
    def pattern_compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
        return pattern


class Category(Settings):
    """A level and its label."""

    value: str | int
    label: str
