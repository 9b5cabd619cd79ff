"""Surfaces of pairs as report draws them: what the scorer reads, on the right axes, for every kind of side."""

import calendar
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.plotting.report.importance import draw_importance
from stages.plotting.report.pair_effects import PIXELS, PairEffect, pair_effects
from stages.plotting.report.surfaces import draw_surfaces, typical_limit
from stages.plotting.style import save, save_pages
from stages.table.schema import TableSchema
from tests.helpers.pictures import check_picture
from webapp.scoring.scorecard import Surface, SurfaceAxis
from webapp.scoring.scorer import surface_reader

FIELDS: list[dict[str, Any]] = [
    {"name": "size", "type": "number", "unit": "m²"},
    {"name": "hour", "type": "integer", "categories": list(range(24))},
    {"name": "day", "type": "integer", "categories": [{"value": 0, "label": "weekend"}, {"value": 1, "label": "work"}]},
    {"name": "when", "type": "datetime", "title": "Start"},
    {"name": "y", "type": "number", "role": "target"},
]
SCHEMA = TableSchema.model_validate({"fields": FIELDS})
ROWS = 200
RANDOM = np.random.default_rng(0)
MIDDLES = (RANDOM.integers(0, PIXELS, ROWS) + 0.5) / PIXELS  # of pixels, where a drawn surface is exact
SAMPLE = pd.DataFrame(
    {
        "size": 10 * MIDDLES,
        "hour": pd.Series(RANDOM.integers(0, 24, ROWS).astype(str), dtype="str"),
        "day": pd.Series(RANDOM.choice(["0", "1", "2", None], ROWS), dtype="str"),
        "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(375 * RANDOM.permutation(MIDDLES), "D"),
    }
)
SAMPLE.loc[:5, "size"] = np.nan
SIZE = SurfaceAxis(column="size", part=None, start=None, knots=[0.0, 1.0, 10.0], levels=[])
TREND = SurfaceAxis(column="when", part="trend", start="2024-01-01T00:00:00", knots=[0.0, 200.0, 375.0], levels=[])
HOUR = SurfaceAxis(column="hour", part=None, start=None, knots=[], levels=sorted(map(str, range(24))))
DAY = SurfaceAxis(column="day", part=None, start=None, knots=[], levels=["0", "1"])
WEEKDAY = SurfaceAxis(column="when", part="weekday", start=None, knots=[], levels=[str(day) for day in range(7)])


def make_surface(first: SurfaceAxis, second: SurfaceAxis, sd: float = 1.0) -> Surface:
    """A surface of random values; no training row is at its first corner."""
    shape = first.places, second.places
    rows = np.full(shape, 5.0)
    rows[0, 0] = 0
    return Surface(
        axes=(first, second), values=RANDOM.normal(size=shape).tolist(), rows=rows.tolist(), folds=0.5, sd=sd
    )


def laid_out(*surfaces: Surface) -> list[PairEffect]:
    return pair_effects(list(surfaces), [list(surfaces), []], SAMPLE, SCHEMA)


@pytest.mark.parametrize(
    ("first", "second", "across", "up"),
    [
        (SIZE, DAY, "size (m²)", ["weekend", "work", "other levels", "missing"]),
        (DAY, SIZE, "size (m²)", ["weekend", "work", "other levels", "missing"]),
        (DAY, HOUR, "hour", ["weekend", "work", "other levels", "missing"]),
        (WEEKDAY, SIZE, "size (m²)", [*calendar.day_name, "other levels", "missing"]),
        (SIZE, TREND, "size (m²)", []),
    ],
)
def test_a_surface_is_what_the_scorer_reads(
    first: SurfaceAxis, second: SurfaceAxis, across: str, up: list[str]
) -> None:
    surface = make_surface(first, second)
    [effect] = laid_out(surface)
    assert effect.across.label == across
    assert effect.up.names == up
    assert (effect.chosen, len(effect.folds)) == (1, 2)
    read, compared = surface_reader([surface]), 0
    for row, (x, y) in enumerate(zip(effect.across.cells, effect.up.cells, strict=True)):
        if not np.isnan(x + y):
            place = tuple(int(np.searchsorted(side.edges, at)) - 1 for side, at in ((effect.across, x), (effect.up, y)))
            cells = {name: None if pd.isna(cell) else cell for name, cell in SAMPLE.loc[row].items()}
            parts, _ = read(cells)  # type: ignore[arg-type]
            if not np.isnan(effect.values[place]):
                assert effect.values[place] == pytest.approx(parts[surface.name], abs=1e-9)
                compared += 1
    assert compared > 0.9 * ROWS
    assert (np.isnan(effect.values) == (effect.rows == 0)).all()


@pytest.mark.slow
def test_pictures_of_surfaces_are_drawn(tmp_path: Path) -> None:
    pairs = [(SIZE, TREND), (TREND, HOUR), (HOUR, DAY), (DAY, WEEKDAY), (SIZE, DAY)]
    effects = laid_out(*(make_surface(*pair, sd=n / 10) for n, pair in enumerate(pairs)))
    assert [effect.weight for effect in effects] == [0.4, 0.3, 0.2, 0.1, 0.0], "strongest first"
    for transform in ("none", "sqrt", "log", "log1p"):
        save_pages(draw_surfaces(effects, transform, pages=1), tmp_path, f"surfaces_{transform}")
        save(draw_importance([], effects, "y", transform), tmp_path / f"importance_{transform}.png")
    for path in tmp_path.iterdir():
        check_picture(path)
    assert draw_surfaces([], "none", pages=1) == []


def test_colours_end_where_nearly_all_rows_do() -> None:
    surface = make_surface(DAY, HOUR)
    wild = np.array(surface.values)
    wild[1, 24] = 1000.0  # of an hour that no row of the sample has
    [effect] = laid_out(surface.model_copy(update={"values": wild.tolist()}))
    assert 0.5 < typical_limit(effect) < 5
