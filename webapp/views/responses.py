"""The answer to a row: prediction, interval, contributions, warnings."""

from collections.abc import Mapping
from math import exp
from typing import Any

from flask import Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from webapp.model import Model
from webapp.scoring.effects import Cell
from webapp.scoring.messages import UNSEEN_PAIR
from webapp.scoring.scorer import TOTALS


class Prediction(BaseModel):
    """The prediction for one row, in the target's unit."""

    prediction: float
    lower: float = Field(description="lower end of the prediction interval; GET /api/v1/model says its coverage")
    upper: float
    total: float | None = Field(None, description="prediction × exposure; absent unless the model predicts a rate")
    total_lower: float | None = Field(None, description="lower × exposure")
    total_upper: float | None = Field(None, description="upper × exposure")
    intercept: float = Field(
        description="intercept + contributions + pairs is the prediction or, with another target.transform than none, "
        "its value on that scale before it is multiplied by target.factor (both are in GET /api/v1/model)"
    )
    interval_factors: dict[str, float] = Field(
        description="by how much the value of each column makes the interval wider than that of an average row (on the "
        "scale of the intercept): their product is held between the `factor_limits` of the model's intervals"
    )
    contributions: dict[str, float] = Field(description="what each column alone adds, on the scale of the intercept")
    pairs: dict[str, float] = Field(
        description="what each pair of columns adds beyond what each of them adds alone, by its name: `a × b`; "
        "a side is a column or one part of a date, such as `date.month`"
    )
    id: str | None = Field(None, description="the one sent; with a prediction log, a new one where none was sent")
    warnings: dict[str, str] = Field(
        description="columns whose value, and pairs (`a × b`) whose combination, is outside what the model has seen"
    )


def answer(model: Model, row: Mapping[str, Cell]) -> dict[str, Any]:
    """Predict a valid row, as a dict with the keys of Prediction."""
    score = model.score(row)
    prediction, lower, upper, contributions, pairs, unseen_pairs, widths = score
    found = {
        "prediction": prediction,
        "lower": lower,
        "upper": upper,
        "interval_factors": {name: exp(width) for name, width in widths.items()},
        "intercept": model.card.intercept,
        "contributions": contributions,
        "pairs": pairs,
        "warnings": model.unseen(row) | dict.fromkeys(unseen_pairs, UNSEEN_PAIR),
    }
    if model.total is not None:
        found |= zip(TOTALS, model.total(row, score), strict=True)
    return found


def json_response(content: Any, status: int = 200, mimetype: str = "application/json") -> Response:
    """Answer with JSON; NaN and Infinity become null."""
    return Response(to_json(content, inf_nan_mode="null"), status, content_type=mimetype)
