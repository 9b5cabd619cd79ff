"""The API: predictions add up, every error is a problem document that names what is wrong."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.helpers.serving import ROW, make_app, make_card, make_pair_card, write_checkout
from webapp.scoring.messages import level_note
from webapp.scoring.scorecard import Levels
from webapp.scoring.scorer import score

CARD = make_card()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return make_app(write_checkout(tmp_path_factory.mktemp("api") / "checkout"), GIT_SHA="abc").test_client()


def post(client: FlaskClient, body: bytes | str, content_type: str = "application/json") -> tuple[int, Any]:
    answer = client.post("/api/v1/predict", data=body, content_type=content_type)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.content_type == "application/problem+json"
        content = json.loads(answer.text, parse_constant=pytest.fail)
        assert set(content) == {"type", "title", "status", "detail", "errors"}
        assert content["status"] == answer.status_code
    return answer.status_code, json.loads(answer.text, parse_constant=pytest.fail)


def test_a_row_gets_a_prediction_that_adds_up(client: FlaskClient) -> None:
    status, found = post(client, json.dumps(ROW))
    assert status == 200
    expected = score(CARD, {**ROW, "kind": "2"})
    assert found["prediction"] == expected.prediction
    assert found["contributions"] == expected.contributions
    assert (found["lower"], found["upper"]) == (expected.lower, expected.upper)
    assert found["intercept"] + math.fsum(found["contributions"].values()) == pytest.approx(
        found["prediction"], abs=1e-9
    )
    assert found["warnings"] == {}


def test_pairs_are_part_of_the_sum_and_unseen_ones_are_warned_of(tmp_path: Path) -> None:
    client = make_app(write_checkout(tmp_path / "checkout", make_pair_card())).test_client()
    for changes, pairs, unseen in [
        ({"size": 5.0, "kind": 1}, [-2.0, -3.0], []),
        ({"size": 0.0, "kind": 2, "place": "süd"}, [8.0, 3.0], []),
        ({"size": 5.0, "kind": 2, "place": None}, [2.0, 0.0], ["size × kind", "sold.month × place"]),
        ({"size": 0.0, "place": "elsewhere", "sold": None}, [8.0, 0.0], ["place"]),  # unseen alone: one warning
    ]:
        status, found = post(client, json.dumps({**ROW, **changes}))
        assert (status, found["pairs"]) == (200, dict(zip(("size × kind", "sold.month × place"), pairs, strict=True)))
        total = math.fsum([found["intercept"], *found["contributions"].values(), *found["pairs"].values()])
        assert found["prediction"] == pytest.approx(total, abs=1e-9)
        assert list(found["warnings"]) == unseen


def test_rows_get_predictions_in_their_order(client: FlaskClient) -> None:
    status, found = post(client, json.dumps([{**ROW, "size": size} for size in (0, 10, 20)]))
    assert status == 200
    assert [answer["contributions"]["size"] for answer in found] == [-20, 0, 40]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("size", "12", "must be a number"),
        ("size", True, "must be a number"),
        ("size", [1], "must be a number"),
        ("size", -0.5, "must be at least 0 m²"),
        ("size", 1e300, "must be at most 100 m²"),
        ("size", None, "is required"),
        ("rooms", 2.5, "must be a whole number"),
        ("kind", 3, "must be one of 1 (flat), 2 (house)"),
        ("kind", {"a": 1}, "must be one of 1 (flat), 2 (house)"),
        ("kind", "NA", "is required"),
        ("place", 5, "must be text"),
        ("garden", 1, "must be true or false"),
        ("garden", "true", "must be true or false"),
        ("sold", 1_600_000_000, "must be a datetime like 2026-11-24T17:05"),
        ("sold", "1600000000", "must be a datetime like 2026-11-24T17:05"),
        ("sold", "2026-02-30T10:00", "must be a datetime like 2026-11-24T17:05"),
        ("sold", "0001-01-01T00:00:00+23:59", "must be a datetime like 2026-11-24T17:05"),
        ("built", "1899-12-31", "must be at least 1900-01-01"),
        ("built", "yester-day", "must be a date like 2026-11-24"),
        ("sise", 1, "is not a column of the model; did you mean size?"),
        ("☃", 1, "is not a column of the model"),
    ],
)
def test_a_bad_cell_is_named(client: FlaskClient, column: str, value: Any, message: str) -> None:
    status, found = post(client, json.dumps({**ROW, column: value}))
    assert status == 422
    [error] = found["errors"]
    assert (error["column"], error["detail"]) == (column, message)
    assert found["detail"] == f"{column} {message}"


def test_every_bad_cell_is_named_with_its_row(client: FlaskClient) -> None:
    status, found = post(client, json.dumps([ROW, {**ROW, "size": "x", "rooms": 0.5}, {"place": "a/b", "x/y~": 1}]))
    assert status == 422
    pointers = [error["pointer"] for error in found["errors"]]
    assert pointers == ["#/1/size", "#/1/rooms", "#/2/size", "#/2/rooms", "#/2/kind", "#/2/garden", "#/2/x~1y~0"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"size": 1e', 400),
        (b'{"size": "\\ud800"}', 400),
        (b"[" * 100_000, 400),
        (json.dumps({**ROW, "size": 5}).replace("{", '{"size": 4, ', 1).encode(), 400),  # a key twice
        (json.dumps({**ROW, "size": math.nan}).encode(), 422),
        (json.dumps({**ROW, "size": math.inf}).encode(), 422),
        (json.dumps(ROW).replace("12.5", "1e999").encode(), 422),
        (json.dumps(ROW).replace("12.5", "9" * 500).encode(), 422),
        (b"null", 422),
        (b"5", 422),
        (b'"text"', 422),
        (b"[]", 422),
        (b"[[]]", 422),
        (json.dumps([ROW] * 5001).encode(), 422),
        (b" " * 1_000_001, 413),
    ],
)
def test_a_body_that_cannot_be_read_is_a_problem(client: FlaskClient, body: bytes, status: int) -> None:
    assert post(client, body)[0] == status
    assert post(client, json.dumps(ROW))[0] == 200  # the next one is served


def test_negative_zero_is_zero(client: FlaskClient) -> None:
    assert post(client, json.dumps({**ROW, "size": -0.0}))[1] == post(client, json.dumps({**ROW, "size": 0}))[1]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"])
def test_other_content_types_are_refused(client: FlaskClient, content_type: str) -> None:
    assert post(client, json.dumps(ROW), content_type)[0] == 415


def test_other_methods_and_paths_are_problems(client: FlaskClient) -> None:
    for method, path, status in [
        ("GET", "/api/v1/predict", 405),
        ("POST", "/api/v1/model", 405),
        ("GET", "/api/v2", 404),
    ]:
        answer = client.open(path, method=method)
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert "POST" in client.get("/api/v1/predict").headers["Allow"]


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("size", 50, "outside the training range (0 to 20)"),
        ("place", "elsewhere", "not seen in training"),
        ("sold", "2030-01-01", "outside the dates seen in training (2026-01-01 to 2026-12-31)"),
        ("built", "1900-01-01", "outside the dates seen in training (1950-01-01 to 2020-01-01)"),
    ],
)
def test_what_the_model_has_not_seen_is_said(client: FlaskClient, column: str, value: Any, words: str) -> None:
    status, found = post(client, json.dumps({**ROW, column: value}))
    assert status == 200
    assert list(found["warnings"]) == [column]
    assert words in found["warnings"][column]


def test_a_level_that_was_merged_is_rare_not_unseen() -> None:
    values = {"a": 1.0, "e": 0.0, "lacking in the sample": 0.5}  # the schema lists e, which no row has
    effect, shares = Levels(values=values, other=0.0, missing=0.0), {"a": 0.99, "b": 0.01}
    few, many = level_note(effect, shares), level_note(effect, shares | dict.fromkeys(map(str, range(48)), 0.0))
    unseen = "not seen in training; treated as a rare level"
    notes = {"a": None, "b": "rare in training; treated as a rare level", "c": unseen, "e": unseen}
    assert {level: few(level) for level in notes} == notes
    assert few("lacking in the sample") is None
    assert many("c") == "rare or not seen in training; treated as a rare level", "the scorecard lists fifty levels"


def test_limits_and_ranges_are_not_rounded(tmp_path: Path) -> None:
    column = CARD.columns[0].model_copy(
        update={"maximum": 1_234_567.0, "quantiles": [5e-13, *[0.1] * 19, 0.1234], "unit": None, "default": 5e-13}
    )
    card = CARD.model_copy(update={"columns": [column, *CARD.columns[1:]]})
    client = make_app(write_checkout(tmp_path / "checkout", card)).test_client()
    assert post(client, json.dumps({**ROW, "size": 2e6}))[1]["detail"] == "size must be at most 1,234,567"
    assert post(client, json.dumps({**ROW, "size": 1}))[1]["warnings"]["size"].startswith(
        "outside the training range (5e−13 to 0.1234)"
    )
    assert 'value="0.0000000000005"' in client.get("/").text


def test_the_small_answers(client: FlaskClient) -> None:
    assert client.get("/health").json == {"status": "ok"}
    assert client.get("/ready").json == {"status": "ok"}
    version = client.get("/version").json
    assert version is not None
    assert version["git_sha"] == "abc"
    assert len(version["scorecard_md5"]) == 32
    assert client.get("/api/v1/model").json == CARD.model_dump(mode="json")


def test_the_openapi_document_says_what_a_row_is(client: FlaskClient) -> None:
    document = client.get("/api/v1/openapi.json").json
    assert document is not None
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/api/v1/predict", "/api/v1/batch", "/api/v1/model", "/health", "/ready", "/version",
    }  # fmt: skip
    row = document["components"]["schemas"]["Row"]
    assert row["additionalProperties"] is False
    assert sorted(row["required"]) == ["garden", "kind", "rooms", "size"]
    size = row["properties"]["size"]
    assert (size["type"], size["minimum"], size["maximum"], size["unit"]) == ("number", 0, 100, "m²")
    assert "pairs" in document["components"]["schemas"]["Prediction"]["required"]
    answers = document["paths"]["/api/v1/predict"]["post"]["responses"]
    assert list(answers["422"]["content"]) == ["application/problem+json"]


def test_an_error_inside_says_nothing_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(write_checkout(tmp_path / "checkout"))
    monkeypatch.setattr("webapp.views.api.answer", lambda *_: 1 / 0)
    answer = app.test_client().post("/api/v1/predict", json=ROW)
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert "ZeroDivision" not in answer.text
    assert "division" not in answer.text
