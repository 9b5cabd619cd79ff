"""The API: predict one row or many, say what the model is; its OpenAPI document comes from the same pydantic models."""

import json
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field, RootModel, TypeAdapter, ValidationError, create_model
from werkzeug.exceptions import UnsupportedMediaType

from webapp.model import Model
from webapp.scoring.messages import Mistake, explain
from webapp.scoring.scorecard import Scorecard
from webapp.views.openapi import describe
from webapp.views.problems import InputError
from webapp.views.responses import Prediction, answer, json_response

MOST_ROWS = 5000  # in one request; more go as a CSV file


class Status(BaseModel):
    """That the app lives."""

    status: Literal["ok"]


class Version(BaseModel):
    """What is deployed."""

    git_sha: str = Field(description="commit of the code")
    scorecard_md5: str = Field(description="of the model, as dvc.lock pins it")


def read_body(adapter: TypeAdapter[Any], body: bytes, card: Scorecard) -> Any:
    """What the body says, validated.

    Raises:
        InputError: it is not JSON (400), or not what the model takes (422).
    """
    try:
        value = adapter.validate_json(body)
    except ValidationError as error:
        status = 400 if error.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid" else 422
        raise InputError(explain(error, card), status) from None
    json.loads(body, object_pairs_hook=refuse_duplicates)
    return value


def refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    """Raise InputError if a key stands twice in an object: which of the two was meant?"""
    if len(dict(pairs)) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError([Mistake(None, twice, "stands twice in one row")], 400)


def rows_type(row: Any) -> Any:
    """The type of a list of rows."""
    return Annotated[list[row], Field(min_length=1, max_length=MOST_ROWS)]


def body_type(model: Model) -> type[RootModel[Any]]:
    """What POST /api/v1/predict takes: one row, or a list of them."""
    one_or_many: Any = model.row_type | rows_type(model.row_type)
    return create_model("Rows", __base__=RootModel, __doc__="One row, or a list of them.", root=(one_or_many, ...))


class Answer(RootModel[Prediction | list[Prediction]]):
    """One prediction for one row, a list for a list, in its order."""


def make_api(model: Model) -> Blueprint:
    """The routes of the API."""
    card, metrics, settings = model.card, model.metrics, model.settings
    many: TypeAdapter[list[dict[str, Any]]] = TypeAdapter(rows_type(model.row_type))
    scored = metrics.rows.labels("api", "scored")
    api = Blueprint("api", __name__)

    @api.post("/api/v1/predict")
    @describe(Answer, takes=lambda: body_type(model), errors=(400, 413, 415, 422))
    def predict() -> Response:
        """Predict one row, or a list of rows."""
        if request.mimetype != "application/json":
            raise UnsupportedMediaType("send application/json (or a CSV file to /api/v1/batch)")
        body = request.get_data(cache=False)
        is_list = body.lstrip()[:1] == b"["
        rows = read_body(many, body, card) if is_list else [read_body(model.row, body, card)]
        answers = [answer(card, model.score, row) for row in rows]
        metrics.inputs.add(rows)
        scored.inc(len(rows))
        return json_response(answers if is_list else answers[0])

    @api.get("/api/v1/model")
    @describe(Scorecard)
    def show_scorecard() -> Response:
        """The whole model: each column's effect, the intervals, the metrics on the test rows, the hashes."""
        return json_response(card)

    @api.get("/health")
    @describe(Status)
    def is_alive() -> Response:
        """Whether the process answers."""
        return json_response({"status": "ok"})

    @api.get("/ready")
    @describe(Status)
    def is_ready() -> Response:
        """Whether it predicts: it scores what the form starts with."""
        answer(card, model.score, {column.name: column.default for column in card.columns})
        return json_response({"status": "ok"})

    @api.get("/version")
    @describe(Version)
    def show_version() -> Response:
        """The commit of the code and the md5 of the model."""
        return json_response({"git_sha": settings.git_sha, "scorecard_md5": model.md5})

    return api
