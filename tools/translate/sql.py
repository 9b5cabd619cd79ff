"""The model as one SQL query, for DuckDB, PostgreSQL, BigQuery and Snowflake.

The query is a chain of subqueries: cells → values → places → contributions → total → prediction. What all four dialects
share is written here as it stands; sql_dialects.py has the rest, sql_cells.py the reading of cells.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import sqlglot
from sqlglot import exp

from stages.utils.errors import PipelineError
from tools.translate.head import head
from tools.translate.model import TOTALS, Axis, Model, Table
from tools.translate.sql_cells import Steps, read_text, read_typed
from tools.translate.sql_dialects import DIALECTS, Dialect, number

RESULTS = ("prediction", "lower", "upper", "refused")
BACK = {  # from the scale of the sum to the target's unit
    "none": "{0}",
    "sqrt": "CASE WHEN {0} > 0 THEN {0} * {0} ELSE 0 END",
    "log": "EXP({0})",
    "log1p": "CASE WHEN ABS({0}) < 1e-5 THEN {0} + {0} * {0} / 2 + {0} * {0} * {0} / 6 ELSE EXP({0}) - 1 END",
}


def to_sql(model: Model, dialect: str, table: str = "cases", keep: Sequence[str] = (), text: bool = False) -> str:
    """Write a query that gives for each row of a table the model's columns, the prediction and its parts.

    Args:
        model: the model.
        dialect: duckdb, postgres, bigquery or snowflake.
        table: the name of the table, as it is written in that dialect.
        keep: further columns of the table to give back, such as its key.
        text: every column of the table is text, as in the source file; else numbers are numbers, levels text, and
            dates DATE or TIMESTAMP in UTC.

    Raises:
        PipelineError: the dialect or the name is unknown, or a column is written as the dialect cannot read it.
    """
    sql = DIALECTS[dialect]
    source = table_name(table, dialect)
    names = [column.name for column in model.inputs]
    carried = [*names, *(name for name in keep if name not in names)]
    columns = [(read_text if text else read_typed)(sql, column, place) for place, column in enumerate(model.inputs)]
    intercept = sql.cast(number(model.intercept), "double")
    axes = [(axis, f"sought_{n}" if axis.part else f"value_{axis.input}") for n, axis in enumerate(model.axes)]
    exposure, root = f"value_{model.exposure}", ""
    if model.exposure_limits is not None:
        least, most = map(number, model.exposure_limits)
        root = f" / SQRT(LEAST(GREATEST({exposure}, {least}), {most}))"
    steps = [
        [f"{sql.quoted(name)} AS cell_{place}" for place, name in enumerate(carried)],
        *value_steps(columns),
        [f"{sought(sql, axis)} AS sought_{n}" for n, axis in enumerate(model.axes) if axis.part],
        [
            *(f"{place_of(sql, axis, value)} AS place_{n}" for n, (axis, value) in enumerate(axes)),
            f"CASE {' '.join(f'WHEN bad_{n} THEN {sql.literal(name)}' for n, name in enumerate(names))} END AS refusal",
        ],
        [
            f"{share_of(sql, axis, value, f'place_{n}')} AS share_{n}"
            for n, (axis, value) in enumerate(axes)
            if axis.between
        ],
        [
            f"{' + '.join(look_up(sql, model, table_) for table_ in term.tables)} AS part_{place}"
            for place, term in enumerate(model.terms)
        ],
        [f"{' + '.join([intercept, *(f'part_{n}' for n in range(len(model.terms)))])} AS total"],
        [f"{tree('total', model.edges, [str(n) for n in range(len(model.lower))])} AS bin", *width_factor(sql, model)],
        [
            f"total + {sql.element(ends, 'bin')}{' * factor' if model.factor_limits else ''}{root} AS {name}_total"
            for name, ends in (("lower", model.lower), ("upper", model.upper))
        ],
    ]
    query = ""
    for step in filter(None, steps):
        star = "*, " if query else ""
        query = f"SELECT {star}{', '.join(step)}\nFROM {f'({query}{sql.fence}) AS step' if query else source}"
    back = BACK[model.transform]
    ends = {
        "prediction": f"{back.format('total')} * {number(model.factor)}",
        "lower": back.format("lower_total"),
        "upper": back.format("upper_total"),
    }
    if model.exposure is not None:
        ends |= {total: f"({ends[name]}) * {exposure}" for name, total in TOTALS.items()}
    results = {
        **ends,
        "refused": "refusal",
        **{f"contribution of {term.name}": f"part_{place}" for place, term in enumerate(model.terms)},
    }
    outputs = [f"cell_{place} AS {sql.quoted(name)}" for place, name in enumerate(carried)]
    for name, (key, value) in zip(result_names(list(results), carried), results.items(), strict=True):
        guarded = value if key == "refused" else f"CASE WHEN refusal IS NULL THEN {value} END"
        outputs.append(f"{guarded} AS {sql.quoted(name)}")
    comment = head(
        model,
        "--",
        f"Use: {dialect}: a query on the table {table}; wrap it as CREATE VIEW … AS, or in WITH … AS ( )",
        "Cells are text, written as in the source file." if text else "Cells are typed; NULL and NaN are missing.",
        "A row with a cell that the model does not take has NULLs, and the name of the first such column in `refused`.",
    )
    return f"{comment}SELECT {', '.join(outputs)}\nFROM ({query}{sql.fence}) AS step\n"


def width_factor(sql: Dialect, model: Model) -> list[str]:
    """Give the factor by which the interval of a row is wider than that of an average one; nothing if it is 1."""
    if model.factor_limits is None:
        return []
    low, high = map(number, model.factor_limits)
    wider = " + ".join(["0e0", *(look_up(sql, model, table) for table in model.widenings)])
    return [f"LEAST(GREATEST(EXP({wider}), {low}), {high}) AS factor"]


def table_name(text: str, dialect: str) -> str:
    """Write the name of a table (or the call of a function that gives one, such as read_csv) in its dialect.

    Raises:
        PipelineError: the text is anything else.
    """
    try:
        query = sqlglot.parse_one(f"SELECT * FROM {text}", dialect=dialect)
    except sqlglot.errors.SqlglotError:
        query = exp.select()
    table = query.find(exp.Table)
    source = "" if table is None else table.sql(dialect)
    if query.sql(dialect) != f"SELECT * FROM {source}":
        raise PipelineError(f"--table {text!r}: expected the name of a table as {dialect} writes it")
    return source


def value_steps(columns: Sequence[Steps]) -> Iterator[list[str]]:
    """Yield the steps that read the cells: all columns side by side, each by its own chain of expressions."""
    for depth in range(max(len(column) for column in columns)):
        yield [expression for column in columns for step in column[depth : depth + 1] for expression in step]


def result_names(keys: Sequence[str], taken: Sequence[str]) -> list[str]:
    """Name the results: letters, digits and underscores, at most 60 of them, each name once whatever the case."""
    used, names = {name.lower() for name in taken}, []
    for key in keys:
        name = slug = re.sub(r"[^A-Za-z0-9]+", "_", key).strip("_")[:60].lower()
        count = 1
        while name in used:
            count += 1
            name = f"{slug[:56]}_{count}"
        used.add(name)
        names.append(name)
    return names


def sought(sql: Dialect, axis: Axis) -> str:
    """Give the number that an axis of a date looks at."""
    value = f"value_{axis.input}"
    if axis.part == "month":
        return sql.month.format(value)
    if axis.part == "days":
        return f"({value} - {number(axis.start)}) / 86400"
    if axis.part == "hour":
        return f"FLOOR(({value} - 86400 * FLOOR({value} / 86400)) / 3600)"
    day = f"(FLOOR({value} / 86400) + 3)"  # 0 was a Monday
    return f"{day} - 7 * FLOOR({day} / 7)"


def place_of(sql: Dialect, axis: Axis, value: str) -> str:
    """Find the place of a value on an axis."""
    start = f"CASE WHEN {value} IS NULL THEN {axis.places - 1}"
    if axis.knots:
        return f"{start} ELSE {tree(value, axis.knots[1:], [str(place) for place in range(len(axis.knots))])} END"
    keys = [number(level) if isinstance(level, float) else sql.literal(level) for level in axis.levels]
    found = " ".join(f"WHEN {value} = {key} THEN {place}" for place, key in enumerate(keys))
    return f"{start} {found} ELSE {len(keys)} END"


def share_of(sql: Dialect, axis: Axis, value: str, place: str) -> str:
    """Give the share of the way from a place to the next one."""
    first, last = number(axis.knots[0]), number(axis.knots[-1])
    steps = [high - low for low, high in pairwise(axis.knots)]
    share = f"({value} - {sql.element(axis.knots, place)}) / {sql.element(steps, place)}"
    return f"CASE WHEN {value} >= {first} AND {value} < {last} THEN {share} ELSE 0 END"


def look_up(sql: Dialect, model: Model, table: Table) -> str:
    """Read a table at the places of its axes; a row and a column of zeros are past its end, for a share of 0."""
    axes = [model.axes[axis] for axis in table.axes]
    place, share = f"place_{table.axes[-1]}", f"share_{table.axes[-1]}"
    lines = [table.values] if len(axes) == 1 else [*table.values, [0.0] * axes[1].places]
    flat, width = [value for line in lines for value in [*line, 0.0]], axes[-1].places + 1

    def along(start: str) -> str:
        here = sql.element(flat, f"{start}{place}")
        if not axes[-1].between:
            return here
        return f"({here} + {share} * ({sql.element(flat, f'{start}{place} + 1')} - {here}))"

    if len(axes) == 1:
        return along("")
    row = f"place_{table.axes[0]}"
    first = along(f"{row} * {width} + ")
    if not axes[0].between:
        return first
    return f"({first} + share_{table.axes[0]} * ({along(f'({row} + 1) * {width} + ')} - {first}))"


def tree(value: str, limits: Sequence[float], leaves: Sequence[str]) -> str:
    """Choose one leaf by the number of limits that are at most a value: a binary tree of CASE expressions."""
    if not limits:
        return leaves[0]
    middle = len(limits) // 2
    low, high = (
        tree(value, limits[:middle], leaves[: middle + 1]),
        tree(value, limits[middle + 1 :], leaves[middle + 1 :]),
    )
    return f"CASE WHEN {value} < {number(limits[middle])} THEN {low} ELSE {high} END"
