"""tools/monitor: false alarms are rare, a grown error is found, and what cannot be used is named and left out."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from benchmarks.monitor import ERRORS, simulate
from stages.utils.files import md5_of
from tests.helpers.project import Workspace
from tests.helpers.serving import make_card, make_rate_card, write_checkout, write_lock
from tools.monitor.__main__ import main
from tools.monitor.evidence import rows_for_drift, rows_for_growth
from webapp.prediction_log.store import SCHEMA, write_rows
from webapp.scoring.scorecard import Intervals
from webapp.scoring.scorer import make_scorer

INTERVALS = Intervals(coverage=0.9, edges=[], lower=[-16.4], upper=[16.4])  # of errors with a deviation of 10
CARD = make_card().model_copy(update={"intervals": INTERVALS})
DAY = 86_400_000_000  # microseconds
SCHEMA_YAML = """
fields:
- {name: id, type: string, role: id}
- {name: size, type: number}
- {name: price, type: number, role: target}
"""


def rows_of(seed: int, count: int, size: float = 20.0, noise: float = 10.0) -> pd.DataFrame:
    """Rows as the log has them, with a truth; sizes are uniform from 0, as in training, up to `size`."""
    rng, score, made = np.random.default_rng(seed), make_scorer(CARD), []
    for number in range(count):
        kind, place = str(rng.integers(1, 3)), "north" if rng.random() < 0.6 else "süd"
        row = {"size": round(rng.uniform(0, size), 2), "kind": kind, "place": place}
        found = score({**row, "rooms": 3, "garden": True})
        cells = json.dumps({**row, "kind": int(kind), "rooms": 3, "garden": True, "sold": "2026-05-01T10:30"})
        made.append((f"{seed}-{number}", 60 * DAY + number * DAY // 50, "api", cells, *found[:3], "?", "abc"))
    frame = pd.DataFrame(made, columns=SCHEMA.names)
    return frame.assign(truth=frame["prediction"] + rng.normal(0, noise, count))


@pytest.fixture
def checkout(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a scorecard and what the pipeline says of its 600 test rows."""
    path = workspace.path
    write_checkout(path, CARD)
    (path / "schema.yaml").write_text(SCHEMA_YAML)
    test = rows_of(0, 600)
    test.rename(columns={"truth": "actual", "prediction": "predicted"}).to_csv(path / "predicted.csv")
    (path / "plots").mkdir()
    (path / "predicted.csv").rename(path / "plots/predicted_actual.csv")
    scores = {f"{name}{end}": 10.0 for name in ("rmse", "mae", "r2") for end in ("", "_low", "_high")}
    scores |= {"rmse_low": 9.4, "rmse_high": 10.6}
    share = float(((test["lower"] <= test["truth"]) & (test["truth"] <= test["upper"])).mean())
    intervals = {"nominal": 0.9, "coverage": share, "coverage_se": 0.01, "mean_width": 30.0}
    intervals |= {"interval_score": 40.0, "interval_score_constant": 40.0, "worst_group": None}
    gate = {"min_r2": True, "max_rmse_to_ols": True, "min_coverage": True, "passed": True}
    gate |= {"min_worst_group_coverage": None}
    models = dict.fromkeys(("model", "mean", "least_squares", "black_box"), scores)
    split = dict.fromkeys(("duplicates_train", "duplicates_test", "duplicates_straddling", "train"), 0)
    split |= {"test": 600, "folds": [], "test_rows_with_inputs_seen_in_train": 0, "target_order_r2": 0, "row_ids": []}
    (path / "metrics").mkdir()
    (path / "metrics/test.json").write_text(json.dumps({**models, "intervals": intervals, "gate": gate}))
    (path / "metrics/split.json").write_text(json.dumps(split))
    monkeypatch.chdir(path)
    return path


def log(*frames: pd.DataFrame, md5: str | None = None) -> None:
    """Write rows to the log, of the pinned scorecard or another one; their truths are the outcomes."""
    for number, frame in enumerate(frames):
        named = frame.assign(scorecard_md5=md5 or md5_of("models/scorecard.json"))
        write_rows("log", pa.Table.from_pandas(named[SCHEMA.names], SCHEMA, preserve_index=False), f"{md5}-{number}")
    pd.concat(frames)[["id", "truth"]].rename(columns={"truth": "price"}).to_csv("outcomes.csv", index=False)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["monitor", *(arguments or ("log", "outcomes.csv"))])
    return main()


def findings() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("monitoring/metrics.json").read_text())
    return found


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        ({}, 0, ""),
        ({"noise": 12.0}, 4, "RMSE grew"),
        ({"size": 12.0}, 3, "size has drifted"),
    ],
    ids=["same", "error", "drift"],
)
def test_the_verdict_says_what_has_changed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, float], code: int, reason: str
) -> None:
    log(rows_of(1, 500, **changes))
    assert run(monkeypatch) == code
    found = findings()
    assert found["verdict"] == {0: "ok", 3: "watch", 4: "retrain"}[code]
    assert reason in "; ".join(found["reasons"])
    assert (found["live"]["rows"], found["live"]["labelled"]) == (500, 500)
    assert [sum(each["rows"] for each in bins) for bins in (found["live"]["weeks"], found["calibration"])] == [500, 500]
    report = Path("monitoring/report.md").read_text()
    assert f"**Verdict: {found['verdict']}**" in report
    for picture in ("weeks.png", "calibration.png"):
        assert picture in report
        assert Path("monitoring", picture).read_bytes().startswith(b"\x89PNG")


def test_outcomes_that_cannot_be_used_are_counted_and_left_out(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, again = rows_of(1, 60), rows_of(1, 1).assign(time=90 * DAY, prediction=0.0)
    log(first, again)
    with Path("outcomes.csv").open("a") as file:
        file.write("1-1,-5\nelsewhere,7\n1-2,not a number\n,3\n")
    assert run(monkeypatch) == 0
    found = findings()
    assert (found["contradictions"], found["unmatched"], found["unreadable"]) == (2, 1, 2)
    assert found["live"]["labelled"] == 58, "60, but for the id with two truths and the one predicted again"


def test_each_scorecard_is_reported_by_itself(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log(rows_of(2, 80, noise=100.0), md5="0" * 32)
    assert run(monkeypatch) == 1, "there is nothing to judge"
    others = Path("outcomes.csv").read_text()
    log(rows_of(1, 80))
    Path("outcomes.csv").write_text(Path("outcomes.csv").read_text() + others.partition("\n")[2])
    assert run(monkeypatch) == 0
    [other] = findings()["others"]
    assert (other["scorecard_md5"], other["rows"], findings()["live"]["rows"]) == ("0" * 32, 80, 80)
    assert other["scores"]["rmse"] > 50 > findings()["live"]["scores"]["rmse"]


@pytest.mark.parametrize(("noise", "code"), [(10.0, 0), (13.0, 4)])
def test_a_rate_is_judged_by_the_total_over_the_logged_exposure(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, noise: float, code: int
) -> None:
    """The errors of rates differ with the exposure, here twice as long as in the test rows; that is no growth."""
    content = CARD.model_copy(update={"exposure": make_rate_card().exposure}).model_dump_json().encode()
    Path("models/scorecard.json").write_bytes(content)
    md5 = hashlib.md5(content).hexdigest()
    write_lock(checkout, path="models/scorecard.json", hash="md5", md5=md5, size=len(content))

    def rates_of(seed: int, count: int, longest: float, noise: float) -> pd.DataFrame:
        frame = rows_of(seed, count, noise=noise)
        years = np.random.default_rng(seed).uniform(0.25, longest, count)
        for name in ("lower", "upper", "truth"):
            frame[name] = frame["prediction"] + (frame[name] - frame["prediction"]) / np.sqrt(years)
        cells = [
            json.dumps({**json.loads(text), "years": year}) for text, year in zip(frame["inputs"], years, strict=True)
        ]
        return frame.assign(exposure=years, inputs=cells)

    test = rates_of(0, 600, 2.0, 10.0).rename(columns={"truth": "actual", "prediction": "predicted"})
    test.to_csv("plots/predicted_actual.csv")
    live = rates_of(1, 500, 4.0, noise)
    log(live.assign(truth=live["truth"] * live["exposure"]))
    assert run(monkeypatch) == code
    found = findings()
    assert ("RMSE grew" in "; ".join(found["reasons"])) == (code == 4)
    expected = np.sqrt(np.average((live["truth"] - live["prediction"]) ** 2, weights=live["exposure"]))
    assert found["live"]["scores"]["rmse"] == pytest.approx(expected)


def test_few_outcomes_raise_no_alarm_and_say_how_many_it_takes(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log(rows_of(1, 49, noise=1000.0))
    assert run(monkeypatch) == 0
    assert "The errors were not tested: 49 of at least 50 rows" in capsys.readouterr().out
    assert 50 < findings()["rows_needed"]["RMSE up by 20%"] < 500


@pytest.mark.parametrize(
    ("outcomes", "arguments", "message"),
    [
        ("id,price\nelsewhere,7\n", (), "none of its 1 ids is in the log"),
        ("case,price\n1-1,7\n", (), "no column 'id'; found case, price; --id names"),
        ("id,price\n1-1,many\n", (), "none of its 1 rows has an id and a number in column price"),
        ("id,price\n1-1,7\n", ("nowhere", "outcomes.csv"), "expected a prediction log"),
        ("id,price\n1-1,7\n", ("postgresql+psycopg://me:secret@127.0.0.1:9/x", "outcomes.csv"), "me:***@"),
        ("id,price\n1-1,7\n", ("log", "nowhere.csv"), "nowhere.csv: no such file"),
    ],
)
def test_bad_input_gets_one_line(
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outcomes: str,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    log(rows_of(1, 3))
    Path("outcomes.csv").write_text(outcomes)
    assert run(monkeypatch, *arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("monitor: ")
    assert said.count("\n") == 1
    assert message in said
    assert "secret" not in said
    assert not Path("monitoring").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "skewed (log-normal)"])
def test_false_alarms_are_rare_and_a_grown_error_is_found(kind: str) -> None:
    """A small version of benchmarks/monitor.py: 60 deployments without any change, 20 with an error up by a fifth."""
    assert kind in ERRORS
    rng = np.random.Generator(np.random.PCG64(1))
    same = Counter(simulate(rng, kind, 1000, 300, 0.0, 0.0) for _ in range(60))
    assert same["ok"] >= 54, same  # at 5%, seven or more have a chance below 3%
    grown = Counter(simulate(rng, kind, 1000, 500, 0.2, 0.0) for _ in range(20))
    assert grown["retrain"] >= 14, grown


def test_rows_needed_fall_with_the_size_of_the_change() -> None:
    growth = [rows_for_growth(size, 0.7, 1000, 0.0125) for size in (0.05, 0.1, 0.2, 0.5)]
    assert growth[0] is None, "so few test rows cannot show it"
    assert growth[1:] == sorted((rows for rows in growth if rows), reverse=True)
    drift = [rows_for_drift(size, 9, 1000, 0.0125) for size in (0.01, 0.1, 0.25)]
    assert drift[0] is None
    assert drift[1:] == sorted((rows for rows in drift if rows), reverse=True)
