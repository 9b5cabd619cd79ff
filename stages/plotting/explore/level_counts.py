"""Plot of how many rows each level has."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.plotting.explore.sampled_columns import SampledColumn
from stages.plotting.small_multiples import MOST_ROWS, label_rows, small_multiples
from stages.plotting.style import DATA, panel_title


def draw_level_counts(columns: Sequence[SampledColumn], pages: int) -> list[Figure]:
    """Draw how many rows each level has, for the columns that have levels."""
    shown = [column for column in columns if column.kind == "level" and len(column.known)]
    return small_multiples(
        shown,
        count_bars,
        "How often each level occurs",
        f"Rows of each level among {len(shown[0].values):,} training rows, the commonest first." if shown else "",
        pages,
        rows=lambda column: min(column.known.nunique(), MOST_ROWS),
        xlabel="rows",
    )


def count_bars(axes: Axes, column: SampledColumn) -> None:
    """Draw a bar for each level; levels beyond the last row are counted together in it."""
    counts = column.known.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
    shown = counts.head(MOST_ROWS if len(counts) <= MOST_ROWS else MOST_ROWS - 1)
    rest = counts.iloc[len(shown) :]
    labels = [*map(str, shown.index), *([f"{len(rest):,} other levels"] if len(rest) else [])]
    rows = [*shown, *([rest.sum()] if len(rest) else [])]
    places = label_rows(axes, labels, [f"{count / len(column.values):.1%}" for count in rows])
    axes.barh(places[: len(shown)], shown, height=0.3, color=DATA)
    panel_title(axes, column.field.label, f"{len(counts):,} level{'s' * (len(counts) != 1)}")
