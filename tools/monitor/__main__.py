"""Compare logged predictions with the outcomes that arrived since, and judge the model. Run: make monitor

    python -m tools.monitor prediction-log outcomes.csv [--id id]

Reads   a prediction log (PREDICTION_LOG of the web app), outcomes with the id and the target of each, models/
        scorecard.json as dvc.lock pins it, metrics/, plots/predicted_actual.csv, params.yaml: monitor
Writes  monitoring/report.md, monitoring/metrics.json, monitoring/*.png

Exit code: 0 ok, 3 watch, 4 retrain; 1 if there is no verdict, with the reason in one line.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from stages.table.schema import read_schema
from stages.utils.errors import PipelineError
from stages.utils.files import write_json
from stages.utils.params import read_params
from tools.monitor.findings import calibration_of, describe, groups_of, judge, read_tested, rows_needed
from tools.monitor.logged import COLUMNS, collect, label
from tools.monitor.outcomes import read_outcomes
from tools.monitor.pictures import draw
from tools.monitor.report import FOLDER, write_report
from webapp.drift import make_bins
from webapp.findings import Findings
from webapp.pin import PinError, load_pinned
from webapp.prediction_log.store import StoreError, read_rows
from webapp.scoring.scorecard import Calendar

EXIT_CODES = {"ok": 0, "watch": 3, "retrain": 4}


def monitor(log: str, outcomes: str, id_column: str) -> Findings:
    """Examine a log.

    Raises:
        PipelineError, PinError, StoreError: something cannot be read.
    """
    card, md5 = load_pinned(Path())
    params, evaluation, tested = read_params("monitor"), read_params("evaluate"), read_tested()
    truth = read_outcomes(outcomes, id_column, read_schema())
    # dates move on: that is not drift
    bins = {column.name: make_bins(column) for column in card.inputs if not isinstance(column.effect, Calendar)}
    found = collect(read_rows(log, COLUMNS), truth.truth, md5, card, bins)
    if not found:
        raise PipelineError(f"{log}: the log is empty; is PREDICTION_LOG of the server this address?")
    matched = set().union(*(part["outcome"].tolist() for logged in found.values() for part in logged.known))
    if not matched:
        raise PipelineError(
            f"{outcomes}: none of its {len(truth.truth)} ids is in the log; the ids are those that the client sent, "
            f"or that the API returned"
        )
    values = truth.truth.to_numpy()
    labelled = {name: label(logged.known, values) for name, logged in found.items()}
    live = found.pop(md5, None)
    if live is None:
        raise PipelineError(
            f"{log}: no row is of the pinned scorecard {md5}; found {', '.join(found)}; "
            f"check out the commit of one of them to judge it"
        )
    trained = min(int(card.training["rows"] or 0), read_params("features.sample_rows"))
    logged_bins = {name: each for name, each in bins.items() if live.counts.get(name, np.zeros(1)).sum()}
    counts = {name: live.counts[name] for name in logged_bins}
    predictions, usable = np.concatenate(live.predictions), labelled[md5]
    judged = judge(tested, usable, predictions, counts, logged_bins, trained, params, evaluation.seed)
    about = {
        name: describe(name, logged, labelled[name], card.intervals.coverage, evaluation)
        for name, logged in sorted({md5: live, **found}.items())
    }
    return Findings(
        **judged._asdict(),
        target=card.target.title or card.target.name,
        unit=card.target.unit,
        test_scores=tested.scores,
        test_coverage=tested.coverage,
        live=about.pop(md5),
        others=list(about.values()),
        not_logged=[name for name in bins if name not in logged_bins],
        calibration=calibration_of(usable),
        groups=groups_of(usable, logged_bins, params.min_rows),
        rows_needed=rows_needed(tested, logged_bins, trained, params),
        unmatched=len(truth.truth) - len(matched),
        unreadable=truth.unreadable,
        contradictions=len(truth.contradictions),
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="monitor", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("log", help="a folder, s3://BUCKET/PATH or a SQLAlchemy URL, as PREDICTION_LOG of the web app")
    parser.add_argument("outcomes", help="a file, a URI, or a YAML file with the keys of config.yaml: source")
    parser.add_argument("--id", default="id", help="the column of the outcomes that has the ids")
    arguments = parser.parse_args()
    try:
        findings = monitor(arguments.log, arguments.outcomes, arguments.id)
    except (PipelineError, PinError, StoreError) as error:
        print(f"monitor: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    write_json(FOLDER / "metrics.json", findings.model_dump())
    draw(findings)
    print(write_report(findings, read_params("monitor")))
    return EXIT_CODES[findings.verdict]


if __name__ == "__main__":
    sys.exit(main())
