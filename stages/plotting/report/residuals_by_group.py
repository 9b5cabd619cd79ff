"""Plot of the mean residual by group of rows: where the model is off on average."""

from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.evaluation.metrics import NORMAL_95
from stages.plotting.labels import wrapped
from stages.plotting.small_multiples import CHART, MOST_ROWS, are_codes, label_rows, small_multiples
from stages.plotting.style import DATA, FIT, GREY
from stages.plotting.univariate import FEWEST
from stages.table.schema import Column, TableSchema


def draw_residuals_by_group(groups: pd.DataFrame, schema: TableSchema, pages: int) -> list[Figure]:
    """Draw the mean residual of each group (rows of plots/residuals_by_group.csv), the surest deviations first."""
    groups = groups.assign(half=NORMAL_95 * groups["se"].fillna(0.0))
    sure = groups[(groups["rows"] >= FEWEST) & (groups["half"] > 0)]
    if len(sure) == 0:
        return []
    order = (sure["bias"] / sure["half"]).abs().groupby(sure["column"], sort=False).max()
    names = order.sort_values(ascending=False, kind="stable").index
    limit = 1.05 * float((sure["bias"].abs() + sure["half"]).max())
    return small_multiples(
        [(schema.column(name), sure[sure["column"] == name]) for name in names],
        partial(residual_panel, limit=limit),
        "Where the model is off on average",
        "Mean residual (actual minus predicted) of the test rows in each level, or fifth of a number, with its 95% "
        "confidence interval: vermilion if that excludes 0, as one in twenty does by chance. Grey: rows in the group, "
        f"at least {FEWEST}.",
        pages,
        rows=lambda panel: CHART if are_codes(panel[1]["group"].tolist()) else min(len(panel[1]), MOST_ROWS),
        xlabel=f"mean residual: {schema.target.label}",
    )


def residual_panel(axes: Axes, panel: tuple[Column, pd.DataFrame], limit: float) -> None:
    """Draw the mean residual of each group and its interval: a row for each group, or codes in their order."""
    column, groups = panel
    is_upright = are_codes(groups["group"].tolist())
    groups = groups if is_upright else groups.head(MOST_ROWS)
    is_off = (groups["bias"].abs() > groups["half"]).to_numpy()
    if is_upright:
        places = groups["group"].astype(float).to_numpy()
        axes.axhline(0, color=GREY, linewidth=1)
        axes.set(ylim=(-limit, limit), ylabel="mean residual", xlabel=column.title or column.name)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    else:
        places = label_rows(axes, groups["group"].tolist(), [f"{rows:,}" for rows in groups["rows"]])
        axes.axvline(0, color=GREY, linewidth=1)
        axes.set_xlim(-limit, limit)
    for chosen, colour in ((~is_off, DATA), (is_off, FIT)):
        bias, half = groups["bias"][chosen], groups["half"][chosen]
        style: dict[str, Any] = {"fmt": "o", "color": colour, "markersize": 4, "linewidth": 1.6}
        if is_upright:
            axes.errorbar(places[chosen], bias, yerr=half, **style)
        else:
            axes.errorbar(bias, places[chosen], xerr=half, **style)
    axes.set_title(wrapped(column.label, 34), weight="bold")
