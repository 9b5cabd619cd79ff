"""monitoring/report.md: the findings on one page."""

from pathlib import Path

from stages.model_card.markdown import render
from stages.utils.files import replacing
from stages.utils.params import MonitorParams
from webapp.findings import MEANINGS, MOST_GROUPS, Findings
from webapp.formatting import METRICS

FOLDER = Path("monitoring")
REPORT = FOLDER / "report.md"
TEMPLATE = Path(__file__).with_name("report.md.jinja")


def write_report(findings: Findings, params: MonitorParams) -> str:
    """Write the page; return its headline."""
    live, meaning = findings.live, MEANINGS[findings.verdict]
    few = [
        f"{name} were not tested: {rows:,} of at least {params.min_rows:,} rows"
        for name, rows in (("The errors", live.labelled), ("Inputs and predictions", live.rows))
        if rows < params.min_rows
    ]
    groups = f"Groups of rows with the largest errors (of at least {params.min_rows} rows)"
    tables = [
        ("Calibration", "tenth", findings.calibration),
        (groups, "group", findings.groups[:MOST_GROUPS]),
        ("Weeks", "week from", live.weeks),
    ]
    page = render(TEMPLATE, findings=findings, live=live, meaning=meaning, few=few, tables=tables, metrics=METRICS)
    with replacing(REPORT) as partial:
        partial.write_text(page, encoding="utf-8")
    headline = f"verdict: {findings.verdict} – {'; '.join(findings.reasons) or meaning}"
    return "\n".join([headline, *few, f"report: {REPORT}"])
