"""The model as an ONNX graph: one input per column, a row per position.

Reading text is the caller's: levels come as text (trimmed), all else as float64 (true as 1, a date as its seconds since
1970 in UTC); NaN and "" are missing. A row with a value that the model does not take has NaN in every output.
"""

import json
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper

from stages.utils.errors import PipelineError
from tools.translate.head import head
from tools.translate.model import TOTALS, Input, Model, Table
from tools.translate.notation import level_pattern
from tools.translate.onnx_nodes import BOOL, DOUBLE, STRING, Graph, is_text, one_of
from tools.translate.onnx_places import count, find

OPSET, ML_OPSET, IR = 20, 4, 9  # RegexFullMatch came with 20


def to_onnx(model: Model) -> bytes:
    """Write the graph; its outputs are prediction, lower and upper (rows), and contributions (rows × terms).

    Of a rate there are total, total_lower and total_upper (rows) as well.

    Raises:
        PipelineError: a pattern of levels may mean another thing to onnxruntime.
    """
    graph, values, refused = Graph(), [], []
    for place, column in enumerate(model.inputs):
        value, bad = read(graph, column, f"cell_{place}")
        values.append(value)
        refused += bad
    places = [find(graph, axis, model.inputs[axis.input], values[axis.input]) for axis in model.axes]
    parts = [graph.sum([look_up(graph, table, places) for table in term.tables]) for term in model.terms]
    total = graph.sum([model.intercept, *parts])
    bin_ = count(graph, model.edges, total)
    offsets = [graph.add("Gather", np.array(end), bin_) for end in (model.lower, model.upper)]
    if model.factor_limits is not None:
        low, high = model.factor_limits
        wider = graph.sum([0.0, *(look_up(graph, table, places) for table in model.widenings)])
        factor = graph.add("Min", graph.add("Max", graph.add("Exp", wider), low), high)
        offsets = [graph.add("Mul", offset, factor) for offset in offsets]
    if model.exposure is not None and model.exposure_limits is not None:
        least, most = model.exposure_limits
        root = graph.add("Sqrt", graph.add("Min", graph.add("Max", values[model.exposure], least), most))
        offsets = [graph.add("Div", offset, root) for offset in offsets]
    ends = [graph.add("Add", total, offset) for offset in offsets]
    columns = graph.add("Concat", *(graph.add("Unsqueeze", part, np.array([1])) for part in parts), axis=1)
    results = {
        "prediction": graph.add("Mul", back(graph, model, total), model.factor),
        "lower": back(graph, model, ends[0]),
        "upper": back(graph, model, ends[1]),
    }
    if model.exposure is not None:
        results |= {total: graph.add("Mul", results[name], values[model.exposure]) for name, total in TOTALS.items()}
    results["contributions"] = columns
    bad_row = graph.any(refused)
    for name, result in results.items():
        if bad_row is None:
            graph.nodes.append(helper.make_node("Identity", [result], [name]))
            continue
        condition = bad_row if name != "contributions" else graph.add("Unsqueeze", bad_row, np.array([1]))
        graph.nodes.append(helper.make_node("Where", [condition, graph.constant(float("nan")), result], [name]))
    return packed(graph, model)


def packed(graph: Graph, model: Model) -> bytes:
    """Make the file: inputs are named after the columns, the names of the contributions are in the metadata.

    Raises:
        PipelineError: a column has the name of a result.
    """
    names = {f"cell_{place}": column.name for place, column in enumerate(model.inputs)}
    own = {name for node in graph.nodes for name in node.output} | {tensor.name for tensor in graph.constants.values()}
    for taken in own & set(names.values()):
        raise PipelineError(f"column {taken}: the graph has a result of this name; use --to python or rename it")
    for node in graph.nodes:
        node.input[:] = [names.get(name, name) for name in node.input]
    inputs = [
        helper.make_tensor_value_info(column.name, STRING if is_text(column) else DOUBLE, ["rows"])
        for column in model.inputs
    ]
    results = [*TOTALS, *(TOTALS.values() if model.exposure is not None else ())]
    outputs = [helper.make_tensor_value_info(name, DOUBLE, ["rows"]) for name in results]
    outputs.append(helper.make_tensor_value_info("contributions", DOUBLE, ["rows", len(model.terms)]))
    call = (
        "Use: one tensor per column, float64 or text; NaN and '' are missing; a date is its seconds since 1970 in UTC"
    )
    whole = helper.make_model(
        helper.make_graph(graph.nodes, "scorecard", inputs, outputs, list(graph.constants.values())),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
        ir_version=IR,
        producer_name="tools.translate",
        doc_string=head(model, "", call).strip(),
    )
    helper.set_model_props(
        whole, {"scorecard_md5": model.md5, "contributions": json.dumps([t.name for t in model.terms])}
    )
    onnx.checker.check_model(whole)
    return bytes(whole.SerializeToString(deterministic=True))


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


def look_up(graph: Graph, table: Table, places: Sequence[tuple[str, str | None]]) -> str:
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
