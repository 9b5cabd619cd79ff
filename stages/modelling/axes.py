"""Axes: the feature map taken apart into columns of numbers that numpy can expand, with a few nonzeros per row.

An axis is a number, a table of levels, the trend of a date or one of its calendar parts. It has vertices (the knots of
a number and a missing cell; the levels that the map tells apart), and every row is a weighted mean of at most two of
them. A term of the map is linear between the vertices, so its moments follow from those of the vertices.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder

from stages.modelling.feature_map import (
    CALENDAR,
    SIGNS,
    blocks,
    calendar_levels,
    calendar_numbers,
    days_since,
    transformer_of,
)
from stages.utils.arrays import Floats, Places

UNSEEN = "\x00 a level that no table has"


@dataclass(frozen=True)
class Axis:
    """One axis: how its values are read from a typed table, and its terms at each of its vertices."""

    column: str
    part: str | None  # of a date: trend, month, weekday or hour
    start: pd.Timestamp | None  # of a trend: where its days are counted from
    knots: Floats  # (k,), ascending, of a number; empty for levels
    fill: float | None  # of a number: what stands for a missing cell; None if that is a vertex of its own
    levels: list[str]  # of levels: those that the encoder knows, in its order
    codes: Places  # (levels + 1,): vertex of each level, and last of an unseen one
    terms: Floats  # (vertices, p): the terms of the map at each vertex
    places: range  # positions of these p terms in the output of the map

    @property
    def name(self) -> str:
        """The column, and the part of a date."""
        return self.column if self.part is None else f"{self.column}.{self.part}"

    @property
    def is_number(self) -> bool:
        """True if it has knots; otherwise it has levels."""
        return len(self.knots) > 0

    def values(self, frame: pd.DataFrame) -> Floats:
        """The axis's value in each row (n,): a number (NaN where missing), or the vertex of a level."""
        cells = frame[self.column]
        if self.start is not None:
            return days_since(cells.to_frame(), self.start)[:, 0]
        if self.is_number:
            return cells.to_numpy(np.float64)
        codes, distinct = pd.factorize(cells if self.part is None else calendar_numbers(cells, self.part),
                                       use_na_sentinel=False)  # fmt: skip
        return self.vertices_of(distinct if self.part is None else calendar_levels(distinct))[codes]

    def vertices_of(self, cells: Any) -> Floats:
        """The vertex of each of n levels, (n,)."""
        places = pd.Index(np.array(self.levels, object)).get_indexer(pd.Index(np.array(cells, object)))
        found: Floats = self.codes[places].astype(np.float64)  # -1, not found: the last one
        return found

    def hats(self, values: Floats) -> tuple[Places, Floats]:
        """The vertices that each row lies between and their weights, each (n, 2) for a number, (n, 1) for levels."""
        if not self.is_number:
            return values.astype(np.intp)[:, None], np.ones((len(values), 1))
        return between(values if self.fill is None else np.where(np.isnan(values), self.fill, values), self.knots)


def between(values: Floats, knots: Floats) -> tuple[Places, Floats]:
    """The two knots beside each number and their weights, each (n, 2); a missing number is vertex len(knots)."""
    missing = np.isnan(values)
    values = np.clip(np.where(missing, knots[0], values), knots[0], knots[-1])
    last = max(len(knots) - 2, 0)
    left = np.clip(np.searchsorted(knots, values, side="right") - 1, 0, last)
    right = np.minimum(left + 1, len(knots) - 1)
    width = np.where(right > left, knots[right] - knots[left], 1.0)
    share = (values - knots[left]) / width
    left, right = np.where(missing, len(knots), left), np.where(missing, len(knots), right)
    return np.stack([left, right]).T, np.stack([1 - share, share]).T  # so that a column of either is contiguous


class Place(NamedTuple):
    """An axis in the map: its transformer and the positions of its terms."""

    column: str
    part: str | None
    start: pd.Timestamp | None
    transformer: Any
    terms: range


def places_of(feature_map: ColumnTransformer) -> Iterator[Place]:
    """The axes' places in a fitted feature map, in the order of its terms."""
    for position, (column, block) in enumerate(blocks(feature_map).items()):
        transformer = transformer_of(feature_map, position)
        if isinstance(transformer, OneHotEncoder) or "known" in transformer.named_transformers_:
            yield Place(column, None, None, transformer, block)
            continue
        for part in (name for name in ("trend", *CALENDAR) if name in transformer.output_indices_):
            place, inner = transformer.output_indices_[part], transformer.named_transformers_[part]
            start = inner[0].kw_args["start"] if part == "trend" else None
            yield Place(column, part, start, inner[-1], range(block.start + place.start, block.start + place.stop))


def axes_of(feature_map: ColumnTransformer) -> list[Axis]:
    """The axes of a fitted feature map, in the order of its terms."""
    return [
        level_axis(place)
        if isinstance(place.transformer, OneHotEncoder)
        else ordered_axis(place)
        if "codes" in place.transformer.named_transformers_["known"].named_steps
        else number_axis(place)
        for place in places_of(feature_map)
    ]


def with_terms_of(feature_map: ColumnTransformer, axes: list[Axis]) -> list[Axis]:
    """The axes with the terms that another map, of fewer knots among theirs, has at their vertices."""
    return [
        replace(
            axis, places=place.terms, terms=at_knots(place.transformer, axis.knots) if axis.is_number else axis.terms
        )
        for axis, place in zip(axes, places_of(feature_map), strict=True)
    ]


def number_axis(place: Place) -> Axis:
    """The axis of a number: its knots are where the line is clipped and where the curve bends."""
    known = place.transformer.named_transformers_["known"]
    clip = known["clip"].kw_args
    bends = [
        curve.knots.ravel() if name == "curve" else curve.kw_args["knots"]
        for name, curve in known["terms"].named_transformers_.items()
        if name in ("curve", *SIGNS)
    ]
    knots = np.unique(np.concatenate([[clip["a_min"], clip["a_max"]], *bends]))
    has_term = "missing" in place.transformer.named_transformers_
    return Axis(
        column=place.column,
        part=place.part,
        start=place.start,
        knots=knots,
        fill=None if has_term else float(known["impute"].statistics_[0]),
        levels=[],
        codes=np.empty(0, np.intp),
        terms=at_knots(place.transformer, knots),
        places=place.terms,
    )


def at_knots(transformer: Any, knots: Floats) -> Floats:
    """The terms of a number at each knot, and last of a missing cell."""
    return expand(transformer, np.append(knots, np.nan))


def level_axis(place: Place) -> Axis:
    """The axis of a table of levels: a vertex for each term of the encoder and one for a level without a term."""
    levels = list(place.transformer.categories_[0])
    encoded = expand(place.transformer, pd.Series([*levels, UNSEEN], dtype="str"))
    p = encoded.shape[1]
    codes = np.where(encoded.any(axis=1), encoded.argmax(axis=1), p)
    return Axis(
        column=place.column,
        part=place.part,
        start=None,
        knots=np.empty(0),
        fill=None,
        levels=levels,
        codes=codes,
        terms=np.vstack([np.eye(p), np.zeros((1, p))]),
        places=place.terms,
    )


def ordered_axis(place: Place) -> Axis:
    """The axis of ordered levels: a vertex for each, for a missing cell if it has a term, and for an unlisted level."""
    transformer = place.transformer
    levels = list(transformer.named_transformers_["known"]["codes"].categories_[0])
    if "missing" in transformer.named_transformers_:
        levels.append(np.nan)
    return Axis(
        column=place.column,
        part=None,
        start=None,
        knots=np.empty(0),
        fill=None,
        levels=levels,
        codes=np.arange(len(levels) + 1),
        terms=expand(transformer, pd.Series([*levels, UNSEEN], dtype="str")),
        places=place.terms,
    )


def expand(transformer: Any, cells: Any) -> Floats:
    """The terms of n cells of a column, (n, p)."""
    names = getattr(transformer, "feature_names_in_", None)
    rows = np.asarray(cells)[:, None] if names is None else pd.DataFrame({names[0]: cells})
    return np.asarray(transformer.transform(rows), np.float64)
