"""monitoring/metrics.json, typed."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from stages.utils.metrics_files import Metrics, Scores, Share

FOLDER = Path("monitoring")
Verdict = Literal["ok", "watch", "retrain"]


class Coverage(Metrics):
    """The prediction intervals of some rows."""

    nominal: Share
    share: Share = Field(description="of the rows whose target is inside the interval")
    se: float = Field(description="standard error of the share")


class Drift(Metrics):
    """The drift of a column, or of the prediction."""

    column: str
    rows: int
    psi: float = Field(description="population stability index against the training (of predictions, the test) rows")
    psi_by_chance: float = Field(description="that rows of the same distribution have on average")
    p_value: float = Field(description="of a chi-square test, adjusted for the number of tests")
    drifted: bool


class Bin(Metrics):
    """Labelled rows of one bin of the prediction, one week, or one group of rows."""

    name: str
    rows: int
    predicted: float = Field(description="mean")
    actual: float = Field(description="mean")
    rmse: float
    coverage: Share


class ScorecardFindings(Metrics):
    """The rows of one scorecard."""

    scorecard_md5: str
    rows: int
    labelled: int = Field(description="rows whose outcome is known, each id once")
    scores: Scores | None = Field(description="of the labelled rows; null if there are none")
    coverage: Coverage | None
    weeks: list[Bin] = Field(description="by the Monday of the prediction")


class Findings(Metrics):
    """monitoring/metrics.json."""

    verdict: Verdict
    reasons: list[str]
    target: str
    unit: str | None
    test_scores: Scores
    test_coverage: Coverage
    live: ScorecardFindings
    others: list[ScorecardFindings] = Field(description="of other scorecards in the log")
    rmse_growth: float | None = Field(description="live RMSE / that of the test rows - 1")
    rmse_p_value: float | None
    coverage_p_value: float | None
    drift: list[Drift] = Field(description="the largest first")
    not_logged: list[str] = Field(description="columns whose drift is unknown")
    calibration: list[Bin] = Field(description="by tenth of the prediction")
    groups: list[Bin] = Field(description="groups of rows, those with the largest errors first")
    rows_needed: dict[str, int | None] = Field(description="to see a change four times in five; null: never")
    unmatched: int = Field(description="outcomes whose id is not in the log")
    unreadable: int = Field(description="outcomes without an id or a number")
    contradictions: int = Field(description="ids with several different outcomes, left out")
