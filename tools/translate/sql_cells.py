"""Reading cells in SQL: `cell_N` of the table becomes `value_N`, NULL where it is missing, and `bad_N`.

A date is its seconds since 1970, true is 1, and a level of an integer column a number. Every function gives the steps,
each a list of expressions that use those of the steps before it.
"""

from collections.abc import Callable

from stages.utils.errors import PipelineError
from tools.translate.model import Input
from tools.translate.notation import WHITESPACE, date_pattern, level_pattern
from tools.translate.sql_dialects import Dialect, number
from webapp.scoring.grammar import AROUND_NUMBER, NUMBER, grouped_number

Steps = list[list[str]]
CLOCK = "[T ][0-9]{2}(:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?( ?(Z|[+-][0-9]{2}(:?[0-9]{2})?))?"
ISO_DATE = f"[0-9]{{4}}(-[0-9]{{2}}(-[0-9]{{2}}({CLOCK})?)?)?"
BASIC_DATE = "[0-9]{8}(T[0-9]{6}Z?)?"
ZONE = " ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
YEAR_FROM_MARCH = "(year_{0} - CASE WHEN month_{0} <= 2 THEN 1 ELSE 0 END)"
DAYS = (  # since 1970, of a date of the proleptic Gregorian calendar
    "(365 * {y} + FLOOR({y} / 4e0) - FLOOR({y} / 100e0) + FLOOR({y} / 400e0) + "
    "FLOOR((153 * (month_{0} + CASE WHEN month_{0} <= 2 THEN 9 ELSE -3 END) + 2) / 5e0) + day_{0} - 719469)"
).replace("{y}", YEAR_FROM_MARCH)
LAST_DAY = (
    "CASE WHEN month_{0} IN (4, 6, 9, 11) THEN 30 WHEN month_{0} <> 2 THEN 31 WHEN "
    "year_{0} - 4 * FLOOR(year_{0} / 4e0) = 0 AND "
    "(year_{0} - 100 * FLOOR(year_{0} / 100e0) <> 0 OR year_{0} - 400 * FLOOR(year_{0} / 400e0) = 0) "
    "THEN 29 ELSE 28 END"
)


def read_typed(sql: Dialect, column: Input, place: int) -> Steps:
    """Read a typed cell: a number, a BOOLEAN, a DATE or TIMESTAMP in UTC, the text of a level."""
    cell = f"cell_{place}"
    if column.kind == "level" and not column.whole:
        return read_level(sql, column, place)
    if column.kind == "boolean":
        raw = sql.cast(sql.cast(cell, "int"), "double")
    elif column.kind == "date":
        raw = sql.seconds.format(sql.cast(cell, "timestamp"))
    else:
        raw = sql.without_nan.format(sql.cast(cell, "double"))
    return [[f"{raw} AS raw_{place}"], *check(column, place)]


def read_text(sql: Dialect, column: Input, place: int) -> Steps:
    """Read the text of a cell in the notation of its column.

    Raises:
        PipelineError: the dialect cannot read it.
    """
    if column.kind == "level" and not column.whole:
        return read_level(sql, column, place)
    readers: dict[str, Callable[[Dialect, Input, int], Steps]] = {"boolean": boolean_text, "date": date_text}
    return [
        *trimmed(sql, column, place, "text"),
        *readers.get(column.kind, number_text)(sql, column, place),
        *check(column, place, f"text_{place} IS NOT NULL AND raw_{place} IS NULL"),
    ]


def trimmed(sql: Dialect, column: Input, place: int, name: str) -> Steps:
    """Trim the text of a cell; NULL where it is a missing mark."""
    text = f"trimmed_{place}"
    return [
        [f"{sql.trim(sql.cast(f'cell_{place}', 'text'), WHITESPACE)} AS {text}"],
        [f"CASE WHEN {sql.one_of(text, column.missing)} THEN NULL ELSE {text} END AS {name}_{place}"],
    ]


def read_level(sql: Dialect, column: Input, place: int) -> Steps:
    """Read the text of a level."""
    value, pattern = f"value_{place}", level_pattern(column)
    bad = [f"NOT ({sql.one_of(value, column.allowed)})"] if column.allowed else []
    bad += [] if pattern is None else [f"NOT ({sql.matches.format(value, sql.literal(pattern))})"]
    bad += [f"LENGTH({value}) < {column.min_length}"] if column.min_length else []
    bad += [] if column.max_length is None else [f"LENGTH({value}) > {column.max_length}"]
    return [*trimmed(sql, column, place, "value"), [any_of(bad, column, place)]]


def check(column: Input, place: int, *bad: str) -> Steps:
    """Take a number, or NULL where it stands for a missing cell, and check its constraints."""
    value, raw, conditions = f"value_{place}", f"raw_{place}", list(bad)
    marks = ", ".join(map(number, column.marks))
    conditions += [] if column.low is None else [f"{value} < {number(column.low)}"]
    conditions += [] if column.high is None else [f"{value} > {number(column.high)}"]
    conditions += [f"{value} <> FLOOR({value})"] if column.whole else []
    conditions += [f"{value} NOT IN ({', '.join(map(number, column.allowed))})"] if column.allowed else []
    taken = f"CASE WHEN {raw} IN ({marks}) THEN NULL ELSE {raw} END" if marks else raw
    return [[f"{taken} AS {value}"], [any_of(conditions, column, place)]]


def any_of(conditions: list[str], column: Input, place: int) -> str:
    """Join the conditions under which the model does not take a cell."""
    conditions = [*conditions, *([f"value_{place} IS NULL"] if column.required else [])]
    return f"{' OR '.join(f'({condition})' for condition in conditions) or 'FALSE'} AS bad_{place}"


def boolean_text(sql: Dialect, column: Input, place: int) -> Steps:
    """Read true as 1 and false as 0."""
    false, true = (sql.one_of(f"text_{place}", texts) for texts in (column.false_values, column.true_values))
    return [[f"CASE WHEN {false} THEN 0e0 WHEN {true} THEN 1e0 END AS raw_{place}"]]


def number_text(sql: Dialect, column: Input, place: int) -> Steps:
    """Read a number, rewritten from the notation of its column."""
    text, steps = f"text_{place}", []
    if not column.bare_number:
        steps.append(sql.replaced.format(text, sql.literal(AROUND_NUMBER), "''"))
        text = f"bare_{place}"
    rewritten = text
    if column.group is not None:
        without = f"REPLACE({text}, {sql.literal(column.group)}, '')"
        pattern = sql.literal(grouped_number(column.group).replace("(?:", "("))
        grouped = sql.matches.format(text, pattern)
        rewritten = f"CASE WHEN {without} = {text} THEN {text} WHEN {grouped} THEN {without} ELSE '?' END"
    if column.decimal != ".":
        rewritten = f"REPLACE(REPLACE({rewritten}, '.', '?'), {sql.literal(column.decimal)}, '.')"
    is_number = sql.matches.format(f"number_{place}", sql.literal(NUMBER.replace("(?:", "(")))
    raw = f"CASE WHEN {is_number} THEN {sql.as_number.format(f'number_{place}')} END"
    return [
        *([f"{step} AS bare_{place}"] for step in steps),
        [f"{rewritten} AS number_{place}"],
        [f"{raw} AS raw_{place}"],
    ]


def date_text(sql: Dialect, column: Input, place: int) -> Steps:
    """Read a date as seconds since 1970 in UTC."""
    steps = iso_parts(sql, place) if column.format == "default" else format_parts(sql, column, place)
    valid = (
        f"year_{place} >= 1 AND month_{place} BETWEEN 1 AND 12 AND day_{place} BETWEEN 1 AND {LAST_DAY.format(place)} "
        f"AND hour_{place} < 24 AND minute_{place} < 60 AND second_{place} < 60 AND ABS(offset_{place}) < 86400"
    )
    seconds = (
        f"{DAYS.format(place)} * 86400e0 + hour_{place} * 3600 + minute_{place} * 60 + second_{place} - offset_{place}"
    )
    in_range = f"whole_{place} >= -62135596800 AND whole_{place} < 253402300800"
    return [
        *steps,
        [f"CASE WHEN {valid} THEN {seconds} END AS whole_{place}"],
        [f"CASE WHEN {in_range} THEN whole_{place} + fraction_{place} END AS raw_{place}"],
    ]


def integer(sql: Dialect, text: str, start: int = 1, width: int = 20, default: int = 0) -> str:
    """Read the digits at a place of a text, from 1; the default where there are none."""
    digits = f"NULLIF(SUBSTR({text}, {start}, {width}), '')"
    return f"COALESCE({sql.cast(digits, 'int')}, {default})"


def iso_parts(sql: Dialect, place: int) -> Steps:
    """Read the parts of a date in ISO 8601: by their places, once it has dashes and colons and its zone is apart."""
    text, iso, clock, zone = (f"{name}_{place}" for name in ("text", "iso", "clock", "zone"))
    dashes = f"SUBSTR({text}, 1, 4) || '-' || SUBSTR({text}, 5, 2) || '-' || SUBSTR({text}, 7, 2)"
    colons = f"'T' || SUBSTR({text}, 10, 2) || ':' || SUBSTR({text}, 12, 2) || ':' || SUBSTR({text}, 14, 2)"
    offset = f"({integer(sql, zone, 2, 2)} * 3600 + {integer(sql, zone, 4, 2)} * 60)"
    without_zone = sql.replaced.format(iso, sql.literal(ZONE), "''")
    fraction = f"'0' || SUBSTR({clock}, 20, 7)"
    parts = [
        f"{integer(sql, clock, start, width, default)} AS {name}_{place}"
        for name, start, width, default in (
            ("year", 1, 4, 0),
            ("month", 6, 2, 1),
            ("day", 9, 2, 1),
            ("hour", 12, 2, 0),
            ("minute", 15, 2, 0),
            ("second", 18, 2, 0),
        )
    ]
    return [
        [
            f"CASE WHEN {sql.matches.format(text, sql.literal(ISO_DATE))} THEN {text} "
            f"WHEN {sql.matches.format(text, sql.literal(BASIC_DATE))} THEN "
            f"{dashes} || CASE WHEN LENGTH({text}) > 8 THEN {colons} ELSE '' END END AS {iso}"
        ],
        [f"CASE WHEN LENGTH({iso}) > 10 THEN {without_zone} ELSE {iso} END AS {clock}"],
        [f"REPLACE(REPLACE(SUBSTR({iso}, LENGTH({clock}) + 1), ' ', ''), ':', '') AS {zone}"],
        [
            *parts,
            f"{sql.cast(fraction, 'double')} AS fraction_{place}",
            f"CASE WHEN LENGTH({zone}) < 3 THEN 0 WHEN SUBSTR({zone}, 1, 1) = '-' THEN -{offset} ELSE {offset} END "
            f"AS offset_{place}",
        ],
    ]


def format_parts(sql: Dialect, column: Input, place: int) -> Steps:
    """Read the parts of a date in a strptime format: the runs of digits, in the order of the directives.

    Raises:
        PipelineError: it has names of months, fractions, twelve hours, or two parts with nothing between them.
    """
    pattern, parts = date_pattern(column)
    between = column.format.replace("%%", "").split("%")[1:-1]
    if (
        not set(parts) <= set("YymdHMS")
        or any(len(text) < 2 for text in between)
        or any(map(str.isdigit, column.format))
    ):
        raise PipelineError(
            f"column {column.name}: its format {column.format} has more than numbers with marks between them; "
            "only --to python and --to javascript read it"
        )
    digits, text = f"digits_{place}", f"text_{place}"
    first = 1 if column.format.startswith("%") and not column.format.startswith("%%") else 2
    found = {part: integer(sql, sql.split.format(digits, first + number_)) for number_, part in enumerate(parts)}
    if "y" in found:
        found["Y"] = f"({found['y']} + CASE WHEN {found['y']} <= 68 THEN 2000 ELSE 1900 END)"
    matches = sql.matches.format(text, sql.literal(pattern))
    runs = sql.replaced.format(text, sql.literal("[^0-9]+"), "'/'")
    names = {"Y": "year", "m": "month", "d": "day", "H": "hour", "M": "minute", "S": "second"}
    return [
        [f"CASE WHEN {matches} THEN {runs} END AS {digits}"],
        [
            *(f"{found.get(key, '1' if key in 'md' else '0')} AS {name}_{place}" for key, name in names.items()),
            f"CASE WHEN {digits} IS NOT NULL THEN 0e0 END AS fraction_{place}",
            f"0 AS offset_{place}",
        ],
    ]
