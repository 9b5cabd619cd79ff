"""Building an ONNX graph: nodes, constants and what reading and places share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tools.translate.model import Input

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


def one_of(graph: Graph, value: str, values: Sequence[float]) -> str:
    """Tell whether a number is one of some numbers."""
    same = graph.add("Equal", graph.add("Unsqueeze", value, np.array([1])), np.array([values]))
    return graph.add(
        "Cast", graph.add("ReduceMax", graph.add("Cast", same, to=INT64), np.array([1]), keepdims=0), to=BOOL
    )


def is_text(column: Input) -> bool:
    """Tell whether an input is a tensor of text."""
    return column.kind == "level" and not column.whole
