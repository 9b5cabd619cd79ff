"""A model of a rate: the form, the API, batches and tools/predict ask for the exposure and answer with both."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flask.testing import FlaskClient

from tests.helpers.serving import ROW, make_app, make_card, make_rate_card, write_checkout
from tools.predict import Counts, predict_file
from webapp.metrics import make_metrics
from webapp.model import make_log
from webapp.scoring.scorer import score
from webapp.settings import LogSettings, Settings

CARD, FOUND = make_rate_card(), score(make_card(), {**ROW, "kind": "2"})
HALF = (FOUND.upper - FOUND.lower) / 2  # of the interval of an exposure of 1
NAMES = ("prediction", "lower", "upper", "total", "total_lower", "total_upper")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    checkout = write_checkout(tmp_path_factory.mktemp("rates") / "checkout", CARD)
    return make_app(checkout).test_client()


def answers(years: float) -> list[float]:
    """The rate and the total, each with the ends of its interval."""
    half = HALF / min(max(years, 0.25), 4.0) ** 0.5
    ends = [FOUND.prediction, FOUND.prediction - half, FOUND.prediction + half]
    return [*ends, *(end * years for end in ends)]


@pytest.mark.parametrize("years", [0.01, 0.25, 1.0, 2.0, 100.0])
def test_the_api_answers_with_rate_and_total(client: FlaskClient, years: float) -> None:
    found: Any = client.post("/api/v1/predict", json={**ROW, "years": years}).json
    assert [found[name] for name in NAMES] == pytest.approx(answers(years))
    assert "years" not in found["contributions"]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({}, "is required"),
        ({"years": None}, "is required"),
        ({"years": 0}, "must be a positive number"),
        ({"years": -1}, "must be a positive number"),
        ({"years": "much"}, "must be a positive number"),
    ],
)
def test_an_exposure_that_is_none_is_refused(client: FlaskClient, cells: dict[str, Any], said: str) -> None:
    answer = client.post("/api/v1/predict", json={**ROW, **cells})
    assert (answer.status_code, (answer.json or {})["detail"]) == (422, f"years {said}")


def test_tables_get_both(client: FlaskClient, tmp_path: Path) -> None:
    frame = pd.DataFrame([{**ROW, "years": years, "built": None} for years in (2.0, 0.0)])
    text = frame.to_csv(index=False)
    with client.post("/api/v1/batch", data=text, content_type="text/csv") as answer:
        rows = list(csv.DictReader(io.StringIO(answer.text)))
    frame["sold"] = pd.to_datetime(frame["sold"])
    frame.astype({"built": "datetime64[us]"}).to_parquet(tmp_path / "in.parquet")
    assert predict_file(tmp_path / "in.parquet", tmp_path / "out.parquet", CARD) == Counts(1, 1)
    for first, second in (rows, pd.read_parquet(tmp_path / "out.parquet").to_dict("records")):
        assert [float(first[name]) for name in NAMES] == pytest.approx(answers(2.0))
        assert second["reason"] == "years must be a positive number"
    assert client.get("/batch/template.csv").text.splitlines()[0].endswith(",years")


def test_the_form_asks_for_the_exposure_and_shows_both(client: FlaskClient) -> None:
    typed = {f"column:{name}": str(cell or "") for name, cell in (ROW | {"garden": "true", "years": 2.0}).items()}
    page = client.post("/", data=typed).text
    assert 'name="column:years"' in page
    assert " k€ per year</p>" in page
    rate, *_, total, low, high = (f"{number:,.0f}" for number in answers(2.0))
    assert f"<strong>{rate}</strong>" in page
    assert f"Total for Years 2.0 year: <strong>{total}</strong> k€, {low} to {high}</p>" in page
    assert page.count("effect of Years") == 0, "it has none"
    assert 'Size (m²) <span class="muted">only rises</span>' in page


def test_the_document_and_the_log_have_the_exposure(client: FlaskClient) -> None:
    schemas: Any = json.loads(client.get("/api/v1/openapi.json").text)["components"]["schemas"]
    assert schemas["Row"]["properties"]["years"]["exclusiveMinimum"] == 0
    assert "years" in schemas["Row"]["required"]
    settings = Settings(log=LogSettings("log", ("size",), 60.0, Path("spool")))
    log = make_log(CARD, "md5", settings, make_metrics(CARD))
    assert log.columns == ("size", "years"), "an outcome is divided by it, so it is kept in any case"
