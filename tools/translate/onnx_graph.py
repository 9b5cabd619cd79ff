"""The model as an ONNX graph: one input per column, a row per position.

Reading text is the caller's: levels come as text (trimmed), all else as float64 (true as 1, a date as its seconds since
1970 in UTC); NaN and "" are missing. A row with a value that the model does not take has NaN in every output.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tools.translate.head import head
from tools.translate.model import Axis, Input, Model, Table
from tools.translate.notation import level_pattern

OPSET, ML_OPSET, IR = 20, 4, 9  # RegexFullMatch came with 20
DOUBLE, INT64, STRING, BOOL = (
    onnx.TensorProto.DOUBLE,
    onnx.TensorProto.INT64,
    onnx.TensorProto.STRING,
    onnx.TensorProto.BOOL,
)


class Graph:
    """Nodes and constants of a graph, each under a name of its own."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def add(self, kind: str, *inputs: Any, **attributes: Any) -> str:
        """Add a node; inputs are names of results, numbers, or arrays. Return the name of its result."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        result = f"step_{len(self.nodes)}"
        domain = "ai.onnx.ml" if kind == "LabelEncoder" else ""
        self.nodes.append(helper.make_node(kind, names, [result], result, domain=domain, **attributes))
        return result

    def constant(self, value: Any) -> str:
        """Add a constant once; a Python float is a double, an int an int64."""
        array = np.asarray(value)
        key = f"{array.dtype}{array.shape}{array.tolist()}"
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, f"constant_{len(self.constants)}")
        return self.constants[key].name

    def any(self, conditions: Sequence[str]) -> str | None:
        """Join conditions; None if there are none."""
        joined = None
        for condition in conditions:
            joined = condition if joined is None else self.add("Or", joined, condition)
        return joined

    def sum(self, parts: Sequence[Any]) -> str:
        """Add numbers up, in this order."""
        total = parts[0]
        for part in parts[1:]:
            total = self.add("Add", total, part)
        return str(total)


def to_onnx(model: Model) -> bytes:
    """Write the graph; its outputs are prediction, lower and upper (rows), and contributions (rows × terms).

    Raises:
        PipelineError: a pattern of levels may mean another thing to onnxruntime.
    """
    graph, values, refused = Graph(), [], []
    for place, column in enumerate(model.inputs):
        value, bad = read(graph, column, f"cell_{place}")
        values.append(value)
        refused += bad
    places = [find(graph, axis, model.inputs[axis.input], values[axis.input]) for axis in model.axes]
    parts = [graph.sum([look_up(graph, model, table, places) for table in term.tables]) for term in model.terms]
    total = graph.sum([model.intercept, *parts])
    bin_ = count(graph, model.edges, total)
    ends = [graph.add("Add", total, graph.add("Gather", np.array(end), bin_)) for end in (model.lower, model.upper)]
    columns = graph.add("Concat", *(graph.add("Unsqueeze", part, np.array([1])) for part in parts), axis=1)
    results = {
        "prediction": graph.add("Mul", back(graph, model, total), model.factor),
        "lower": back(graph, model, ends[0]),
        "upper": back(graph, model, ends[1]),
        "contributions": columns,
    }
    bad_row = graph.any(refused)
    for name, result in results.items():
        if bad_row is None:
            graph.nodes.append(helper.make_node("Identity", [result], [name]))
            continue
        condition = bad_row if name != "contributions" else graph.add("Unsqueeze", bad_row, np.array([1]))
        graph.nodes.append(helper.make_node("Where", [condition, graph.constant(float("nan")), result], [name]))
    return packed(graph, model)


def packed(graph: Graph, model: Model) -> bytes:
    """Make the file: inputs are named after the columns, the names of the contributions are in the metadata."""
    names = {f"cell_{place}": column.name for place, column in enumerate(model.inputs)}
    for node in graph.nodes:
        node.input[:] = [names.get(name, name) for name in node.input]
    inputs = [
        helper.make_tensor_value_info(column.name, STRING if is_text(column) else DOUBLE, ["rows"])
        for column in model.inputs
    ]
    outputs = [helper.make_tensor_value_info(name, DOUBLE, ["rows"]) for name in ("prediction", "lower", "upper")]
    outputs.append(helper.make_tensor_value_info("contributions", DOUBLE, ["rows", len(model.terms)]))
    call = "one tensor per column, float64 or text; NaN and '' are missing; a date is its seconds since 1970 in UTC"
    whole = helper.make_model(
        helper.make_graph(graph.nodes, "scorecard", inputs, outputs, list(graph.constants.values())),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
        ir_version=IR,
        producer_name="tools.translate",
        doc_string="\n".join(head(model, call)),
    )
    helper.set_model_props(
        whole, {"scorecard_md5": model.md5, "contributions": json.dumps([t.name for t in model.terms])}
    )
    onnx.checker.check_model(whole)
    return bytes(whole.SerializeToString(deterministic=True))


def is_text(column: Input) -> bool:
    """Tell whether an input is a tensor of text."""
    return column.kind == "level" and not column.whole


def one_of(graph: Graph, value: str, values: Sequence[float]) -> str:
    """Tell whether a number is one of some numbers."""
    same = graph.add("Equal", graph.add("Unsqueeze", value, np.array([1])), np.array([values]))
    return graph.add(
        "Cast", graph.add("ReduceMax", graph.add("Cast", same, to=INT64), np.array([1]), keepdims=0), to=BOOL
    )


def read(graph: Graph, column: Input, cell: str) -> tuple[str, list[str]]:
    """Give the value of a cell (NaN or "" where it is missing), and the conditions under which it is refused."""
    if is_text(column):
        return read_level(graph, column, cell)
    value = graph.add("Where", one_of(graph, cell, column.marks), float("nan"), cell) if column.marks else cell
    low, high = column.low, column.high
    bad = [graph.add("IsNaN", value)] if column.required else []
    bad += [] if low is None else [graph.add("Less", value, low)]
    bad += [] if high is None else [graph.add("Greater", value, high)]
    missing = graph.add("IsNaN", value)
    if column.whole:
        is_whole = graph.add("Equal", graph.add("Floor", value), value)
        bad.append(graph.add("Not", graph.add("Or", is_whole, missing)))
    allowed = [0.0, 1.0] if column.kind == "boolean" else []
    for valid in filter(None, (allowed, column.allowed)):
        bad.append(graph.add("Not", graph.add("Or", one_of(graph, value, valid), missing)))
    return value, bad


def read_level(graph: Graph, column: Input, cell: str) -> tuple[str, list[str]]:
    """Give the level of a cell ("" where it is missing), and the conditions under which it is refused."""
    pattern, longest = level_pattern(column), column.max_length

    def encoded(values: Sequence[str], default: int) -> str:
        numbers = [1 - default] * len(values)
        code = graph.add("LabelEncoder", cell, keys_strings=values, values_int64s=numbers, default_int64=default)
        return graph.add("Cast", code, to=BOOL)

    missing = encoded(list(dict.fromkeys(["", *column.missing])), 0)
    bad = [missing] if column.required else []
    checks = [encoded(column.allowed, 0)] if column.allowed else []
    checks += [] if pattern is None else [graph.add("RegexFullMatch", cell, pattern=f"({pattern})")]
    if column.min_length or longest is not None:
        length = f"(?s).{{{column.min_length or 0},{'' if longest is None else longest}}}"
        checks.append(graph.add("RegexFullMatch", cell, pattern=length))
    bad += [graph.add("Not", graph.add("Or", valid, missing)) for valid in checks]
    return cell, bad


def find(graph: Graph, axis: Axis, column: Input, value: str) -> tuple[str, str | None]:
    """Find the place of a value on an axis, and the share of the way to the next place (None if it is always 0)."""
    if axis.levels and is_text(column):
        keys = dict.fromkeys(["", *column.missing], axis.places - 1)
        keys = {level: place for place, level in enumerate(axis.levels)} | keys
        place = graph.add(
            "LabelEncoder",
            value,
            keys_strings=list(keys),
            values_int64s=list(keys.values()),
            default_int64=len(axis.levels),
        )
        return place, None
    sought = sought_on(graph, axis, value)
    missing = graph.add("IsNaN", sought)
    known = graph.add("Where", missing, 0.0, sought)
    if axis.levels:
        same = graph.add("Equal", graph.add("Unsqueeze", known, np.array([1])), np.array([axis.levels]))
        numbers = graph.add("Mul", graph.add("Cast", same, to=INT64), np.arange(1, len(axis.levels) + 1)[None])
        last = graph.add("ReduceMax", numbers, np.array([1]), keepdims=0)  # 0 for any other level
        other = graph.add("Equal", last, 0)
        place = graph.add("Where", other, len(axis.levels), graph.add("Sub", last, 1))
        return graph.add("Where", missing, axis.places - 1, place), None
    knots = np.array(axis.knots)
    place = count(graph, axis.knots[1:], known)
    found = graph.add("Where", missing, axis.places - 1, place)
    if not axis.between:
        return found, None
    last = len(knots) - 2
    segment = graph.add("Min", place, last)
    way = graph.add("Sub", known, graph.add("Gather", knots, segment))
    share = graph.add("Div", way, graph.add("Gather", np.diff(knots), segment))
    inside = graph.add(
        "And", graph.add("GreaterOrEqual", known, axis.knots[0]), graph.add("Less", known, axis.knots[-1])
    )
    outside = graph.add("Or", missing, graph.add("Not", inside))
    return found, graph.add("Where", outside, 0.0, share)


def sought_on(graph: Graph, axis: Axis, value: str) -> str:
    """Give the number that an axis looks at; of a date, the arithmetic is that of the proleptic Gregorian calendar."""

    def floor_div(number: str, divisor: float) -> str:
        return graph.add("Floor", graph.add("Div", number, divisor))

    def modulo(number: str, divisor: float) -> str:
        return graph.add("Sub", number, graph.add("Mul", floor_div(number, divisor), divisor))

    if axis.part is None:
        return value
    if axis.part == "days":
        return graph.add("Div", graph.add("Sub", value, axis.start), 86400.0)
    if axis.part == "hour":
        return floor_div(modulo(value, 86400.0), 3600.0)
    day = floor_div(value, 86400.0)
    if axis.part == "weekday":
        return modulo(graph.add("Add", day, 3.0), 7.0)
    # the month from the day of a year that begins in March (H. Hinnant, "chrono-compatible low-level date algorithms")
    in_era = modulo(graph.add("Add", day, 719468.0), 146097.0)
    leap = [floor_div(in_era, days) for days in (1460.0, 36524.0, 146096.0)]
    without = graph.add("Sub", graph.add("Add", graph.add("Sub", in_era, leap[0]), leap[1]), leap[2])
    year = floor_div(without, 365.0)
    days = graph.sum([graph.add("Mul", year, 365.0), floor_div(year, 4.0)])
    in_year = graph.add("Sub", in_era, graph.add("Sub", days, floor_div(year, 100.0)))
    month = floor_div(graph.add("Add", graph.add("Mul", in_year, 5.0), 2.0), 153.0)
    return graph.add("Add", modulo(graph.add("Add", month, 2.0), 12.0), 1.0)


def count(graph: Graph, limits: Sequence[float], value: str) -> str:
    """Count the limits that are at most a value."""
    reached = graph.add("GreaterOrEqual", graph.add("Unsqueeze", value, np.array([1])), np.array([limits], dtype=float))
    return graph.add("ReduceSum", graph.add("Cast", reached, to=INT64), np.array([1]), keepdims=0)


def look_up(graph: Graph, model: Model, table: Table, places: Sequence[tuple[str, str | None]]) -> str:
    """Read a table at the places of its axes; a row and a column of zeros are past its end, for a share of 0."""
    lines = [table.values] if len(table.axes) == 1 else [*table.values, [0.0] * len(table.values[0])]
    flat, width = np.array([[*line, 0.0] for line in lines]).ravel(), len(lines[0]) + 1
    place, share = places[table.axes[-1]]

    def along(start: str | None) -> str:
        index = place if start is None else graph.add("Add", graph.add("Mul", start, width), place)
        here = graph.add("Gather", flat, index)
        return (
            here if share is None else toward(graph, here, graph.add("Gather", flat, graph.add("Add", index, 1)), share)
        )

    if len(table.axes) == 1:
        return along(None)
    row, row_share = places[table.axes[0]]
    first = along(row)
    return first if row_share is None else toward(graph, first, along(graph.add("Add", row, 1)), row_share)


def toward(graph: Graph, here: str, there: str, share: str) -> str:
    """Interpolate between two numbers."""
    return graph.add("Add", here, graph.add("Mul", share, graph.add("Sub", there, here)))


def back(graph: Graph, model: Model, total: str) -> str:
    """Return from the scale of the sum to the target's unit."""
    if model.transform == "none":
        return total
    if model.transform == "sqrt":
        positive = graph.add("Max", total, 0.0)
        return graph.add("Mul", positive, positive)
    if model.transform == "log":
        return graph.add("Exp", total)
    square = graph.add("Mul", total, total)
    series = graph.sum([total, graph.add("Div", square, 2.0), graph.add("Div", graph.add("Mul", square, total), 6.0)])
    is_small = graph.add("Less", graph.add("Abs", total), 1e-5)
    return graph.add("Where", is_small, series, graph.add("Sub", graph.add("Exp", total), 1.0))
