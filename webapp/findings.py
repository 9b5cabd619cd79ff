"""The findings of tools/monitor, monitoring/metrics.json: the command writes them, the Monitoring page shows them."""

from typing import Literal

from pydantic import BaseModel, Field

from webapp.formatting import METRICS, percent, with_interval

Scores = dict[str, float | None]  # rmse, mae and r2, each with the ends of its bootstrap interval: rmse_low, rmse_high
MEANINGS = {  # of the verdicts
    "ok": "nothing has changed beyond chance",
    "watch": "inputs or predictions have drifted; the errors have not grown",
    "retrain": "the model is no longer what was tested",
}
MOST_GROUPS = 10  # that the page and the report show
Verdict = Literal["ok", "watch", "retrain"]


class Coverage(BaseModel):
    """The prediction intervals of some rows."""

    nominal: float
    share: float = Field(description="of the rows whose target is inside the interval")
    se: float = Field(description="standard error of the share")


class Drift(BaseModel):
    """The drift of a column, or of the prediction."""

    column: str
    rows: int
    psi: float = Field(description="population stability index against the training (of predictions, the test) rows")
    psi_by_chance: float = Field(description="that rows of the same distribution have on average")
    p_value: float = Field(description="of a chi-square test, adjusted for the number of tests")
    drifted: bool = False


class Bin(BaseModel):
    """Labelled rows of one bin of the prediction, one week, or one group of rows."""

    name: str
    rows: int
    predicted: float = Field(description="mean")
    actual: float = Field(description="mean")
    rmse: float
    coverage: float


class ScorecardFindings(BaseModel):
    """The rows of one scorecard."""

    scorecard_md5: str
    rows: int
    labelled: int = Field(description="rows whose outcome is known, each id once")
    scores: Scores | None = Field(description="of the labelled rows; null if there are none")
    coverage: Coverage | None
    weeks: list[Bin] = Field(description="by the Monday of the prediction")


class Findings(BaseModel):
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

    def compare(self) -> list[tuple[str, str, str]]:
        """Put each metric of the test rows beside that of the live rows: name, test, live; empty without outcomes."""
        scores, coverage = self.live.scores, self.live.coverage
        if scores is None or coverage is None:
            return []
        rows = [
            (name, with_interval(self.test_scores, key), with_interval(scores, key)) for key, name in METRICS.items()
        ]
        tested, live = (f"{percent(each.share, 1)} ± {percent(each.se, 1)}" for each in (self.test_coverage, coverage))
        return [*rows, (f"coverage of the {percent(coverage.nominal)} prediction intervals", tested, live)]
