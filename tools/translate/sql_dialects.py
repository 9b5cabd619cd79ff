"""The four dialects of SQL: what each writes in its own way.

A template has `{0}` for its first argument and so on. Identifiers, literals and types are written by sqlglot.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlglot import exp

from webapp.scoring.notation import LARGEST


class Dialect(NamedTuple):
    """The notation of a dialect."""

    name: str
    without_nan: str  # NULL for NaN
    seconds: str  # from 1970 to a timestamp, with fractions
    month: str  # of a date in seconds since 1970
    matches: str  # a text as a whole, a regular expression
    replaced: str  # a text, a regular expression that is looked for in it, what comes in its place
    as_number: str  # a text in the notation of numbers; NULL or infinity if it is too large
    split: str  # a text at each '/', and the number of the part
    array: str  # values, the type of a double, a place from 0
    fence: str = ""  # ends a subquery that the planner would otherwise copy into the query around it at each use

    def quoted(self, name: str) -> str:
        """Write an identifier."""
        return exp.to_identifier(name, quoted=True).sql(self.name)

    def literal(self, text: str) -> str:
        """Write a text."""
        return exp.Literal.string(text).sql(self.name)

    def type(self, name: str) -> str:
        """Name a type."""
        return exp.DataType.build(name).sql(self.name)

    def cast(self, expression: str, name: str) -> str:
        """Convert an expression to a type."""
        return f"CAST({expression} AS {self.type(name)})"

    def trim(self, expression: str, characters: str) -> str:
        """Remove characters from both ends of a text."""
        trimmed = exp.Trim(this=exp.column("cell"), expression=exp.Literal.string(characters)).sql(self.name)
        return trimmed.replace("cell", expression, 1)

    def one_of(self, expression: str, texts: Sequence[str]) -> str:
        """Tell whether an expression is one of some texts."""
        return f"{expression} IN ({', '.join(map(self.literal, texts))})" if texts else "FALSE"

    def element(self, values: Sequence[float], place: str) -> str:
        """Take one of some numbers by its place, from 0."""
        return self.array.format(", ".join(map(repr, map(float, values))), self.type("double"), place)


LARGE_EXPONENT = "[eE][+-]?[0-9]{{5,}}"  # more than a DECIMAL of PostgreSQL takes
NULL_OF_NAN = "NULLIF({0}, CAST('NaN' AS %s))"
DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            name="duckdb",
            without_nan=NULL_OF_NAN % "DOUBLE",
            seconds="(EPOCH_US({0}) / 1e6)",
            month="EXTRACT(MONTH FROM MAKE_TIMESTAMP(CAST(FLOOR({0}) AS BIGINT) * 1000000))",
            matches="REGEXP_FULL_MATCH({0}, {1})",
            replaced="REGEXP_REPLACE({0}, {1}, {2}, 'g')",
            as_number="TRY_CAST({0} AS DOUBLE)",
            split="SPLIT_PART({0}, '/', {1})",
            array="CAST('[{0}]' AS {1}[])[{2} + 1]",
            fence=" OFFSET 0",
        ),
        Dialect(
            name="postgres",
            without_nan=NULL_OF_NAN % "DOUBLE PRECISION",
            seconds="CAST(EXTRACT(EPOCH FROM {0}) AS DOUBLE PRECISION)",
            month="EXTRACT(MONTH FROM TIMESTAMP '1970-01-01' + FLOOR({0}) * INTERVAL '1 second')",
            matches="{0} ~ ('^(' || {1} || ')$')",
            replaced="REGEXP_REPLACE({0}, {1}, {2}, 'g')",
            as_number=f"CASE WHEN {{0}} ~ '{LARGE_EXPONENT}' OR ABS(CAST({{0}} AS DECIMAL)) > {LARGEST!r} THEN NULL "
            "WHEN ABS(CAST({0} AS DECIMAL)) < 1e-307 THEN 0 ELSE CAST(CAST({0} AS DECIMAL) AS DOUBLE PRECISION) END",
            split="SPLIT_PART({0}, '/', {1})",
            array="(CAST('{{{0}}}' AS {1}[]))[{2} + 1]",
            fence=" OFFSET 0",
        ),
        Dialect(
            name="bigquery",
            without_nan="IF(IS_NAN({0}), NULL, {0})",
            seconds="(UNIX_MICROS({0}) / 1e6)",
            month="EXTRACT(MONTH FROM TIMESTAMP_SECONDS(CAST(FLOOR({0}) AS INT64)))",
            matches="REGEXP_CONTAINS({0}, CONCAT('^(', {1}, ')$'))",
            replaced="REGEXP_REPLACE({0}, {1}, {2})",
            as_number="SAFE_CAST({0} AS FLOAT64)",
            split="SPLIT({0}, '/')[SAFE_ORDINAL({1})]",
            array="ARRAY<{1}>[{0}][OFFSET({2})]",
        ),
        Dialect(
            name="snowflake",
            without_nan=NULL_OF_NAN % "DOUBLE",
            seconds="(DATE_PART(EPOCH_MICROSECOND, {0}) / 1e6)",
            month="EXTRACT(MONTH FROM TO_TIMESTAMP_NTZ(CAST(FLOOR({0}) AS BIGINT)))",
            matches="REGEXP_LIKE({0}, {1})",
            replaced="REGEXP_REPLACE({0}, {1}, {2})",
            as_number="TRY_TO_DOUBLE({0})",
            split="SPLIT_PART({0}, '/', {1})",
            array="CAST(GET(PARSE_JSON('[{0}]'), {2}) AS {1})",
        ),
    )
}


def number(value: float) -> str:
    """Write a double: with an exponent, so that no dialect reads a decimal."""
    text = repr(float(value))
    text = text if "e" in text else f"{text}e0"
    return f"({text})" if text.startswith("-") else text
