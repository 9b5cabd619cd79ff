"""Finding places on axes in an ONNX graph."""

from collections.abc import Sequence

import numpy as np

from tools.translate.model import Axis, Input
from tools.translate.onnx_nodes import INT64, Graph, is_text


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
    segment = graph.add("Min", place, len(knots) - 2)
    way = graph.add("Sub", known, graph.add("Gather", knots, segment))
    share = graph.add("Div", way, graph.add("Gather", np.diff(knots), segment))
    inside = graph.add(
        "And", graph.add("GreaterOrEqual", known, axis.knots[0]), graph.add("Less", known, axis.knots[-1])
    )
    outside = graph.add("Or", missing, graph.add("Not", inside))
    return found, graph.add("Where", graph.add("Or", missing, outside), 0.0, share)


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
