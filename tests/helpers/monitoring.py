"""A report of tools/monitor, for the tests of the Monitoring page."""

from pathlib import Path
from typing import Any

from stages.utils.files import write_json
from webapp.findings import Findings


def write_findings(folder: Path, **changes: Any) -> None:
    """Write metrics.json of a model whose errors have grown, with twenty weeks."""
    scores = {"mae": 8.0, "r2": 0.9} | {f"{name}{end}": 1.0 for name in ("mae", "r2") for end in ("_low", "_high")}
    test = scores | {"rmse": 10.0, "rmse_low": 9.0, "rmse_high": 11.0}
    rows = {"rows": 60, "predicted": 200.0, "actual": 210.5, "coverage": 0.85}
    names = [f"2026-{7 + week // 4:02}-{1 + 7 * (week % 4):02}" for week in range(20)]
    weeks = [{"name": name, **rows, "rmse": 10.0 + place} for place, name in enumerate(names)]
    drift = {"rows": 1200, "psi": 0.31, "psi_by_chance": 0.01, "p_value": 1e-9, "drifted": True}
    coverage = {"nominal": 0.9, "share": 0.9, "se": 0.01}
    live = {"scorecard_md5": "0" * 32, "rows": 4321, "labelled": 1200, "weeks": weeks, "coverage": coverage}
    live["scores"] = scores | {"rmse": 19.5, "rmse_low": 19.0, "rmse_high": 20.0}
    found = {
        "verdict": "retrain",
        "reasons": ["the RMSE grew by 95% (p = 0.0001)", "size has drifted (PSI 0.31)"],
        "target": "Price",
        "unit": "k€",
        "test_scores": test,
        "test_coverage": coverage,
        "live": live,
        "others": [],
        "rmse_growth": 0.95,
        "rmse_p_value": 0.0001,
        "coverage_p_value": 1.0,
        "drift": [{"column": "size", **drift}, {"column": "kind", **drift, "drifted": False}],
        "not_logged": [],
        "calibration": [{"name": str(tenth), **rows, "rmse": 19.0} for tenth in range(1, 11)],
        "groups": [{"name": "place: a place with quite a long name, north of the river", **rows, "rmse": 30.0}],
        "rows_needed": {"RMSE up by 20%": 160, "PSI of 0.1": None},
        "unmatched": 0,
        "unreadable": 0,
        "contradictions": 0,
    }
    write_json(folder / "metrics.json", Findings.model_validate(found | changes).model_dump())
