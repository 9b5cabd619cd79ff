"""Pictures: one look, the same bytes every time. Only the stages that draw import this module."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from stages.utils.files import replacing

POINTS, LINE, BAR = "#0072b2", "#d55e00", "#56b4e9"  # of the colour-blind safe palette of Okabe & Ito (2008)

sns.set_theme(context="paper", style="whitegrid", palette="colorblind")
mpl.rcParams.update({"figure.dpi": 100, "savefig.dpi": 100, "figure.constrained_layout.use": True, "svg.hashsalt": "0"})


def save(figure: Figure, path: Path) -> None:
    """Write a PNG without a date or the name of the software, and let go of the figure."""
    with replacing(path) as partial:
        figure.savefig(partial, metadata={"Software": None})
    plt.close(figure)
