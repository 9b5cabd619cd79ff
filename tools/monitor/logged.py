"""The log, added up by scorecard: counts of every row, and the rows whose truth is known."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic_core import from_json

from stages.utils.arrays import Floats, Mask, Places
from webapp.drift import Bins
from webapp.scoring.cells import Reader, make_json_reader, make_reader
from webapp.scoring.scorecard import Column, Scorecard

COLUMNS = ("id", "time", "source", "inputs", "prediction", "lower", "upper", "scorecard_md5")
DIFFERENT = 100_000  # cells of a column whose bin is remembered
READERS: dict[str, Callable[[Column], Reader]] = {"api": make_json_reader, "batch": make_reader}  # by source
Placer = Callable[[Any], int]  # from a cell as received to its bin


@dataclass
class Labelled:
    """Rows with a known truth; the arrays have one entry per row."""

    truth: Floats
    prediction: Floats
    exposure: Floats  # what each row counts; 1 unless a rate is predicted
    lower: Floats
    upper: Floats
    week: Places  # days from 1970 to its Monday
    groups: dict[str, Places]  # bin of each column

    @property
    def error(self) -> Floats:
        """Target minus prediction."""
        return self.truth - self.prediction

    @property
    def even_error(self) -> Floats:
        """The error times √exposure, whose size does not depend on the exposure."""
        return self.error * np.sqrt(self.exposure)

    @property
    def coverage(self) -> float:
        """The share of rows inside their interval, weighted by exposure."""
        return float(np.average(self.inside, weights=self.exposure))

    @property
    def inside(self) -> Mask:
        """True where the truth is inside the prediction interval."""
        return (self.lower <= self.truth) & (self.truth <= self.upper)


@dataclass
class Logged:
    """The rows of one scorecard."""

    counts: dict[str, Floats] = field(default_factory=dict)  # rows in each bin of each column that was logged
    predictions: list[Floats] = field(default_factory=list)  # of every row, batch by batch
    known: list[dict[str, Any]] = field(default_factory=list)  # columns of the rows with an outcome, batch by batch


def collect(
    batches: Iterable[pa.RecordBatch], truth: pd.Series, md5: str, card: Scorecard, bins: dict[str, Bins]
) -> dict[str, Logged]:
    """Add up a log, by scorecard; bins are counted for the scorecard `md5` only."""
    found: dict[str, Logged] = defaultdict(Logged)
    placers = {source: make_placers(card, bins, make) for source, make in READERS.items()}
    index = pd.Index(truth.index)
    for batch in batches:
        frame = batch.to_pandas()
        frame["time"] = frame["time"].dt.tz_localize(None)
        frame["outcome"] = index.get_indexer(pd.Index(frame["id"]))
        for name, rows in frame.groupby("scorecard_md5", sort=True):
            logged, places = found[str(name)], {}
            if name == md5:
                places = places_of(rows, placers)
                for column, place in places.items():
                    count = np.bincount(place[place >= 0], minlength=len(bins[column].names)).astype(np.float64)
                    logged.counts[column] = logged.counts.get(column, np.zeros(len(count))) + count
            logged.predictions.append(rows["prediction"].to_numpy())
            known = rows["outcome"].to_numpy() >= 0
            columns = {key: rows[key].to_numpy()[known] for key in ("outcome", "time", "prediction", "lower", "upper")}
            columns["exposure"] = exposures_of(rows[known], card)
            logged.known.append(columns | {f"bin {column}": place[known] for column, place in places.items()})
    return dict(found)


def exposures_of(rows: pd.DataFrame, card: Scorecard) -> Floats:
    """Read the exposure of each row: 1 if the model predicts no rate, NaN where it was not logged."""
    if card.exposure is None:
        return np.ones(len(rows))
    name, readers = card.exposure.name, {source: make(card.exposure) for source, make in READERS.items()}
    cells = [from_json(text).get(name) for text in rows["inputs"]]
    return np.array(
        [np.nan if cell is None else readers[source](cell) for cell, source in zip(cells, rows["source"], strict=True)],
        np.float64,
    )


def make_placers(card: Scorecard, bins: dict[str, Bins], make: Callable[[Column], Reader]) -> dict[str, Placer]:
    """Make, by column, a function from a cell as it was received to its bin."""

    def make_placer(column: Column) -> Placer:
        read, (names, _, place) = make(column), bins[column.name]

        @lru_cache(DIFFERENT)
        def place_of(cell: Any) -> int:
            value = read(cell)
            return len(names) - 1 if value is None else place(value)

        return place_of

    return {column.name: make_placer(column) for column in card.inputs if column.name in bins}


def places_of(rows: pd.DataFrame, placers: dict[str, dict[str, Placer]]) -> dict[str, Places]:
    """Find the bin of each cell, by column; -1 where the column was not logged."""
    read = [(from_json(text), placers[source]) for text, source in zip(rows["inputs"], rows["source"], strict=True)]
    return {
        column: np.fromiter(
            (by_column[column](cells[column]) if column in cells else -1 for cells, by_column in read),
            np.int16,
            len(rows),
        )
        for column in placers["api"]
    }


def label(known: list[dict[str, Any]], truth: Floats) -> Labelled:
    """Put the labelled rows together; of an id that was predicted several times the latest prediction counts.

    Args:
        known: as in Logged.
        truth: the outcomes; a total is divided by the exposure that was logged.
    """
    columns = {name: np.concatenate([part[name] for part in known if name in part]) for name in known[0]}
    is_usable = ~np.isnan(columns["exposure"])
    columns = {name: values[is_usable] for name, values in columns.items()}
    latest = np.argsort(columns["time"], kind="stable")[::-1]
    _, first = np.unique(columns["outcome"][latest], return_index=True)
    rows = {name: values[np.sort(latest[first])] for name, values in columns.items()}
    groups = {name.removeprefix("bin "): values for name, values in rows.items() if name.startswith("bin ")}
    days = rows["time"].astype("datetime64[D]").astype(np.int64)
    week = (days - 4) // 7 * 7 + 4  # 1970-01-05 was a Monday
    ends = {name: rows[name].astype(np.float64) for name in ("prediction", "lower", "upper", "exposure")}
    return Labelled(truth=truth[rows["outcome"]] / ends["exposure"], **ends, week=week, groups=groups)
