"""The Monitoring page: there while there is a report, beside the scorecard or in a bucket."""

from pathlib import Path

import pytest

from tests.helpers.monitoring import write_findings
from tests.helpers.processes import wait_until
from tests.helpers.servers import BUCKET, client, environment, s3_server
from tests.helpers.serving import make_app, write_checkout

LINK = '<a href="/monitoring"'


def test_the_page_comes_and_goes_with_the_report(tmp_path: Path) -> None:
    checkout = write_checkout(tmp_path / "checkout")
    app = make_app(checkout).test_client()
    browser = {"Accept": "text/html"}
    assert LINK not in app.get("/").text
    missing = app.get("/monitoring", headers=browser)
    assert (missing.status_code, "make monitor" in missing.text) == (404, True)
    write_findings(checkout / "monitoring")
    assert LINK in app.get("/").text
    page = app.get("/monitoring").text
    for shown in ("Verdict: retrain", "the RMSE grew by 95%", "4,321 logged", "19.5 (19 to 20)", "2026-07-01", "160"):
        assert shown in page, shown
    assert page.count("<title>Week from") == 20
    assert "another model than the one served here" in page
    (checkout / "monitoring/metrics.json").write_text("{}")
    assert app.get("/monitoring", headers=browser).status_code == 503


@pytest.mark.parametrize("verdict", ["ok", "watch"])
def test_a_report_without_outcomes_is_shown(tmp_path: Path, verdict: str) -> None:
    checkout = write_checkout(tmp_path / "checkout")
    live = {"scorecard_md5": "0" * 32, "rows": 7, "labelled": 0, "weeks": [], "coverage": None, "scores": None}
    write_findings(tmp_path / "elsewhere", verdict=verdict, reasons=[], live=live, calibration=[], groups=[], drift=[])
    page = make_app(checkout, MONITORING=str(tmp_path / "elsewhere")).test_client().get("/monitoring").text
    assert f"Verdict: {verdict}" in page
    assert "No outcome has arrived yet" in page


def test_a_report_in_a_bucket_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_findings(tmp_path)
    with s3_server() as address:
        for name, value in environment(address).items():
            monkeypatch.setenv(name, value)
        key = "models/monitoring/metrics.json"
        client(address).put_object(Bucket=BUCKET, Key=key, Body=(tmp_path / "metrics.json").read_bytes())
        app = make_app(write_checkout(tmp_path / "checkout"), MONITORING=f"s3://{BUCKET}/models/monitoring")
        assert wait_until(lambda: LINK in app.test_client().get("/").text, 30)
    assert "Verdict: retrain" in app.test_client().get("/monitoring").text
