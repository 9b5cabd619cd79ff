"""monitoring/report.md: the findings on one page."""

from collections.abc import Sequence

from tabulate import tabulate

from stages.model_card.markdown import plain
from stages.utils.files import replacing
from stages.utils.params import MonitorParams
from tools.monitor.report_file import FOLDER, Bin, Findings, ScorecardFindings
from webapp.formatting import percent, short, with_interval

REPORT = FOLDER / "report.md"
MOST_GROUPS = 10
SAID = {
    "ok": "nothing has changed beyond chance",
    "watch": "inputs or predictions have drifted; the errors have not grown",
    "retrain": "the model is no longer what was tested",
}


def write_report(findings: Findings, params: MonitorParams) -> str:
    """Write the page; return its headline."""
    live, verdict = findings.live, findings.verdict
    headline = f"verdict: {verdict} – {'; '.join(findings.reasons) or SAID[verdict]}"
    few = [
        f"{name} were not tested: {rows:,} of at least {params.min_rows:,} rows"
        for name, rows in (("The errors", live.labelled), ("Inputs and predictions", live.rows))
        if rows < params.min_rows
    ]
    sections = [
        f"# Monitoring: {plain(findings.target)}",
        f"**Verdict: {verdict}**: {SAID[verdict]}.",
        "\n".join(f"- {plain(reason)}" for reason in [*findings.reasons, *few]),
        f"{live.rows:,} predictions by scorecard `{live.scorecard_md5}`, {live.labelled:,} of them with an outcome. "
        f"Outcomes without a logged prediction: {findings.unmatched:,}; without an id or a number: "
        f"{findings.unreadable:,}; ids with several different outcomes, left out: {findings.contradictions:,}.",
        "## Errors",
        scores_table(findings),
        p_line(findings),
        "![RMSE by week](weeks.png)" if live.weeks else "",
        "## Calibration",
        bins_table("tenth", findings.calibration),
        "![Mean outcome by prediction](calibration.png)" if findings.calibration else "",
        "## Drift",
        drift_table(findings),
        f"Not logged: {', '.join(map(plain, findings.not_logged))}." if findings.not_logged else "",
        f"## Groups of rows with the largest errors (of at least {params.min_rows} rows)",
        bins_table("group", findings.groups[:MOST_GROUPS]),
        "## Weeks",
        bins_table("week from", live.weeks),
        "## Rows needed to see a change",
        needed_table(findings),
        *(section for other in findings.others for section in other_scorecard(other)),
    ]
    with replacing(REPORT) as partial:
        partial.write_text("\n\n".join(filter(None, sections)) + "\n", encoding="utf-8")
    return "\n".join([headline, *few, f"report: {REPORT}"])


def table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    """Write a Markdown table, numbers to the right."""
    align = ("left", *["right"] * (len(headers) - 1))
    return str(tabulate(rows, headers, tablefmt="pipe", colalign=align, disable_numparse=True))


def scores_table(findings: Findings) -> str:
    """Put the metrics of the labelled rows beside those of the test rows."""
    live, test = findings.live, findings.test_scores
    if live.scores is None or live.coverage is None:
        return "No outcome has arrived yet."
    rows = [
        [name, with_interval(dict(test), key), with_interval(dict(live.scores), key)]
        for key, name in (("rmse", "RMSE"), ("mae", "MAE"), ("r2", "R²"))
    ]
    tested, now = (
        f"{percent(each.share, 1)} ± {percent(each.se, 1)}" for each in (findings.test_coverage, live.coverage)
    )
    rows.append([f"coverage of the {percent(live.coverage.nominal)} prediction intervals", tested, now])
    return table(rows, ["", "test rows", "live"])


def p_line(findings: Findings) -> str:
    """Say how much the error grew, and how likely that is by chance."""
    growth, growth_p, coverage_p = findings.rmse_growth, findings.rmse_p_value, findings.coverage_p_value
    if growth is None or growth_p is None or coverage_p is None:
        return ""
    return (
        f"RMSE {'up' if growth > 0 else 'down'} by {percent(abs(growth), 1)}; p = {short(growth_p, 2)} for errors this "
        f"large by chance, p = {short(coverage_p, 2)} for a coverage this low (adjusted for the number of tests)."
    )


def bins_table(name: str, bins: Sequence[Bin]) -> str:
    """Write a line per bin."""
    if not bins:
        return "Too few outcomes."
    rows = [
        [
            plain(each.name),
            f"{each.rows:,}",
            short(each.predicted),
            short(each.actual),
            short(each.rmse),
            percent(each.coverage, 1),
        ]
        for each in bins
    ]
    return table(rows, [name, "rows", "mean prediction", "mean outcome", "RMSE", "coverage"])


def drift_table(findings: Findings) -> str:
    """Write a line per column, the largest drift first."""
    if not findings.drift:
        return "Too few rows."
    rows = [
        [
            plain(each.column),
            f"{each.rows:,}",
            short(each.psi, 2),
            short(each.psi_by_chance, 2),
            short(each.p_value, 2),
            "**yes**" if each.drifted else "no",
        ]
        for each in findings.drift
    ]
    return table(rows, ["column", "rows", "PSI", "PSI by chance", "p", "drifted"])


def needed_table(findings: Findings) -> str:
    """Say how many rows it takes to see changes of several sizes."""
    rows = [
        [change, "more test or training rows are needed" if rows is None else f"{rows:,}"]
        for change, rows in findings.rows_needed.items()
    ]
    return table(rows, ["change", "rows, to see it four times in five"])


def other_scorecard(other: ScorecardFindings) -> list[str]:
    """Describe the rows of a scorecard that is not the pinned one."""
    scores = (
        "No outcome has arrived yet."
        if other.scores is None
        else "; ".join(
            f"{name} {with_interval(dict(other.scores), key)}"
            for key, name in (("rmse", "RMSE"), ("mae", "MAE"), ("r2", "R²"))
        )
    )
    counts = f"{other.rows:,} predictions, {other.labelled:,} with an outcome."
    return [f"## Scorecard `{other.scorecard_md5}`, which is not the pinned one", f"{counts} {scores}"]
