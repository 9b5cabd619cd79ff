"""Compare two scorecards column by column, as plain JSON: an older one may have an older form."""

from collections.abc import Iterator
from typing import Any

import numpy as np

Effect = dict[str, Any]


def describe_changes(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Write a Markdown table: the range of each column's contributions, before and now, and the largest change."""
    before, now = ({column["name"]: column for column in card["columns"]} for card in (old, new))
    rows = []
    for name in dict.fromkeys([*now, *before]):
        a, b = before.get(name), now.get(name)
        if a is None or b is None:
            spread_a, spread_b = (f"{spread(c['effect']):.4g}" if c else "" for c in (a, b))
            rows.append(f"| {name} | {spread_a} | {spread_b} | {'new' if a is None else 'removed'} |")
        elif a != b:
            change, place = largest_change(a["effect"], b["effect"])
            changed = "its share in the interval's width" if a.get("width") != b.get("width") else "its description"
            what = f"{change:+.4g} at {place}" if change else changed
            rows.append(f"| {name} | {spread(a['effect']):.4g} | {spread(b['effect']):.4g} | {what} |")
    same = len(now.keys() & before.keys()) - sum(a != b for name in now if (a := before.get(name)) and (b := now[name]))
    rows += list(surface_rows(old, new))
    lines = [f"Intercept {old['intercept']:.6g} → {new['intercept']:.6g}; {same} of {len(now)} columns as before."]
    units = [exposure["name"] if (exposure := card.get("exposure")) else "none" for card in (old, new)]
    if units[0] != units[1]:
        lines[0] += f" Exposure {units[0]} → {units[1]}."
    if rows:
        lines += ["", "| column | spread before | now | largest change |", "|---|---|---|---|", *rows]
    return "\n".join(lines)


def surface_rows(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """A row for each pair of columns that is new, removed or changed; a scorecard of version 1 has none."""
    before, now = ({pair_name(pair): pair for pair in card.get("surfaces", [])} for card in (old, new))
    for name in dict.fromkeys([*now, *before]):
        a, b = before.get(name), now.get(name)
        if a == b:
            continue
        spreads = [f"{surface_spread(pair):.4g}" if pair else "" for pair in (a, b)]
        if a is None or b is None:
            what = "new" if a is None else "removed"
        elif a["axes"] != b["axes"]:
            what = "other knots or levels"
        else:
            cells = [y - x for r, s in zip(a["values"], b["values"], strict=True) for x, y in zip(r, s, strict=True)]
            what = f"{max(cells, key=abs):+.4g}"
        yield f"| {name} | {spreads[0]} | {spreads[1]} | {what} |"


def pair_name(surface: dict[str, Any]) -> str:
    """The columns of a pair, with the part of a date."""
    return " × ".join(".".join(filter(None, (axis["column"], axis["part"]))) for axis in surface["axes"])


def surface_spread(surface: dict[str, Any]) -> float:
    """Return the difference between a pair's largest and smallest contribution."""
    values = [value for row in surface["values"] for value in row]
    return float(max(values) - min(values))


def spread(effect: Effect) -> float:
    """Return the distance between the largest and the smallest contribution."""
    values = [value for _, value in points(effect, effect)]
    return max(values) - min(values)


def largest_change(old: Effect, new: Effect) -> tuple[float, str]:
    """Return the largest change of a contribution, and the value of the column where it happens."""
    if old["kind"] != new["kind"]:
        return spread(new) - spread(old), f"all: {old['kind']} became {new['kind']}"
    changes = zip(points(old, new), points(new, old), strict=True)
    return max(((b - a, place) for (place, a), (_, b) in changes), key=lambda change: abs(change[0]))


def points(effect: Effect, other: Effect, at: str = "") -> Iterator[tuple[str, float]]:
    """Yield every knot or level that either of two effects of a kind has, with the contribution of `effect` there."""
    if effect["kind"] == "curve":
        for x in sorted({*effect["knots"], *other["knots"]}):
            yield f"{at}{x:.4g}", float(np.interp(x, effect["knots"], effect["values"]))
    elif effect["kind"] == "levels":
        for level in sorted({*effect["values"], *other["values"]}):
            yield f"{at}{level}", effect["values"].get(level, effect["other"])
        yield f"{at}other levels", effect["other"]
    else:
        for part in ("days", "month", "weekday", "hour"):
            if effect[part] and other[part]:
                yield from points(effect[part], other[part], f"{part} ")
        return
    yield f"{at}missing", effect["missing"]
