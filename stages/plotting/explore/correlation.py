"""Plot of which columns move together: rank correlations, clustered."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from stages.plotting.explore.sampled_columns import SampledColumn, as_numbers
from stages.plotting.labels import told_apart
from stages.plotting.style import FIT, titled_figure
from webapp.formatting import fixed

MOST_ANNOTATED = 16  # columns of a matrix with numbers in it
MOST_CORRELATED = 30  # columns in the matrix beside the target


def draw_correlation(target: SampledColumn, columns: Sequence[SampledColumn]) -> Figure:
    """Draw the rank correlations of all columns, with those that correlate side by side."""
    chosen = [target, *(column for column in columns if len(column.known))][: MOST_CORRELATED + 1]
    labels = told_apart([column.field.title or column.field.name for column in chosen], 30)
    table = pd.DataFrame(np.column_stack([as_numbers(column) for column in chosen]))
    values = table.rank().corr(min_periods=10).fillna(0.0).to_numpy()
    order = clustered(values)
    values = values[np.ix_(order, order)]
    count = len(order)
    figure, axes = titled_figure(
        max(min(0.3, 5.8 / count) * count + 1.7, 3.0),
        "Which columns move together",
        "Spearman's rank correlation over the training rows, with columns that correlate side by side. A level counts "
        "as the target's mean in it."
        + (
            f" Shown: the target and the {MOST_CORRELATED} columns that explain most of it."
            if len(columns) > MOST_CORRELATED
            else ""
        ),
    )
    panel: Axes = axes[0, 0]
    names = [labels[place] for place in order]
    sns.heatmap(
        values[1:, :-1],
        mask=np.triu(np.ones((count - 1, count - 1), bool), 1),
        ax=panel,
        vmin=-1,
        vmax=1,
        center=0,
        cmap="vlag",
        square=True,
        annot=np.vectorize(partial(fixed, decimals=1))(values)[1:, :-1] if count <= MOST_ANNOTATED else False,
        fmt="",
        annot_kws={"size": 8},
        linewidths=0.5,
        xticklabels=names[:-1],
        yticklabels=names[1:],
        cbar_kws={"label": "rank correlation", "shrink": 0.5, "location": "left", "anchor": (0, 0.5)},
    )
    panel.set_anchor("W")
    panel.grid(visible=False)
    panel.tick_params(length=0)
    panel.set_xticklabels(panel.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")
    panel.set_yticklabels(panel.get_yticklabels(), rotation=0)
    for text_of in [*panel.get_xticklabels(), *panel.get_yticklabels()]:
        if text_of.get_text() == labels[0]:
            text_of.set(color=FIT, weight="bold")
    return figure


def clustered(correlation: Any) -> list[int]:
    """Return an order (q,) in which columns that correlate, either way, are near each other (average linkage)."""
    if len(correlation) < 3:
        return list(range(len(correlation)))
    distance = np.clip(1 - np.abs(correlation), 0, None)
    np.fill_diagonal(distance, 0)
    distance = (distance + distance.T) / 2
    order: list[int] = leaves_list(
        linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    ).tolist()
    return order
