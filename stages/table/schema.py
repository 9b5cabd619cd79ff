"""schema.yaml, typed: a Frictionless Table Schema descriptor (specs.frictionlessdata.io/table-schema) whose fields have
four more properties: `role`, `unit`, `leak` and `monotone`.
"""

import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from stages.table.constraints import Category, Constraints, Scalar
from stages.utils.yaml_files import Settings, read_settings

Role = Literal["feature", "target", "id", "group", "time", "weight", "exposure", "ignore"]
# columns that the pipeline adds: where a row came from, why it is in quarantine, how it was split, what it counts
INTERNAL = ("_file", "_line", "_problem", "_reasons", "_hash", "_fold", "_weight")


class Column(Settings):
    """One field of the Table Schema."""

    name: str = Field(min_length=1)
    type: Literal["string", "number", "integer", "boolean", "date", "datetime"]
    role: Role = Field(
        "feature",
        description="use of the column; time orders the rows, group keeps rows together, "
        "weight is how much a row counts, exposure what the target is divided by",
    )
    title: str | None = Field(None, description="name for people")
    description: str | None = None
    unit: str | None = None
    leak: Literal["acknowledged"] | None = Field(
        None, description="what the leakage audit finds in the column is legitimate"
    )
    monotone: Literal["increasing", "decreasing"] | None = Field(
        None, description="the effect of the column never goes the other way"
    )
    format: str = Field("default", description="dates: default (ISO 8601) or a strptime pattern")
    decimalChar: str = Field(".", min_length=1, max_length=1)
    groupChar: str | None = Field(None, min_length=1, max_length=1)
    bareNumber: bool = Field(True, description="false: text around the number is dropped (`$10`, `8GB`)")
    trueValues: list[str] = ["true", "True", "TRUE", "1"]
    falseValues: list[str] = ["false", "False", "FALSE", "0"]
    missingValues: list[str] | None = Field(None, description="marks of a missing cell, instead of the table's")
    categories: list[str | int | Category] | None = Field(None, min_length=1, description="the levels of a category")
    categoriesOrdered: bool = Field(False, description="the levels are listed from the lowest to the highest")
    constraints: Constraints = Constraints()
    example: Scalar | None = None

    @property
    def kind(self) -> Literal["number", "level", "date"]:
        """The representation of the cells: number (float64, also for booleans), level (text) or date (datetime64)."""
        if self.type == "string" or self.categories is not None:
            return "level"
        return "date" if self.type in ("date", "datetime") else "number"

    @property
    def levels(self) -> list[str] | None:
        """The levels that `categories` lists, as text."""
        if self.categories is None:
            return None
        return [str(item.value if isinstance(item, Category) else item) for item in self.categories]

    @property
    def label(self) -> str:
        """Title and unit, for an axis."""
        return f"{self.title or self.name} ({self.unit})" if self.unit else self.title or self.name

    @property
    def labels(self) -> dict[str, str]:
        """The label of each level that has one; levels that would share a name get their value in brackets."""
        labels = {str(item.value): item.label for item in self.categories or [] if isinstance(item, Category)}
        names = [labels.get(level, level) for level in self.levels or []]
        return {
            level: f"{label} ({level})" if names.count(label) > 1 and label != level else label
            for level, label in labels.items()
        }

    @model_validator(mode="after")
    def is_consistent(self) -> "Column":
        bounds = [self.constraints.minimum, self.constraints.maximum]
        if self.kind == "number" and any(isinstance(bound, str | datetime.date) for bound in bounds):
            raise ValueError(f"column {self.name}: minimum and maximum of a {self.type} are numbers; found {bounds}")
        limits = self.constraints
        if self.kind != "level" and (limits.pattern, limits.minLength, limits.maxLength) != (None, None, None):
            raise ValueError(f"column {self.name}: pattern, minLength and maxLength go with text; found {self.type}")
        if self.kind == "number" and any(isinstance(value, str | datetime.date) for value in limits.enum or []):
            raise ValueError(f"column {self.name}: the enum of a {self.type} holds numbers; found {limits.enum}")
        if self.kind == "date":
            check_format(self.name, self.format)
            check_dates(self.name, [value for value in [*bounds, *(limits.enum or [])] if value is not None])
        if self.groupChar is not None and self.groupChar == self.decimalChar:
            raise ValueError(f"column {self.name}: groupChar and decimalChar are both {self.groupChar!r}")
        if self.kind == "level" and any(bound is not None for bound in bounds):
            raise ValueError(f"column {self.name}: minimum and maximum go with numbers and dates, not with levels")
        if self.categories is not None and self.type not in ("string", "integer"):
            raise ValueError(f"column {self.name}: categories go with type string or integer; found {self.type}")
        if self.categoriesOrdered and len(self.categories or []) < 2:
            raise ValueError(
                f"column {self.name}: categoriesOrdered: true needs the levels in their order; "
                f"found {self.levels or 'none'}: list two or more under categories"
            )
        if self.monotone is not None and not (self.kind == "number" or self.categoriesOrdered):
            found = "categories without categoriesOrdered: true" if self.categories is not None else self.type
            raise ValueError(f"column {self.name}: monotone goes with numbers and with ordered levels; found {found}")
        if self.monotone is not None and self.role != "feature":
            raise ValueError(f"column {self.name}: monotone goes with role: feature; found {self.role}")
        if self.role == "target" and (self.kind != "number" or self.type == "boolean"):
            raise ValueError(f"column {self.name}: the target is a number or an integer; found {self.type}")
        if self.role in ("weight", "exposure") and (self.kind != "number" or self.type == "boolean"):
            what = self.type if self.categories is None else "categories"
            raise ValueError(
                f"column {self.name}: role {self.role} goes with type number or integer; found {what}: change either"
            )
        if self.role == "time" and self.kind != "date":
            raise ValueError(f"column {self.name}: role time goes with type date or datetime; found {self.type}")
        if self.name in INTERNAL:
            raise ValueError(f"column {self.name}: the pipeline uses this name itself; rename the column in the source")
        return self


def check_format(name: str, pattern: str) -> None:
    """Raise a ValueError for a date format that is not a strptime pattern."""
    try:
        datetime.datetime.strptime("", pattern)
    except ValueError as error:
        if "does not match" not in str(error):
            raise ValueError(f"column {name}: format: {error}; expected default or a strptime pattern") from None


def check_dates(name: str, values: list[Scalar]) -> None:
    """Raise a ValueError for a limit of a date column that is not an ISO date."""
    for value in values:
        try:
            datetime.datetime.fromisoformat(str(value))
        except ValueError:
            raise ValueError(f"column {name}: limits of a date are ISO dates; found {value!r}") from None


class Interactions(Settings):
    """The pairs of columns that the model must or must not have (params.yaml: features.interactions)."""

    require: list[tuple[str, str]] = Field([], description="pairs that act together in any case")
    exclude: list[str] = Field([], description="columns that are in no pair")

    @field_validator("require", mode="before")
    @classmethod
    def are_pairs(cls, pairs: object) -> object:
        if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            raise ValueError(f"a list of pairs of columns, such as [[temperature, hour]]; found {pairs!r}")
        return [tuple(pair) for pair in pairs]


class TableSchema(Settings):
    """schema.yaml."""

    name: str | None = None
    title: str | None = Field(None, description="name of the table for people")
    description: str | None = None
    fields: list[Column] = Field(min_length=2)
    missingValues: list[str] = [""]
    interactions: Interactions = Interactions()

    @model_validator(mode="after")
    def is_consistent(self) -> "TableSchema":
        names = [column.name for column in self.fields]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"column {name} is described twice; keep one")
        single = dict.fromkeys(("group", "time", "weight", "exposure"), (0, 1))
        limits = {"target": (1, 1), "feature": (1, len(names)), **single}
        for role, (at_least, at_most) in limits.items():
            found = self.names(role)
            if not at_least <= len(found) <= at_most:
                expected = "exactly one" if at_most == at_least else f"at {'most' if found else 'least'} one"
                found_names = f"{', '.join(found)}; keep one" if found else "none"
                raise ValueError(f"{expected} column has role: {role}; found {found_names}")
        inputs = [column.name for column in self.inputs]
        for name in [*self.interactions.exclude, *(name for pair in self.interactions.require for name in pair)]:
            if name not in inputs:
                raise ValueError(f"interactions: {name} is not a feature; choose from {', '.join(inputs)}")
        for first, second in self.interactions.require:
            if first == second:
                raise ValueError(f"interactions.require: {first} is paired with itself; name two columns")
            if {first, second} & set(self.interactions.exclude):
                raise ValueError(f"interactions: the pair {first}, {second} is required, and one of them excluded")
            for name in inputs:
                if name in (first, second) and self.column(name).monotone is not None:
                    raise ValueError(f"interactions.require: {name} is monotone, so no pair may have it; delete either")
        return self

    def names(self, *roles: str) -> list[str]:
        """Return the names of the columns with one of these roles (of all columns if none is given), in order."""
        return [column.name for column in self.fields if not roles or column.role in roles]

    def column(self, name: str) -> Column:
        """Return the column of this name."""
        return next(column for column in self.fields if column.name == name)

    @property
    def target(self) -> Column:
        """The column to predict; with an exposure, its unit is that of the rate."""
        target, exposure = self.column(self.names("target")[0]), self.exposure
        if exposure is None:
            return target
        per = exposure.unit or f"unit of {exposure.title or exposure.name}"
        return target.model_copy(update={"unit": f"{target.unit or ''} per {per}".strip()})

    @property
    def exposure(self) -> Column | None:
        """The column that the target is divided by, if there is one: the model predicts the rate."""
        return next((column for column in self.fields if column.role == "exposure"), None)

    @property
    def weight(self) -> str | None:
        """The name of the column of data/train and data/test that says how much each row counts, if there is one."""
        return "_weight" if self.exposure else next(iter(self.names("weight")), None)

    @property
    def modelled(self) -> list[str]:
        """The names of the columns of data/train that models are made from: inputs, target, exposure, weights."""
        names = self.names("feature", "time", "target", "exposure", "weight")
        return [*names, "_weight"] if self.exposure else names

    @property
    def inputs(self) -> list[Column]:
        """The columns that the model uses: the features, and the time column for its month, weekday and hour."""
        return [column for column in self.fields if column.role in ("feature", "time")]


def read_schema() -> TableSchema:
    """Read schema.yaml."""
    return read_settings(Path("schema.yaml"), TableSchema)
