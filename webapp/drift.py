"""Input drift: how often each column's values fall into each bin of their distribution in training.

A number's bins are ranges of its histogram with a twentieth of the training rows or more, and what is beyond them (bins
between quantiles would be wrong where many rows share a value); a level's are the commonest levels. The
population stability index adds up (share now - share in training) * ln(share now / share in training) over the bins
(Siddiqi 2006, "Credit Risk Scorecards"); above 0.25 is commonly read as a shift.
"""

import math
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from prometheus_client import Counter

from webapp.formatting import distinct
from webapp.scoring.effects import Cell, as_datetime
from webapp.scoring.grammar import as_level
from webapp.scoring.scorecard import Calendar, Column, Histogram, Levels, Scorecard

MOST_LEVELS = 20  # of a column that have a bin of their own
MOST_WAITING, LONGEST_WAIT = 100, 1.0  # rows, seconds
SMALLEST_BIN = 0.05  # share of the training rows in a number's bin, at least
SMALLEST_SHARE = 1e-4  # in the index, where a bin is empty


class Bins(NamedTuple):
    """The bins of a column; the last one holds the missing cells."""

    names: list[str]
    shares: list[float]  # in training
    place: Callable[[Cell], int]  # bin of a cell that is not missing


class Watch(NamedTuple):
    """A column whose cells are counted, bin by bin."""

    column: str
    bins: Bins
    counters: list[Counter]


def make_bins(column: Column) -> Bins:
    """Make the bins of a column, with their shares of the training rows."""
    if isinstance(column.effect, Calendar):
        names, shares, place = date_bins(column)
    elif isinstance(column.effect, Levels):
        names, shares, place = level_bins(column)
    elif column.histogram is not None:
        names, shares, place = number_bins(column.histogram)
    else:
        names, shares, place = ["any"], [1.0], lambda cell: 0
    known = 1 - column.missing_share
    return Bins([*names, "missing"], [*(share * known for share in shares), column.missing_share], place)


def number_bins(histogram: Histogram) -> tuple[list[str], list[float], Callable[[Cell], int]]:
    """Make bins of the histogram's bars, each with SMALLEST_BIN of the rows or more, and one below and above them."""
    step = (histogram.high - histogram.low) / len(histogram.shares)
    edges, shares, share = [histogram.low], [], 0.0
    for number, bar in enumerate(histogram.shares, start=1):
        share += bar
        if share >= SMALLEST_BIN:
            edges.append(number * step + histogram.low)
            shares.append(share)
            share = 0.0
    edges[-1], shares[-1] = histogram.high, shares[-1] + share  # the last bin has the rest
    first, *labels = distinct(edges)
    names = [f"below {first}", *(f"to {label}" for label in labels), f"above {labels[-1]}"]
    inner, last = edges[:-1], edges[-1]
    return names, [0.0, *shares, 0.0], lambda cell: len(edges) if cell > last else bisect_right(inner, cell)


def level_bins(column: Column) -> tuple[list[str], list[float], Callable[[Cell], int]]:
    """Make a bin for each of the commonest levels, and one for all the others."""
    levels = list(column.shares)[:MOST_LEVELS]
    shares = [column.shares[level] for level in levels]
    places = {level: place for place, level in enumerate(levels)}
    other = len(levels)
    return [*levels, "other levels"], [*shares, 1 - sum(shares)], lambda cell: places.get(as_level(cell), other)


def date_bins(column: Column) -> tuple[list[str], list[float], Callable[[Cell], int]]:
    """Make the bins before, within and after the dates of training."""
    first, last = column.seen or ("", "9999")

    def place(cell: Cell) -> int:
        when = as_datetime(cell)
        text = "" if when is None else when.isoformat()
        return 0 if text < first else 1 if text <= last else 2

    return ["before", "seen", "after"], [0.0, 1.0, 0.0], place


def make_watches(card: Scorecard, counter: Counter) -> list[Watch]:
    """Make a watch for each column; `counter` has the labels column and bin."""
    watches = []
    for column in card.inputs:
        bins = make_bins(column)
        watches.append(Watch(column.name, bins, [counter.labels(column.name, name) for name in bins.names]))
    return watches


class Observer(NamedTuple):
    """Counter of rows, a hundred or a second's worth at a time: counting each alone takes as long as scoring it."""

    watches: list[Watch]
    waiting: "deque[Mapping[str, Cell]]"
    counted: list[float]  # when, by the monotonic clock

    def add(self, rows: Iterable[Mapping[str, Cell]]) -> None:
        """Take valid rows, to be counted later."""
        self.waiting.extend(rows)

    def flush_if_due(self) -> None:
        """Count the waiting rows if they are many or old; called after every request."""
        if self.waiting and (len(self.waiting) >= MOST_WAITING or time.monotonic() - self.counted[0] > LONGEST_WAIT):
            self.flush()

    def flush(self) -> None:
        """Count the waiting rows."""
        self.counted[0] = time.monotonic()
        rows = []
        with suppress(IndexError):  # the deque is empty; another thread may take rows, too
            while True:
                rows.append(self.waiting.popleft())
        observe(self.watches, rows)


def observe(watches: Iterable[Watch], rows: Sequence[Mapping[str, Cell]]) -> None:
    """Count the cells of some valid rows."""
    for column, bins, counters in watches:
        tally: dict[int, int] = {}
        for row in rows:
            cell = row.get(column)
            place = -1 if cell is None else bins.place(cell)
            tally[place] = tally.get(place, 0) + 1
        for place, count in tally.items():
            counters[place].inc(count)


def stability_index(shares: Sequence[float], counts: Sequence[float]) -> float:
    """Compute the population stability index of counts against shares in training; 0 before anything is counted."""
    total = sum(counts)
    if total == 0:
        return 0.0
    index = 0.0
    for share, count in zip(shares, counts, strict=True):
        now, then = max(count / total, SMALLEST_SHARE), max(share, SMALLEST_SHARE)
        index += (now - then) * math.log(now / then)
    return index
