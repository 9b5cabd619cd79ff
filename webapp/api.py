"""The API: predict one row or many, say what the model is; its OpenAPI document comes from the pydantic models."""

import functools
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field, RootModel, TypeAdapter, ValidationError, create_model
from spectree import Response as Answers
from spectree import SpecTree
from werkzeug.exceptions import UnsupportedMediaType

from webapp.answers import Prediction, answer, json_response
from webapp.drift import observe
from webapp.messages import Mistake, explain
from webapp.model import Model
from webapp.problems import InputError, Problem
from webapp.scorecard import Scorecard

MOST_ROWS = 5000  # in one request; more go as a CSV file


class Status(BaseModel):
    """That the app lives."""

    status: Literal["ok"]


class Version(BaseModel):
    """What is deployed."""

    git_sha: str = Field(description="commit of the code")
    scorecard_md5: str = Field(description="of the model, as dvc.lock pins it")


def make_spec(model: Model) -> SpecTree:
    """The OpenAPI document to be."""
    title = model.card.title or model.card.target.name
    secured: list[dict[str, list[str]]] = [{"bearer": []}] if model.settings.app_token else []
    return SpecTree(
        "flask",
        mode="strict",
        annotations=False,
        title=f"{title}: predictions",
        description=model.card.description or "",
        version="1",
        openapi_version="3.1.0",
        validation_error_model=Problem,
        naming_strategy=lambda kind: kind.__name__,
        nested_naming_strategy=lambda parent, child: child,
        security_schemes=[{"name": "bearer", "data": {"type": "http", "scheme": "bearer"}}] if secured else None,
        security=secured,
    )


def describe(spec: SpecTree, **contract: Any) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """A decorator that puts a view into the document and stays out of its way when it is called."""

    def decorate(view: Callable[..., Response]) -> Callable[..., Response]:
        documented = spec.validate(skip_validation=True, **contract)(view)

        @functools.wraps(documented)  # by __wrapped__ the document finds it
        def call(*args: Any, **kwargs: Any) -> Response:
            return view(*args, **kwargs)

        return call

    return decorate


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


def make_api(model: Model) -> tuple[Blueprint, SpecTree]:
    """The routes of the API, and its OpenAPI document to be."""
    card, metrics, settings = model.card, model.metrics, model.settings
    many: TypeAdapter[list[dict[str, Any]]] = TypeAdapter(rows_type(model.row_type))
    scored = metrics.rows.labels("api", "scored")
    api, spec = Blueprint("api", __name__), make_spec(model)
    errors = {"HTTP_400": Problem, "HTTP_413": Problem, "HTTP_415": Problem, "HTTP_422": Problem}

    @api.post("/api/v1/predict")
    @describe(spec, json=body_type(model), resp=Answers(HTTP_200=Answer, **errors))
    def predict() -> Response:
        """Predict one row, or a list of rows."""
        if request.mimetype != "application/json":
            raise UnsupportedMediaType("send application/json (or a CSV file to /api/v1/batch)")
        body = request.get_data(cache=False)
        is_list = body.lstrip()[:1] == b"["
        rows = read_body(many, body, card) if is_list else [read_body(model.row, body, card)]
        answers = [answer(card, model.score, row) for row in rows]
        observe(metrics.watches, rows)
        scored.inc(len(rows))
        return json_response(answers if is_list else answers[0])

    @api.get("/api/v1/model")
    @describe(spec, resp=Answers(HTTP_200=Scorecard))
    def show_scorecard() -> Response:
        """The whole model: each column's effect, the intervals, the metrics on the test rows, the hashes."""
        return json_response(card)

    @api.get("/health")
    @describe(spec, resp=Answers(HTTP_200=Status))
    def is_alive() -> Response:
        """Whether the process answers."""
        return json_response({"status": "ok"})

    @api.get("/ready")
    @describe(spec, resp=Answers(HTTP_200=Status))
    def is_ready() -> Response:
        """Whether it predicts: it scores what the form starts with."""
        answer(card, model.score, {column.name: column.default for column in card.columns})
        return json_response({"status": "ok"})

    @api.get("/version")
    @describe(spec, resp=Answers(HTTP_200=Version))
    def show_version() -> Response:
        """The commit of the code and the md5 of the model."""
        return json_response({"git_sha": settings.git_sha, "scorecard_md5": model.md5})

    return api, spec
