"""Plot of how much each column moves the prediction."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.plotting.report.fold_effects import Effect, spread
from stages.plotting.small_multiples import label_rows
from stages.plotting.style import DATA, INK, factor_axis, titled_figure
from webapp.formatting import is_factor, scale_name, typical_amount

MOST_BARS = 24


def draw_importance(effects: Sequence[Effect], label: str, transform: str) -> Figure:
    """Draw the standard deviation of each effect, in the model and in each fold's model."""
    shown = effects[:MOST_BARS]
    figure, axes = titled_figure(
        0.36 * len(shown) + 0.7,
        "Which columns move the prediction most",
        "Bar: standard deviation, over the training rows, of the column's contribution to the prediction; ticks: the "
        "same in the model of each fold."
        + (" On a logarithmic scale that is a factor, up or down." if is_factor(transform) else "")
        + (f" The {len(shown)} largest of {len(effects)}." if len(shown) < len(effects) else ""),
    )
    panel: Axes = axes[0, 0]
    notes = [typical_amount(effect.weight, transform) for effect in shown]
    places = label_rows(panel, [effect.label for effect in shown], notes)
    panel.barh(places, [effect.weight for effect in shown], height=0.34, color=DATA)
    for place, effect in zip(places, shown, strict=True):
        folds = [spread(effect.added(fold)) for fold in effect.folds]
        panel.plot(folds, np.full(len(folds), place), "|", color=INK, markersize=9, markeredgewidth=1)
    panel.set_xlim(left=0)
    if is_factor(transform):
        factor_axis(panel.xaxis, *panel.get_xlim())
        panel.set_xlabel(f"typical factor on {label}, up or down")
    else:
        panel.set_xlabel(f"standard deviation, {scale_name(transform, label)}")
    return figure
