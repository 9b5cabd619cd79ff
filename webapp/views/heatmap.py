"""The geometry of the heat map of a pair of columns: what they add together, where training has rows, and the row."""

import datetime
import math
from collections.abc import Mapping, Sequence
from itertools import chain, groupby
from typing import NamedTuple, TypeVar

from webapp.scoring.effects import Cell, as_datetime, days_since
from webapp.scoring.scorecard import Scorecard, Surface, SurfaceAxis
from webapp.scoring.scorer import Place, gaps_of, on_surface, place_reader
from webapp.views.charts import Label, Scale, amount_of, axis_title, draw_ticks, pair_title
from webapp.views.effects import PARTS, is_whole

T = TypeVar("T")
PIXELS = 20  # along a number
SHADES = 5  # of each colour
SIZES = 4  # of the dots that stand for training rows
TABLE = 8  # levels of either side, up to which it is a table instead of a map
MOST_NAMES = 13  # levels that are named down a side
LINE = 32  # characters that fit across on a phone
LENGTHS = 6, 11  # of a name, at least and at most


class Side(NamedTuple):
    """One side of the map: cells of equal width, at these places of the surface."""

    title: str
    places: list[Place]
    names: list[str]  # of its levels
    labels: list[Label]
    middles: dict[int, float]  # where each place of the surface is along it, in percent
    here: float | None  # where the row is


class TableCell(NamedTuple):
    """A cell of a table: its class, what the pair adds there, and its training rows."""

    shade: str
    amount: str
    rows: str


class HeatMap(NamedTuple):
    """The map, in a box as many units wide and high as it has cells; equal cells are one path."""

    title: str
    across: Side
    up: Side  # downwards, as SVG counts
    paths: list[tuple[str, str]]  # class and outline
    lowest: str
    highest: str
    amount: str = ""  # of the row
    dots: Sequence[tuple[str, str]] = ()  # of training rows: class and path, in a box of 100 by 100
    table: Sequence[Sequence[TableCell]] = ()  # instead of the map, where the levels are few


def draw_surface(card: Scorecard, surface: Surface, row: Mapping[str, Cell] | None, amount: float = 0.0) -> HeatMap:
    """Draw a surface.

    With a row it is drawn on it, and `amount` is what the pair adds to the row. Without one the training rows are: as
    dots, or as numbers in a table of few levels.
    """
    title = pair_title(card, surface)
    if goes_up(surface):
        axes, values, rows = surface.axes[::-1], transposed(surface.values), transposed(surface.rows)
        surface = surface.model_copy(update={"axes": axes, "values": values, "rows": rows})
    across, up = (make_side(card, surface, row, number) for number in (0, 1))
    if all(axis.knots for axis in surface.axes):
        up = upwards(up)
    cells = zip(chain(*surface.values), chain(*surface.rows), strict=True)
    known = [value for value, count in cells if count > 0] or [0.0]
    limit, gaps, rows = max(map(abs, known)), gaps_of(surface), transposed(surface.rows)
    values = [[on_surface(surface.values, i, j) for i in across.places] for j in up.places]
    shades = [
        [
            "blank" if on_surface(gaps, i, j) > 0 else shade_of(value, limit)
            for i, value in zip(across.places, line, strict=True)
        ]
        for j, line in zip(up.places, values, strict=True)
    ]
    lowest, highest = (amount_of(card.target, end) for end in (min(known), max(known)))
    drawn = HeatMap(title, across, up, outline(shades), lowest, highest)
    if row is not None:
        return drawn._replace(amount=amount_of(card.target, amount))
    if not (0 < len(across.names) <= TABLE and 0 < len(up.names) <= TABLE):
        return drawn._replace(dots=draw_dots(rows, across, up))
    if len(across.names) > len(up.names):  # fewer across, as a phone is narrow
        across, up = up, across
        values, shades, rows = transposed(values), transposed(shades), transposed(rows)
    table = [
        [
            TableCell(shade, "–" if shade == "blank" else amount_of(card.target, value), f"{rows[j][i]:,.0f}")
            for (i, _), shade, value in zip(across.places, shades[y], values[y], strict=True)
        ]
        for y, (j, _) in enumerate(up.places)
    ]
    return drawn._replace(across=across, up=up, table=table)


def transposed(table: Sequence[Sequence[T]]) -> list[list[T]]:
    """Swap the rows and the columns of a table."""
    return [list(line) for line in zip(*table, strict=True)]


def outline(shades: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """Join the cells of each class into one path."""
    outlines: dict[str, list[str]] = {}
    for y, line in enumerate(shades):
        x = 0
        for shade, run in groupby(line):
            width = len(list(run))
            outlines.setdefault(shade, []).append(f"M{x} {y}h{width}v1h-{width}z")
            x += width
    outlines.pop("", None)
    return [(shade, "".join(outlines[shade])) for shade in sorted(outlines)]


def draw_dots(rows: Sequence[Sequence[float]], across: Side, up: Side) -> list[tuple[str, str]]:
    """Draw a dot for the training rows at each place of the surface: the larger, the more."""
    most = max(map(max, rows))
    dots: dict[str, list[str]] = {}
    for j, y in up.middles.items():
        for i, x in across.middles.items():
            if rows[j][i] > 0:
                size = math.ceil(math.sqrt(rows[j][i] / most) * SIZES)
                dots.setdefault(f"rows-{size}", []).append(f"M{x:g} {y:g}h0")
    return [(size, "".join(dots[size])) for size in sorted(dots)]


def goes_up(surface: Surface) -> bool:
    """Tell whether the first side goes up: numbers go across before levels, many levels before few."""
    first, second = surface.axes
    if bool(first.levels) != bool(second.levels):
        return bool(first.levels)
    return len(first.levels) < len(second.levels)


def shade_of(value: float, limit: float) -> str:
    """Name the class of a cell, by the sign and the size of what it adds; none where that is about zero."""
    shade = round(abs(value) / limit * SHADES) if limit else 0
    return f"{'negative' if value < 0 else 'positive'} shade-{shade}" if shade else ""


def make_side(card: Scorecard, surface: Surface, row: Mapping[str, Cell] | None, number: int) -> Side:
    """Lay out the side of a surface that goes across (0) or up (1), with the row on it if there is one."""
    axis = surface.axes[number]
    column = next(column for column in card.columns if column.name == axis.column)
    title = axis_title(card, axis)
    cell = None if row is None else row.get(axis.column)
    if axis.knots:
        start = None if axis.start is None else as_datetime(axis.start)
        x = cell if start is None else days_since(as_datetime(cell), start)
        title += f" ({column.unit})" if column.unit else f", days since {axis.start[:10]}" if axis.start else ""
        return number_side(axis, start, title, None if x is None else float(x))  # type: ignore[arg-type]
    labels = PARTS.get(axis.part or "", column.labels)
    now = None if row is None else place_reader(axis)(cell)[0]
    lines = transposed(surface.rows) if number else surface.rows
    return level_side(axis, [sum(line) for line in lines], labels, title, now, is_across=number == 0)


def number_side(axis: SurfaceAxis, start: datetime.datetime | None, title: str, x: float | None) -> Side:
    """Lay out the range of a number; a missing cell is not on it."""
    scale, read = Scale(axis.knots[0], axis.knots[-1]), place_reader(axis)
    steps = [scale.low + (scale.high - scale.low) * (pixel + 0.5) / PIXELS for pixel in range(PIXELS)]
    places = [read(step if start is None else start + datetime.timedelta(days=step)) for step in steps]
    middles = {place: scale.at(knot) for place, knot in enumerate(axis.knots)}
    return Side(title, places, [], draw_ticks(scale, 4), middles, None if x is None else scale.at(x))


def level_side(
    axis: SurfaceAxis, rows: list[float], labels: Mapping[str, str], title: str, now: int | None, is_across: bool
) -> Side:
    """Lay out levels, whole numbers in their order; others and missing cells where training or the row has them."""
    order = list(range(len(axis.levels)))
    if all(map(is_whole, axis.levels)):
        order.sort(key=lambda place: int(axis.levels[place]))
    order += [place for place in (len(order), len(order) + 1) if rows[place] > 0 or place == now]
    names = [*(labels.get(level, level) for level in axis.levels), "other", "missing"]
    longest = min(max(LINE // len(order) - 1, LENGTHS[0]), LENGTHS[1]) if is_across else LENGTHS[1]
    cut = [name if len(name) <= longest else f"{name[: longest - 1]}…" for name in names]
    widest = max(len(cut[place]) for place in order) + 2
    step = -(-len(order) * widest // LINE) if is_across else -(-len(order) // MOST_NAMES)
    middles = {place: round((number + 0.5) / len(order) * 100, 3) for number, place in enumerate(order)}
    shown = [Label(middles[place], cut[place], "middle") for place in order[::step]]
    places = [(place, 0.0) for place in order]
    return Side(title, places, [names[place] for place in order], shown, middles, None if now is None else middles[now])


def upwards(side: Side) -> Side:
    """Turn a side of a number, so that larger ones are higher."""
    labels = [Label(round(100 - label.at, 3), label.text, label.anchor) for label in side.labels]
    middles = {place: round(100 - at, 3) for place, at in side.middles.items()}
    here = None if side.here is None else 100 - side.here
    return Side(side.title, side.places[::-1], side.names, labels, middles, here)
