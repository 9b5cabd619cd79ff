"""The answer to a row: prediction, interval, contributions, warnings."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from webapp.scoring.messages import unseen
from webapp.scoring.scorecard import Scorecard
from webapp.scoring.scorer import Cell, Scorer


class Prediction(BaseModel):
    """The prediction for one row, in the target's unit."""

    prediction: float
    lower: float = Field(description="lower end of the prediction interval; GET /api/v1/model says its coverage")
    upper: float
    intercept: float = Field(
        description="the mean in training; it and the contributions add up to the prediction (or its logarithm)"
    )
    contributions: dict[str, float] = Field(
        description="what each column adds to the prediction, or (target.transform: log) to its logarithm"
    )
    warnings: dict[str, str] = Field(description="columns whose value is outside what the model has seen")


def answer(card: Scorecard, score: Scorer, row: Mapping[str, Cell]) -> dict[str, Any]:
    """Predict a valid row, as a dict with the keys of Prediction."""
    prediction, lower, upper, contributions, _ = score(row)
    return {
        "prediction": prediction,
        "lower": lower,
        "upper": upper,
        "intercept": card.intercept,
        "contributions": contributions,
        "warnings": unseen(card, row),
    }


def json_response(content: Any, status: int = 200, mimetype: str = "application/json") -> Response:
    """Answer with JSON; NaN and Infinity become null."""
    return Response(to_json(content, inf_nan_mode="null"), status, content_type=mimetype)
