"""Plot of how much each column, and each pair of columns, moves the prediction."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.plotting.report.fold_effects import Effect, spread
from stages.plotting.report.pair_effects import PairEffect
from stages.plotting.small_multiples import label_rows
from stages.plotting.style import DATA, INK, OTHER, factor_axis, titled_figure
from webapp.formatting import is_factor, scale_name, typical_amount

MOST_BARS = 24


def draw_importance(effects: Sequence[Effect], pairs: Sequence[PairEffect], label: str, transform: str) -> Figure:
    """Draw the standard deviation of each effect, in the model and in each fold's model."""
    columns = [
        (effect.label, effect.weight, [spread(effect.added(fold)) for fold in effect.folds], DATA) for effect in effects
    ]
    bars = [*columns, *((pair.label, pair.weight, pair.folds, OTHER) for pair in pairs)]
    shown = sorted(bars, key=lambda bar: -bar[1])[:MOST_BARS]
    figure, axes = titled_figure(
        0.36 * len(shown) + 0.7,
        "What moves the prediction most",
        "Bar: standard deviation, over the training rows, of the contribution of a column (blue)"
        + (" or of a pair of columns beyond that of each alone (green)" if pairs else "")
        + "; ticks: the same in the model of each fold."
        + (" On a logarithmic scale that is a factor, up or down." if is_factor(transform) else "")
        + (f" The {len(shown)} largest of {len(bars)}." if len(shown) < len(bars) else ""),
    )
    panel: Axes = axes[0, 0]
    places = label_rows(panel, [bar[0] for bar in shown], [typical_amount(bar[1], transform) for bar in shown])
    panel.barh(places, [bar[1] for bar in shown], height=0.34, color=[bar[3] for bar in shown])
    for place, (_, _, folds, _) in zip(places, shown, strict=True):
        panel.plot(folds, np.full(len(folds), place), "|", color=INK, markersize=9, markeredgewidth=1)
    panel.set_xlim(left=0)
    if is_factor(transform):
        factor_axis(panel.xaxis, *panel.get_xlim())
        panel.set_xlabel(f"typical factor on {label}, up or down")
    else:
        panel.set_xlabel(f"standard deviation, {scale_name(transform, label)}")
    return figure
