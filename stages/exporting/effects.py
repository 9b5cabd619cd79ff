"""The effects of columns and pairs on the prediction, read off the fitted pipeline, for the scorecard."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from stages.exporting.purify import purify
from stages.modelling.axes import UNSEEN, Axis
from stages.modelling.pipeline import pairs_of, weights_of
from stages.pairs.grids import Grid
from stages.utils.arrays import Floats, Places
from webapp.scoring.scorecard import Calendar, Curve, Levels, Surface, SurfaceAxis


@dataclass
class AxisEffect:
    """The effect of one axis: of its own terms, and what purification moved to it from the surfaces of its pairs."""

    axis: Axis
    weights: Floats  # (vertices,)
    moved: list[tuple[Grid, int, Floats]] = field(default_factory=list)  # grid, resolution, weights of its vertices

    def at(self, values: Floats) -> list[float]:
        """Evaluate the effect at each of n values of the axis; it is 0 on average."""
        places, shares = self.axis.hats(values)
        added = (self.weights[places] * shares).sum(axis=1)
        for grid, resolution, weights in self.moved:
            places, shares = grid.hats(values, resolution)
            added = added + (weights[places] * shares).sum(axis=1)
        result: list[float] = added.tolist()
        return result

    @property
    def knots(self) -> Floats:
        """The places where the effect bends."""
        return np.unique(np.concatenate([self.axis.knots, *(grid.knots[r] for grid, r, _ in self.moved)]))


@dataclass(frozen=True)
class Effects:
    """The effects that the model adds to its intercept."""

    columns: dict[str, Curve | Levels | Calendar]
    surfaces: list[Surface]  # in the order of the model's pairs
    axes: list[AxisEffect]


def effects_of(
    model: Pipeline, known_levels: dict[str, list[str]], sample: pd.DataFrame, folds: Sequence[float]
) -> Effects:
    """The effect of every column and of every pair, each of mean 0 over the training rows.

    Args:
        model: a pipeline of train.
        sample: training rows that the standard deviations of the surfaces are taken over.
        folds: for each pair the share of the training sets that chose it.
        known_levels: for a column, levels that the table is to list even if they are rare or unseen.
    """
    pairs = pairs_of(model)
    coef, mean = weights_of(model)
    axes = [AxisEffect(axis, (axis.terms - mean[list(axis.places)]) @ coef[list(axis.places)]) for axis in pairs.axes]
    surfaces, start = [], sum(len(axis.places) for axis in pairs.axes)
    values = [axis.values(sample) for axis in pairs.axes] if pairs.pairs else []
    for pair, rows, share in zip(pairs.pairs, pairs.rows, folds, strict=True):
        weights = np.append(coef[start : start + pair.terms], 0.0)  # -1, a product without a term, adds nothing
        start += pair.terms
        pure = purify(weights[pair.places], rows)
        sides = list(zip(pair.axes, pair.resolutions, (pure.first, pure.second), strict=True))
        grids = [pairs.grids[number] for number in pair.axes]
        for grid, (number, resolution, moved) in zip(grids, sides, strict=True):
            axes[number].moved.append((grid, resolution, moved))
        added = on_surface(pure.surface, [grid.hats(values[axis], r) for grid, axis, r in
                                          zip(grids, pair.axes, pair.resolutions, strict=True)])  # fmt: skip
        surfaces.append(surface_of(grids, pair.resolutions, pure.surface, rows, share, float(added.std())))
    return Effects(column_effects(axes, known_levels), surfaces, axes)


def width_effects(
    axes: list[AxisEffect], coef: Sequence[float], mean: Floats, known_levels: dict[str, list[str]]
) -> dict[str, Curve | Levels | Calendar]:
    """Return how the columns widen the prediction interval, for those that do, with the knots of their effects.

    Args:
        axes: of the columns' effects.
        coef: weights of the columns' terms in the logarithm of the factor on the interval's width; may be empty.
        mean: the terms' means over the training rows.
    """
    weights, widths = np.array(coef), []
    for effect in axes if len(weights) else []:
        places = list(effect.axis.places)
        moved = [(grid, resolution, np.zeros_like(values)) for grid, resolution, values in effect.moved]
        widths.append(AxisEffect(effect.axis, (effect.axis.terms - mean[places]) @ weights[places], moved))
    used = {effect.axis.column for effect in widths if weights[list(effect.axis.places)].any()}
    return column_effects([effect for effect in widths if effect.axis.column in used], known_levels)


def column_effects(
    axes: Sequence[AxisEffect], known_levels: dict[str, list[str]]
) -> dict[str, Curve | Levels | Calendar]:
    """The effect of every column."""
    by_column: dict[str, dict[str | None, AxisEffect]] = {}
    for effect in axes:
        by_column.setdefault(effect.axis.column, {})[effect.axis.part] = effect
    effects: dict[str, Curve | Levels | Calendar] = {}
    for name, parts in by_column.items():
        if None not in parts:
            effects[name] = calendar_effect(parts)
        elif parts[None].axis.is_number:
            effects[name] = curve_effect(parts[None])
        else:
            effects[name] = levels_effect(parts[None], known_levels.get(name, []))
    return effects


def curve_effect(effect: AxisEffect) -> Curve:
    """The curve of a number."""
    knots = effect.knots
    *values, missing = effect.at(np.append(knots, np.nan))
    return Curve(knots=knots.tolist(), values=values, missing=missing)


def levels_effect(effect: AxisEffect, known: list[str]) -> Levels:
    """The table of a column's levels."""
    levels = sorted({*own_levels(effect.axis), *known})
    *values, other, missing = effect.at(effect.axis.vertices_of([*levels, UNSEEN, np.nan]))
    return Levels(values=dict(zip(levels, values, strict=True)), other=other, missing=missing)


def own_levels(axis: Axis) -> list[str]:
    """The levels that are not taken together with unseen ones."""
    return [level for level, code in zip(axis.levels, axis.codes[:-1], strict=True)
            if isinstance(level, str) and code != axis.codes[-1]]  # fmt: skip


def calendar_effect(parts: dict[str | None, AxisEffect]) -> Calendar:
    """The tables of a date's calendar parts and the curve of its trend."""
    tables = {str(part): levels_effect(effect, []) for part, effect in parts.items() if part != "trend"}
    trend = parts.get("trend")
    if trend is None:
        return Calendar(start=None, days=None, **tables)
    return Calendar(start=start_of(trend.axis), days=curve_effect(trend), **tables)


def start_of(axis: Axis) -> str | None:
    """Return the time that the days of a trend are counted from, in ISO text."""
    return None if axis.start is None else axis.start.isoformat()


def on_surface(surface: Floats, sides: list[tuple[Places, Floats]]) -> Floats:
    """Return the amount that a surface (I, J) adds to each of n rows, from the corners around it and their weights."""
    (p1, w1), (p2, w2) = sides
    added: Floats = np.einsum("nij,ni,nj->n", surface[p1[:, :, None], p2[:, None, :]], w1, w2)
    return added


def surface_of(
    grids: Sequence[Grid], resolutions: tuple[int, int], values: Floats, rows: Floats, folds: float, sd: float
) -> Surface:
    """A surface of the scorecard: a side has a place for a missing cell and, if of levels, one for any other level."""
    sides = [side_of(grid, resolution) for grid, resolution in zip(grids, resolutions, strict=True)]
    (first, across), (second, down) = sides
    return Surface(
        axes=(first, second),
        values=(across @ values @ down.T).tolist(),
        rows=(own_rows(across) @ rows @ own_rows(down).T).tolist(),
        folds=folds,
        sd=sd,
    )


def own_rows(weights: Floats) -> Floats:
    """The vertices whose rows count at each place: none at that of missing cells if these are read elsewhere."""
    elsewhere = weights.shape[0] > weights.shape[1] or (weights[-1] == weights[-2]).all()
    return np.vstack([weights[:-1], weights[-1] * (not elsewhere)])


def side_of(grid: Grid, resolution: int) -> tuple[SurfaceAxis, Floats]:
    """Return an axis of a surface for the scorecard, and the weights of the grid's vertices at its places."""
    axis = grid.axis
    if axis.is_number:
        knots, levels = grid.knots[resolution], []
        cells = np.append(knots, np.nan)
    else:
        other = grid.levels[axis.codes[-1]]
        knots = np.empty(0)
        levels = [level for level in own_levels(axis) if grid.locate(axis.vertices_of([level]))[0] != other]
        cells = axis.vertices_of([*levels, UNSEEN, np.nan])
    places, shares = grid.hats(cells, resolution)
    weights = np.zeros((len(cells), grid.vertices(resolution)))
    np.add.at(weights, (np.arange(len(cells))[:, None], places), shares)
    side = SurfaceAxis(column=axis.column, part=axis.part, start=start_of(axis), knots=knots.tolist(), levels=levels)
    return side, weights
