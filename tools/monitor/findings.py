"""The findings: what became of the model since it was tested, and the verdict on it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.evaluation.metrics import CLUSTERS, NORMAL_95, bootstrap_scores, cluster_sums
from stages.utils.arrays import Floats
from stages.utils.metrics_files import EvaluationMetrics, SplitMetrics, read_metrics
from stages.utils.params import EvaluateParams, MonitorParams
from tools.monitor import evidence
from tools.monitor.logged import Labelled, Logged
from webapp.drift import Bins, stability_index
from webapp.findings import Bin, Coverage, Drift, ScorecardFindings, Scores, Verdict
from webapp.formatting import percent, short

PREDICTED = Path("plots/predicted_actual.csv")
PREDICTION = "the prediction"  # in the list of columns that may drift
TENTHS = np.linspace(0.1, 0.9, 9)
GROWTHS, INDICES = (0.1, 0.2, 0.5), (0.1, 0.25)  # whose needed rows are told


class Tested(NamedTuple):
    """The test rows, as the pipeline left them in git."""

    scores: Scores
    coverage: Coverage
    rows: int
    errors: Floats  # of those in plots/predicted_actual.csv; of a rate, times √exposure
    predicted: Floats


class Judged(NamedTuple):
    """The outcome of the tests, as the findings have it."""

    verdict: Verdict
    reasons: list[str]
    rmse_growth: float | None
    rmse_p_value: float | None
    coverage_p_value: float | None
    drift: list[Drift]


def read_tested() -> Tested:
    """Read the metrics of the test rows, and the sample of them that is in git."""
    metrics, rows = read_metrics(EvaluationMetrics), read_metrics(SplitMetrics).test
    sample = pd.read_csv(PREDICTED)
    errors = (sample["actual"] - sample["predicted"]).to_numpy()
    if "exposure" in sample:
        errors = errors * np.sqrt(sample["exposure"].to_numpy())
    found = metrics.intervals
    coverage = Coverage(nominal=found.nominal, share=found.coverage, se=found.coverage_se)
    return Tested(dict(metrics.model), coverage, rows, errors, sample["predicted"].to_numpy())


def judge(
    tested: Tested,
    labelled: Labelled,
    predicted: Floats,
    counts: dict[str, Floats],
    bins: dict[str, Bins],
    trained: int,
    params: MonitorParams,
    seed: int = 0,
) -> Judged:
    """Compare live rows with the test rows and the training rows.

    Half of the false alarms allowed go to the errors, half to the coverage and the drift of all columns together.

    Args:
        predicted: (n,) the predictions of all live rows.
        counts: live rows in each bin, by column.
        trained: training rows that the shares of the bins come from.
    """
    level, reasons = params.false_alarms / 2, []
    growth = growth_p = coverage_p = None
    drifts: list[Drift] = []
    if len(labelled.truth) >= params.min_rows:
        growth = float(np.sqrt(np.mean(labelled.even_error**2)) / np.sqrt(np.mean(tested.errors**2)) - 1)
        growth_p = evidence.error_growth(tested.errors, labelled.even_error, seed)
        if growth_p < level and growth > params.max_rmse_growth:
            reasons.append(f"the RMSE grew by {percent(growth)} (p = {short(growth_p, 2)})")
        share, n = tested.coverage.share, tested.rows
        inside = labelled.coverage * len(labelled.truth)
        coverage_p = evidence.coverage_drop((share * n, (1 - share) * n), (inside, len(labelled.truth) - inside))
    if len(predicted) >= params.min_rows:
        edges = np.unique(np.quantile(tested.predicted, TENTHS))
        shares, now = (
            np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1).astype(np.float64)
            for values in (tested.predicted, predicted)
        )
        compared = {PREDICTION: (shares / len(tested.predicted), len(tested.predicted), now)}
        compared |= {name: (np.array(bins[name].shares), trained, count) for name, count in counts.items()}
        for name, (expected, reference, count) in compared.items():
            rows = int(count.sum())
            if rows >= params.min_rows:
                p_value, freedom = evidence.drift(list(expected), reference, count)
                psi = stability_index(list(expected), count.tolist())
                chance = evidence.chance_index(freedom, reference, rows)
                drifts.append(Drift(column=name, rows=rows, psi=psi, psi_by_chance=chance, p_value=p_value))
    p_values = [each.p_value for each in drifts]
    *adjusted, coverage_p = evidence.holm([*p_values, 1.0 if coverage_p is None else coverage_p])
    for each, p_value in zip(drifts, adjusted, strict=True):
        each.p_value = p_value
        each.drifted = p_value < level and each.psi - each.psi_by_chance > params.max_psi
    drifts.sort(key=lambda drift: -drift.psi + drift.psi_by_chance)
    if growth is not None:
        drop = tested.coverage.share - labelled.coverage
        if coverage_p < level and drop > params.max_coverage_drop:
            reasons.append(
                f"{percent(labelled.coverage, 1)} of the rows are inside their interval, not "
                f"{percent(tested.coverage.share, 1)} (p = {short(coverage_p, 2)})"
            )
    verdict: Verdict = "retrain" if reasons else "watch" if any(each.drifted for each in drifts) else "ok"
    reasons += [f"{each.column} has drifted (PSI {short(each.psi, 2)})" for each in drifts if each.drifted]
    return Judged(verdict, reasons, growth, growth_p, None if growth is None else coverage_p, drifts)


def describe(md5: str, logged: Logged, labelled: Labelled, nominal: float, params: EvaluateParams) -> ScorecardFindings:
    """Describe the rows of one scorecard."""
    rows, known = sum(map(len, logged.predictions)), len(labelled.truth)
    scores = coverage = None
    if known:
        cluster = np.arange(known) % CLUSTERS
        weight = labelled.exposure / labelled.exposure.mean()
        sums = cluster_sums(cluster, labelled.truth, labelled.prediction, float(labelled.truth.mean()), weight)
        scores = dict(bootstrap_scores(sums, params.bootstrap, params.confidence, params.seed))
        share = labelled.coverage
        coverage = Coverage(nominal=nominal, share=share, se=float(np.sqrt(share * (1 - share) / known)))
    weeks = [
        bin_of(str(np.datetime64(int(week), "D")), labelled, labelled.week == week) for week in np.unique(labelled.week)
    ]
    return ScorecardFindings(
        scorecard_md5=md5, rows=rows, labelled=known, scores=scores, coverage=coverage, weeks=weeks
    )


def bin_of(name: str, labelled: Labelled, chosen: Floats) -> Bin:
    """Sum up some labelled rows."""
    each = (labelled.prediction, labelled.truth, labelled.error**2, labelled.inside)
    predicted, actual, squares, coverage = (
        float(np.average(values[chosen], weights=labelled.exposure[chosen])) for values in each
    )
    rows, rmse = int(chosen.sum()), float(np.sqrt(squares))
    return Bin(name=name, rows=rows, predicted=predicted, actual=actual, rmse=rmse, coverage=coverage)


def calibration_of(labelled: Labelled) -> list[Bin]:
    """Sum up the labelled rows by tenth of their prediction."""
    if not len(labelled.truth):
        return []
    edges = np.unique(np.quantile(labelled.prediction, TENTHS))
    place = np.searchsorted(edges, labelled.prediction, side="right")
    return [bin_of(str(number + 1), labelled, place == number) for number in np.unique(place)]


def groups_of(labelled: Labelled, bins: dict[str, Bins], least: int) -> list[Bin]:
    """Sum up the labelled rows by bin of each column, where there are enough; the largest RMSE first."""
    found = [
        bin_of(f"{column}: {bins[column].names[number]}", labelled, place == number)
        for column, place in labelled.groups.items()
        for number in np.flatnonzero(np.bincount(place[place >= 0]) >= least)
    ]
    return sorted(found, key=lambda each: -each.rmse)


def rows_needed(tested: Tested, bins: dict[str, Bins], trained: int, params: MonitorParams) -> dict[str, int | None]:
    """Compute how many rows it takes to see growths of the RMSE and drifts of given sizes."""
    low, high, level = tested.scores["rmse_low"], tested.scores["rmse_high"], params.false_alarms / 2
    needed: dict[str, int | None] = {}
    if low and high:
        spread = float(np.log(high / low)) / (2 * NORMAL_95) * np.sqrt(tested.rows)
        for growth in GROWTHS:
            rows = evidence.rows_for_growth(growth, spread, len(tested.errors), level / 2)
            needed[f"RMSE up by {percent(growth)}"] = None if rows is None else max(rows, params.min_rows)
    freedom = max((sum(share > 0 for share in each.shares) - 1 for each in bins.values()), default=1)
    for index in INDICES:
        rows = evidence.rows_for_drift(index, max(freedom, 1), trained, level / (len(bins) + 2))
        needed[f"PSI of {index:g}"] = None if rows is None else max(rows, params.min_rows)
    return needed
