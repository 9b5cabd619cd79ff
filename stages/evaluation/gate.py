"""The gate: whether a model is good enough to be deployed."""

from typing import NamedTuple

from stages.utils.metrics_files import Gate, IntervalScores, Scores
from stages.utils.params import GateParams


class Check(NamedTuple):
    """One condition for deployment."""

    name: str  # in params.yaml under evaluate.gate, and in metrics/test.json under gate
    meaning: str
    is_minimum: bool  # whether the limit is the smallest value allowed, or the largest
    limit: float | None  # None: switched off
    found: float | None  # None: undefined

    @property
    def passed(self) -> bool | None:
        """The verdict; None if the check is switched off."""
        if self.limit is None:
            return None
        if self.found is None:
            return False
        return self.found >= self.limit if self.is_minimum else self.found <= self.limit


def gate_checks(model: Scores, least_squares: Scores, intervals: IntervalScores, limits: GateParams) -> list[Check]:
    """Return the checks of a model, from the scores in metrics/test.json."""
    ratio, coverage = rmse_ratio(model.rmse, least_squares.rmse), intervals.coverage
    worst = None if intervals.worst_group is None else intervals.worst_group.coverage
    return [
        Check("min_r2", "lower end of the interval of R²", True, limits.min_r2, model.r2_low),
        Check("max_rmse_to_ols", "RMSE relative to least squares", False, limits.max_rmse_to_ols, ratio),
        Check("min_coverage", "share of test rows inside their interval", True, limits.min_coverage, coverage),
        Check("min_worst_group_coverage", "the same in the worst group", True, limits.min_worst_group_coverage, worst),
    ]


def rmse_ratio(model: float | None, least_squares: float | None) -> float | None:
    """Return the model's RMSE relative to that of least squares; an infinite RMSE is None in the metrics."""
    if model is None:
        return None
    return 0.0 if least_squares is None else model / max(least_squares, 1e-300)


def gate(checks: list[Check]) -> Gate:
    """Return the verdict of each check (None: switched off), and whether none failed."""
    verdicts = {check.name: check.passed for check in checks}
    return Gate(**verdicts, passed=all(verdict is not False for verdict in verdicts.values()))
