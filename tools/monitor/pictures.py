"""The pictures of monitoring/: RMSE by week, and calibration."""

import numpy as np

from stages.plotting.style import DATA, FIT, GREY, SOFT, save, titled_figure
from tools.monitor.report import FOLDER
from webapp.findings import Findings

MOST_LABELS = 12


def draw(findings: Findings) -> None:
    """Draw the weeks and the calibration if there are outcomes; remove the pictures of an earlier run."""
    for name in ("weeks.png", "calibration.png"):
        (FOLDER / name).unlink(missing_ok=True)
    if findings.live.weeks:
        draw_weeks(findings)
        draw_calibration(findings)


def draw_weeks(findings: Findings) -> None:
    """Draw the RMSE of each week, before the band of the test rows."""
    weeks, test = findings.live.weeks, findings.test_scores
    figure, axes = titled_figure(2.6, "RMSE by week", "Band: the test rows, with the interval of their RMSE")
    panel = axes[0, 0]
    rmse, low, high = (test[f"rmse{end}"] for end in ("", "_low", "_high"))
    if low is not None and high is not None:
        panel.axhspan(low, high, color=SOFT, alpha=0.5, lw=0)
    if rmse is not None:
        panel.axhline(rmse, color=DATA, lw=1)
    places = np.arange(len(weeks))
    panel.plot(places, [week.rmse for week in weeks], color=FIT, marker="o", ms=4)
    shown = places[:: -(-len(weeks) // MOST_LABELS)]
    panel.set_xticks(shown, [weeks[place].name for place in shown])
    panel.set_ylabel(f"RMSE ({findings.unit})" if findings.unit else "RMSE")
    panel.set_ylim(bottom=0)
    save(figure, FOLDER / "weeks.png")


def draw_calibration(findings: Findings) -> None:
    """Draw the mean outcome against the mean prediction of each tenth, with two standard errors."""
    bins = findings.calibration
    figure, axes = titled_figure(3.2, "Calibration", "Each tenth of the predictions, ± 2 standard errors")
    panel = axes[0, 0]
    predicted, actual = (np.array([getattr(each, name) for each in bins]) for name in ("predicted", "actual"))
    error = np.array([2 * each.rmse / np.sqrt(each.rows) for each in bins])
    ends = [min(predicted.min(), actual.min()), max(predicted.max(), actual.max())]
    panel.plot(ends, ends, color=GREY, lw=1, ls="--")
    panel.errorbar(predicted, actual, error, color=DATA, fmt="o", ms=4, lw=1)
    panel.set_xlabel("mean prediction")
    panel.set_ylabel("mean outcome")
    save(figure, FOLDER / "calibration.png")
