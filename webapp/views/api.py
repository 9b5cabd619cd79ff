"""The API: predict one row or many, and describe the model; its pydantic models make the OpenAPI document."""

import json
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field, RootModel, create_model
from pydantic_core import from_json
from werkzeug.exceptions import UnsupportedMediaType

from webapp.model import Model
from webapp.scoring.messages import InputError, Mistake, unknown_column
from webapp.scoring.rows import Row, RowError
from webapp.scoring.scorecard import Scorecard
from webapp.views.openapi import describe
from webapp.views.responses import Prediction, answer, json_response

MOST_ROWS = 5000  # in one request; send more as a CSV file
MOST_MISTAKES = 100  # that one answer lists
LONGEST_ID = 128  # characters


class Status(BaseModel):
    """The state of the app."""

    status: Literal["ok"]


class Version(BaseModel):
    """The deployed code and model."""

    git_sha: str = Field(description="commit of the code")
    scorecard_md5: str = Field(description="of the model, as dvc.lock pins it")


def parse_json(body: bytes) -> Any:
    """Parse the body of a request.

    Raises:
        InputError: it is not JSON, or a key occurs twice in an object.
    """
    try:
        content = from_json(body)
    except ValueError as error:
        raise InputError([Mistake(None, None, f"is not JSON: {error}")], 400) from None
    WITHOUT_DUPLICATES.decode(body.decode())
    return content


def refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    """Raise an InputError if an object holds a key twice: which of the two is meant?"""
    if len(dict(pairs)) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError([Mistake(None, twice, "occurs twice in one row")], 400)


WITHOUT_DUPLICATES = json.JSONDecoder(object_pairs_hook=refuse_duplicates, parse_int=str, parse_float=str)


def read_rows(content: Any, model: Model) -> tuple[list[Row], list[str | None]]:
    """Read one row, or a list of rows, and the ids that the client gave them.

    Raises:
        InputError: they are not what the model takes.
    """
    rows = content if isinstance(content, list) else [content]
    if not 1 <= len(rows) <= MOST_ROWS:
        raise InputError([Mistake(None, None, f"must be a list of 1 to {MOST_ROWS:,} rows; found {len(rows):,}")])
    names = [column.name for column in model.card.inputs]
    known, found, mistakes = {*names, "id"}, [], []
    ids: list[str | None] = []
    for number, row in enumerate(rows):
        place = number if isinstance(content, list) else None
        if not isinstance(row, dict):
            mistakes.append(Mistake(place, None, "must be an object with one key per column"))
            continue
        given = row.get("id") if "id" not in names else None
        ids.append(given)
        if given is not None and not (isinstance(given, str) and 1 <= len(given) <= LONGEST_ID):
            mistakes.append(Mistake(place, "id", f"must be text of 1 to {LONGEST_ID} characters"))
        try:
            found.append(model.read_json(row))
        except RowError as error:
            mistakes += [Mistake(place, column, message) for column, message in error.mistakes]
        if not row.keys() <= known:
            mistakes += [Mistake(place, name, unknown_column(name, names)) for name in row if name not in known]
        if len(mistakes) >= MOST_MISTAKES:
            break
    if mistakes:
        raise InputError(mistakes[:MOST_MISTAKES])
    return found, ids


def body_type(model: Model) -> type[RootModel[Any]]:
    """Make the type that documents what POST /api/v1/predict takes: one row, or a list of them."""
    rows = Annotated[list[model.row_type], Field(min_length=1, max_length=MOST_ROWS)]  # type: ignore[name-defined]
    one_or_many: Any = model.row_type | rows
    return create_model("Rows", __base__=RootModel, __doc__="One row, or a list of them.", root=(one_or_many, ...))


class Answer(RootModel[Prediction | list[Prediction]]):
    """One prediction for one row, a list for a list, in its order."""


def make_api(model: Model) -> Blueprint:
    """Make the routes of the API."""
    card, metrics, settings = model.card, model.metrics, model.settings
    scored = metrics.rows.labels("api", "scored")
    api = Blueprint("api", __name__)

    @api.post("/api/v1/predict")
    @describe(Answer, takes=lambda: body_type(model), errors=(400, 413, 415, 422))
    def predict() -> Response:
        """Predict one row, or a list of rows."""
        if request.mimetype != "application/json":
            raise UnsupportedMediaType("send application/json (or a CSV file to /api/v1/batch)")
        content = parse_json(request.get_data(cache=False))
        rows, ids = read_rows(content, model)
        answers = [answer(model, row) for row in rows]
        if model.log is not None:
            sent = content if isinstance(content, list) else [content]
            ends = [(found["prediction"], found["lower"], found["upper"]) for found in answers]
            ids = list(model.log.keep("api", ids, sent, ends))
        for found, given in zip(answers, ids, strict=True):
            if given is not None:
                found["id"] = given
        metrics.inputs.add(rows)
        scored.inc(len(rows))
        return json_response(answers if isinstance(content, list) else answers[0])

    @api.get("/api/v1/model")
    @describe(Scorecard)
    def show_scorecard() -> Response:
        """Show the whole model: each column's effect, the intervals, the metrics on the test rows, the hashes."""
        return json_response(card)

    @api.get("/health")
    @describe(Status)
    def is_alive() -> Response:
        """Tell that the process answers."""
        return json_response({"status": "ok"})

    @api.get("/ready")
    @describe(Status)
    def is_ready() -> Response:
        """Tell that it predicts: score the form's defaults."""
        answer(model, {column.name: column.default for column in card.inputs})
        return json_response({"status": "ok"})

    @api.get("/version")
    @describe(Version)
    def show_version() -> Response:
        """Show the commit of the code and the md5 of the model."""
        return json_response({"git_sha": settings.git_sha, "scorecard_md5": model.md5})

    return api
