"""The geometry of the heat map of a pair of columns: what they add together, where training has rows, and the row."""

import datetime
from collections.abc import Mapping
from itertools import groupby
from typing import NamedTuple

from webapp.scoring.effects import Cell, as_datetime, calendar_level, days_since
from webapp.scoring.grammar import as_level
from webapp.scoring.scorecard import Scorecard, Surface, SurfaceAxis
from webapp.scoring.scorer import Place, gaps_of, on_surface, place_reader
from webapp.views.charts import Label, Scale, amount_of, draw_ticks, pair_title
from webapp.views.effects import PARTS, is_whole

PIXELS = 20  # along a number
SHADES = 5  # of each colour
MOST_NAMES = 13  # levels that are named down a side
LINE = 32  # characters that fit across on a phone
LENGTHS = 6, 11  # of a name, at least and at most


class Side(NamedTuple):
    """One side of the map: cells of equal width, at these places of the surface."""

    title: str
    places: list[Place]
    labels: list[Label]
    here: float | None  # percent along it


class HeatMap(NamedTuple):
    """The map, in a box as many units wide and high as it has cells; equal cells are one path."""

    title: str
    across: Side
    up: Side  # downwards, as SVG counts
    paths: list[tuple[str, str]]  # class and outline
    lowest: str
    highest: str
    amount: str  # of the row


def draw_surface(card: Scorecard, surface: Surface, row: Mapping[str, Cell], amount: float) -> HeatMap:
    """Draw a surface, with the row on it; `amount` is what the pair adds to the row."""
    first, second = (make_side(card, surface, row, number) for number, axis in enumerate(surface.axes))
    if all(axis.knots for axis in surface.axes):
        second = upwards(second)
    matrix, gaps = surface.values, gaps_of(surface)
    values = [[on_surface(matrix, i, j) for i in first.places] for j in second.places]
    blanks = [[on_surface(gaps, i, j) > 0 for i in first.places] for j in second.places]
    if is_upright(surface):
        first, second = second, first
        values, blanks = ([list(line) for line in zip(*table, strict=True)] for table in (values, blanks))
    known = [
        value
        for line, counts in zip(surface.values, surface.rows, strict=True)
        for value, count in zip(line, counts, strict=True)
        if count > 0
    ]
    limit = max(map(abs, known), default=0.0)
    outlines: dict[str, list[str]] = {}
    for y, (line, hidden) in enumerate(zip(values, blanks, strict=True)):
        x = 0
        shades = ["blank" if is_blank else shade_of(value, limit) for value, is_blank in zip(line, hidden, strict=True)]
        for shade, run in groupby(shades):
            width = len(list(run))
            outlines.setdefault(shade, []).append(f"M{x} {y}h{width}v1h-{width}z")
            x += width
    outlines.pop("", None)
    paths = [(shade, "".join(outlines[shade])) for shade in sorted(outlines)]
    lowest, highest = (amount_of(card.target, end) for end in (min(known, default=0.0), max(known, default=0.0)))
    return HeatMap(pair_title(card, surface), first, second, paths, lowest, highest, amount_of(card.target, amount))


def is_upright(surface: Surface) -> bool:
    """Tell whether the first side goes up: numbers go across before levels, many levels before few."""
    first, second = surface.axes
    if bool(first.levels) != bool(second.levels):
        return bool(first.levels)
    return len(first.levels) < len(second.levels)


def shade_of(value: float, limit: float) -> str:
    """Name the class of a cell, by the sign and the size of what it adds; none where that is about zero."""
    shade = round(abs(value) / limit * SHADES) if limit else 0
    return f"{'negative' if value < 0 else 'positive'} shade-{shade}" if shade else ""


def make_side(card: Scorecard, surface: Surface, row: Mapping[str, Cell], number: int) -> Side:
    """Lay out one side of a surface, its first (0) or its second (1)."""
    axis = surface.axes[number]
    column = next(column for column in card.columns if column.name == axis.column)
    title = (column.title or column.name) + (f": {axis.part}" if axis.part else "")
    cell = row.get(axis.column)
    if axis.knots:
        start = None if axis.start is None else as_datetime(axis.start)
        x = cell if start is None else days_since(as_datetime(cell), start)
        title += f" ({column.unit})" if column.unit else f", days since {axis.start[:10]}" if axis.start else ""
        return number_side(axis, start, title, None if x is None else float(x))  # type: ignore[arg-type]
    labels = PARTS.get(axis.part or "", column.labels)
    level = as_level(cell) if axis.part is None and cell is not None else calendar_level(cell, axis.part)
    lines = surface.rows if number == 0 else list(zip(*surface.rows, strict=True))
    is_across = is_upright(surface) == bool(number)
    return level_side(axis, [sum(line) for line in lines], labels, title, level, is_across)


def number_side(axis: SurfaceAxis, start: datetime.datetime | None, title: str, x: float | None) -> Side:
    """Lay out the range of a number; a missing cell is not on it."""
    scale, read = Scale(axis.knots[0], axis.knots[-1]), place_reader(axis)
    steps = [scale.low + (scale.high - scale.low) * (pixel + 0.5) / PIXELS for pixel in range(PIXELS)]
    places = [read(step if start is None else start + datetime.timedelta(days=step)) for step in steps]
    return Side(title, places, draw_ticks(scale, 4), None if x is None else scale.at(x))


def level_side(
    axis: SurfaceAxis, rows: list[float], labels: Mapping[str, str], title: str, here: str | None, is_across: bool
) -> Side:
    """Lay out levels, whole numbers in their order; others and missing cells where training or the row has them."""
    order = list(range(len(axis.levels)))
    if all(map(is_whole, axis.levels)):
        order.sort(key=lambda place: int(axis.levels[place]))
    now = len(order) + 1 if here is None else axis.levels.index(here) if here in axis.levels else len(order)
    order += [place for place in (len(order), len(order) + 1) if rows[place] > 0 or place == now]
    names = [*(labels.get(level, level) for level in axis.levels), "other", "missing"]
    longest = min(max(LINE // len(order) - 1, LENGTHS[0]), LENGTHS[1]) if is_across else LENGTHS[1]
    names = [name if len(name) <= longest else f"{name[: longest - 1]}…" for name in names]
    widest = max(len(names[place]) for place in order) + 2
    step = -(-len(order) * widest // LINE) if is_across else -(-len(order) // MOST_NAMES)
    middles = {place: round((number + 0.5) / len(order) * 100, 3) for number, place in enumerate(order)}
    shown = [Label(middles[place], names[place], "middle") for place in order[::step]]
    return Side(title, [(place, 0.0) for place in order], shown, middles[now])


def upwards(side: Side) -> Side:
    """Turn a side of a number, so that larger ones are higher."""
    labels = [Label(round(100 - label.at, 3), label.text, label.anchor) for label in side.labels]
    return Side(side.title, side.places[::-1], labels, None if side.here is None else 100 - side.here)
