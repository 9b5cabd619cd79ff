"""Pictures of the columns one by one, as small multiples, the column that explains most of the target first."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.evaluation.metrics import NORMAL_95
from stages.plotting.explore.summaries import Look
from stages.plotting.panels import ROWS, label_rows, small_multiples, wrapped
from stages.plotting.style import DATA, FIT, GREY, INK, SOFT, date_axis, number
from stages.plotting.trends import FEWEST
from stages.table.schema import Column

BINS = 30
FEW_VALUES = 40  # whole numbers of so few values get a bar each


def draw_distributions(target: Look, looks: Sequence[Look], pages: int) -> list[Figure]:
    """Histograms of the target and of the columns that are numbers, dates or codes."""
    shown = [target, *(look for look in looks if look.kind != "level" and len(look.known))]
    return small_multiples(
        shown,
        partial(histogram, target=target),
        "How the numbers are distributed",
        f"{len(target.values):,} training rows. Dark: the middle half of them; line: the median. The first panel is "
        "the target.",
        pages,
        ylabel="rows",
    )


def histogram(axes: Axes, look: Look, target: Look) -> None:
    """One histogram, with the median and the middle half of the rows."""
    values, (low, high) = look.known, look.limits
    whole = look.kind == "code" or (look.column.type == "integer" and values.max() - values.min() < FEW_VALUES)
    edges = np.arange(np.floor(low), np.ceil(high) + 1) - 0.5 if whole else np.linspace(low, high, BINS + 1)
    counts, edges = np.histogram(values, edges)
    quarter, half, three_quarters = values.quantile([0.25, 0.5, 0.75])
    colours = ("#f0b27a", FIT) if look is target else (SOFT, DATA)
    middle = (edges[1:] > quarter) & (edges[:-1] < three_quarters) | (look.kind == "code")
    axes.bar(
        edges[:-1],
        counts,
        np.diff(edges),
        align="edge",
        color=[colours[dark] for dark in middle.astype(int)],
        edgecolor="white",
        linewidth=0.4,
    )
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(wrapped(look.column.label))
    axes.grid(visible=False, axis="x")
    if look.kind == "date":
        date_axis(axes)
    elif look.kind == "code":
        axes.set_title(f"{look.known.nunique()} levels", color=GREY)
    if look.kind in ("date", "number"):
        axes.axvline(half, color=INK, linewidth=1.2)
    if look.kind == "number":
        axes.set_title(f"median {number(half)}", color=GREY)


def draw_level_counts(looks: Sequence[Look], pages: int) -> list[Figure]:
    """How many rows each level has, for the columns that have levels."""
    shown = [look for look in looks if look.kind == "level" and len(look.known)]
    return small_multiples(
        shown,
        count_bars,
        "How often each level occurs",
        f"Rows among {len(shown[0].values):,} training rows, the commonest levels first." if shown else "",
        pages,
        height=level_height([min(look.known.nunique(), ROWS) for look in shown]),
        xlabel="rows",
    )


def level_height(rows: list[int]) -> float:
    """Inches for a panel of as many rows as the longest of these has."""
    return 0.95 + 0.29 * max(rows, default=0)


def count_bars(axes: Axes, look: Look) -> None:
    """A bar a level; the levels that have no place are counted in a last row."""
    counts = look.known.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
    shown = counts.head(ROWS if len(counts) <= ROWS else ROWS - 1)
    rest = counts.iloc[len(shown) :]
    labels = [*map(str, shown.index), *([f"{len(rest):,} other levels"] if len(rest) else [])]
    rows = [*shown, *([rest.sum()] if len(rest) else [])]
    axes.barh(np.arange(len(shown)) + 0.12, shown, height=0.3, color=DATA)
    label_rows(axes, labels, [f"{count / len(look.values):.1%}" for count in rows])
    title_of(axes, look.column, f"{len(counts):,} level{'s' * (len(counts) != 1)}")


def draw_target_by_number(target: Look, looks: Sequence[Look], pages: int) -> list[Figure]:
    """The target against each number or date: a dot a row and the fitted trend."""
    shown = [look for look in looks if look.trend is not None or look.kind == "code"]
    return small_multiples(
        shown,
        partial(scatter, target=target),
        f"{target.column.title or target.column.name} against each number",
        f"A dot is one of {len(target.values):,} training rows. The line is a fitted trend with its 95 % band; the "
        "per cent is the share of the target's variance that it explains alone.",
        pages,
        ylabel=target.column.label,
        sharey=True,
    )


def scatter(axes: Axes, look: Look, target: Look) -> None:
    """The rows as dots, the trend as a line."""
    size = float(np.clip(6000 / len(look.values), 3.5, 9))
    axes.scatter(jittered(look), jittered(target), s=size, color=DATA, alpha=0.3, linewidths=0)
    if look.trend is not None:
        trend, band = look.trend, NORMAL_95 * look.trend.error
        axes.fill_between(trend.x, trend.mean - band, trend.mean + band, color=FIT, alpha=0.25, linewidth=0)
        axes.plot(trend.x, trend.mean, color=FIT, linewidth=1.8)
    elif look.means is not None:
        means = look.means.sort_index()
        axes.errorbar(means.index, means["mean"], NORMAL_95 * means["error"], fmt="o-", color=FIT, markersize=3)
    axes.set(xlim=look.limits, ylim=target.limits)
    axes.set_xlabel(wrapped(look.column.label))
    axes.set_title(f"{look.explains:.0%}", color=FIT, weight="bold")
    if look.kind == "date":
        date_axis(axes)


def jittered(look: Look) -> "pd.Series[float]":
    """Values of which there are few, spread a little so that rows do not hide one another; the same every time."""
    distinct = np.unique(look.known)
    if not 1 < len(distinct) <= FEW_VALUES // 2:
        return look.values
    shift = np.arange(len(look.values)) * 0.6180339887 % 1 - 0.5  # evenly spread: the golden ratio
    spread: pd.Series[float] = look.values + shift * 0.5 * np.diff(distinct).min()
    return spread


def draw_target_by_level(target: Look, looks: Sequence[Look], pages: int) -> list[Figure]:
    """The target's mean in each level, for the columns that have levels."""
    shown = [look for look in looks if look.kind == "level" and len(frequent(look))]
    return small_multiples(
        shown,
        partial(mean_rows, target=target),
        f"{target.column.title or target.column.name} by level",
        "A dot is a level's mean with its 95 % interval, a tick one of its rows, the grey line the mean of all rows. "
        "The per cent is the share of the target's variance that the levels explain alone.",
        pages,
        height=level_height([min(len(frequent(look)), ROWS) for look in shown]),
        xlabel=target.column.label,
        sharex=True,
    )


def frequent(look: Look) -> pd.DataFrame:
    """The target's mean by level, for levels with enough rows; the commonest first."""
    return pd.DataFrame() if look.means is None else look.means[look.means["rows"] >= FEWEST]


def mean_rows(axes: Axes, look: Look, target: Look) -> None:
    """A row a level: its rows as ticks, its mean as a dot; the commonest levels, highest mean first."""
    shown = frequent(look).head(ROWS).sort_values("mean", ascending=False, kind="stable")
    axes.axvline(target.values.mean(), color=GREY, linewidth=1)
    for row, level in enumerate(shown.index):
        cells = target.values[look.values == level]
        axes.plot(cells, np.full(len(cells), row + 0.16), "|", color=SOFT, markersize=5, markeredgewidth=0.6, alpha=0.5)
    place = np.arange(len(shown)) + 0.16
    axes.errorbar(
        shown["mean"], place, xerr=NORMAL_95 * shown["error"], fmt="o", color=FIT, markersize=4, linewidth=1.6
    )
    label_rows(axes, [str(level) for level in shown.index], [number(mean) for mean in shown["mean"]])
    levels = look.known.nunique()
    note = f", {len(shown)} of {levels} levels" if levels > len(shown) else ""
    title_of(axes, look.column, f"{look.explains:.0%}{note}")
    axes.set(xlim=target.limits)


def title_of(axes: Axes, column: Column, note: str) -> None:
    """The column above its panel, in bold, and a note."""
    axes.set_title(f"{wrapped(column.label, 34)}\n", weight="bold")
    axes.text(0, 1.015, note, transform=axes.transAxes, size=8, color=GREY, va="bottom")
