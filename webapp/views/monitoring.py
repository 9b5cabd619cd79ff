"""The Monitoring page: what tools/monitor found, where there is a report of it."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from flask import Blueprint, abort, render_template
from pydantic import ValidationError

from webapp.findings import MEANINGS, MOST_GROUPS, Findings
from webapp.formatting import short, ticks
from webapp.model import Model

REPORT = "metrics.json"
FRESH_SECONDS = 300  # for which a copy of a report in a bucket is shown before it is fetched again


class Weeks(NamedTuple):
    """The chart of the RMSE by week; places are percentages, from the top."""

    bars: list[tuple[float, float, float, str]]  # left, width, height and label
    band: tuple[float, float] | None  # top and bottom of the interval of the test rows
    line: float | None  # RMSE of the test rows
    marks: list[tuple[float, str]]  # of the scale


class Reports:
    """The report in a folder, or a copy of the one in a bucket that another process fetches now and then."""

    def __init__(self, place: str | None, root: Path) -> None:
        self.address = f"{place.rstrip('/')}/{REPORT}" if place and "://" in place else None
        self.fetching: threading.Thread | None = None  # it waits for the other process
        self.fetched = 0.0  # when, by the monotonic clock
        if self.address is None:
            self.file = root / (place or "monitoring") / REPORT
        else:
            self.file = Path(tempfile.mkdtemp(prefix="monitoring-")) / REPORT

    def are_there(self) -> bool:
        """Tell whether there is a report; have it fetched if it is in a bucket."""
        if self.address is not None:
            self.fetch()
        return self.file.exists()

    def fetch(self) -> None:
        """Start to fetch the report again, unless the copy is fresh; nobody waits for it."""
        is_due = not self.fetched or time.monotonic() - self.fetched > FRESH_SECONDS
        if is_due and (self.fetching is None or not self.fetching.is_alive()):
            self.fetched = time.monotonic()
            root = Path(__file__).parent.parent.parent
            command = [sys.executable, "-m", "webapp.prediction_log.fetch", str(self.address), str(self.file)]
            env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
            options = {"env": env, "check": False}
            self.fetching = threading.Thread(target=subprocess.run, args=(command,), kwargs=options, daemon=True)
            self.fetching.start()


def make_monitoring(model: Model) -> Blueprint:
    """Make the route of the page; its link is in the menu while there is a report."""
    blueprint = Blueprint("monitoring", __name__)
    reports = Reports(model.settings.monitoring, model.root)

    @blueprint.app_context_processor
    def add_link() -> dict[str, bool]:
        return {"has_monitoring": reports.are_there()}

    @blueprint.get("/monitoring")
    def show_report() -> str | tuple[str, int]:
        if not reports.are_there():
            abort(404, "There is no report yet: `make monitor` writes monitoring/metrics.json.")
        try:
            report = Findings.model_validate_json(reports.file.read_bytes())
        except ValidationError:
            abort(503, "The report was written by another version of the code; run `make monitor` again.")
        return render_template(
            "monitoring.html",
            report=report,
            is_of_this_model=report.live.scorecard_md5 == model.md5,
            meaning=MEANINGS[report.verdict],
            weeks=draw_weeks(report),
            groups=report.groups[:MOST_GROUPS],
        )

    return blueprint


def draw_weeks(report: Findings) -> Weeks:
    """Draw the RMSE of each week, over the interval of that of the test rows."""
    weeks = report.live.weeks
    low, line, high = (report.test_scores.get(f"rmse{end}") for end in ("_low", "", "_high"))
    top = 1.1 * max([week.rmse for week in weeks] + [value for value in (high, line) if value is not None], default=1.0)
    width = 100 / max(len(weeks), 1)
    bars = [
        (
            place * width + width * 0.1,
            width * 0.8,
            100 * week.rmse / top,
            f"Week from {week.name}: RMSE {short(week.rmse)}, {week.rows:,} rows",
        )
        for place, week in enumerate(weeks)
    ]
    band = None if low is None or high is None else (100 - 100 * high / top, 100 * (high - low) / top)
    marks = [(100 - 100 * value / top, short(value)) for value in ticks(0, top, 4)]
    return Weeks(bars, band, None if line is None else 100 - 100 * line / top, marks)
