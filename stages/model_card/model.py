"""Sections of the model card on the model itself: its effects, and how to make it again."""

import math
from typing import Any

from stages.model_card.markdown import code, figure, plain, table
from stages.table.schema import TableSchema
from stages.utils.yaml_files import Settings


def effects(schema: TableSchema, served: dict[str, Any]) -> str:
    """How far each column can move the prediction."""
    rows = []
    show = factor if served["target"]["transform"] == "log" else figure
    for column in served["columns"]:
        added = ends_of(column["effect"], schema.column(column["name"]).labels)
        low, high = min(added), max(added)
        rows.append((low[0] - high[0], code(column["name"]), plain(schema.column(column["name"]).label), *low, *high))
    lines = [
        (name, label, show(low), at_low, show(high), at_high)
        for _, name, label, low, at_low, high, at_high in sorted(rows)
    ]
    if served["target"]["transform"] == "log":
        what = f"What each column multiplies the typical prediction of {figure(math.exp(served['intercept']))} by"
    else:
        what = f"What each column adds to the mean prediction of {figure(served['intercept'])}"
    return (
        f"{what}, the widest range first; beyond the first and last knot of its curve a number has no further "
        "effect.\n\n" + table(["column", "", "least:", "at", "most:", "at"], lines)
    )


def factor(logarithm: float) -> str:
    """`× 1.12`, for what is added to the logarithm of the prediction."""
    return f"× {figure(math.exp(logarithm))}"


def ends_of(effect: dict[str, Any], labels: dict[str, str]) -> list[tuple[float, str]]:
    """What a column adds, and where: at each knot, for each level, or the sums of a date's parts at their ends."""
    if effect["kind"] == "curve":
        return [(value, figure(knot)) for knot, value in zip(effect["knots"], effect["values"], strict=True)]
    if effect["kind"] == "levels":
        named = [(value, plain(labels.get(level, level))) for level, value in effect["values"].items()]
        return [*named, (effect["other"], "any other")]
    parts = [
        [(value, f"{part} {level}") for level, value in effect[part]["values"].items()]
        for part in ("month", "weekday", "hour")
    ]
    if effect["days"]:
        knots = zip(effect["days"]["knots"], effect["days"]["values"], strict=True)
        parts.append([(value, f"day {knot:.0f} since {effect['start'][:10]}") for knot, value in knots])
    telling = [part for part in parts if len({value for value, _ in part}) > 1]
    least, most = ([pick(part, key=lambda end: end[0]) for part in telling] for pick in (min, max))
    return [(sum(value for value, _ in ends), ", ".join(at for _, at in ends) or "any") for ends in (least, most)]


def reproduce(sections: dict[str, Settings], hashes: dict[str, str]) -> str:
    """How to make the model again, and how to tell that it is the same one."""
    settings = [
        (code(f"{section}.{key}"), code(value))
        for section, model in sections.items()
        for key, value in model.model_dump(mode="json").items()
        if not isinstance(value, dict)
    ]
    made = [(code(path), code(md5)) for path, md5 in hashes.items()]
    return (
        "Check out the commit that holds this card and run\n\n```\nmake repro\n```\n\n"
        "`dvc.lock` pins every input and output; on the platform that README.md names the bytes are the same:\n\n"
        f"{table(['file', 'md5'], made)}\n\nwith these settings:\n\n{table(['params.yaml', 'value'], settings)}"
    )
