"""The model as the app holds it: loaded once, never changed."""

from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from webapp.metrics import Metrics, make_metrics
from webapp.pin import load_pinned
from webapp.scoring.inputs import row_type
from webapp.scoring.scorecard import Scorecard
from webapp.scoring.scorer import Cell, Scorer, make_scorer
from webapp.settings import Settings


class Model(NamedTuple):
    """What the views need."""

    card: Scorecard
    md5: str
    row_type: Any  # TypedDict of a row
    row: TypeAdapter[dict[str, Cell]]  # validates one
    score: Scorer
    metrics: Metrics
    settings: Settings
    root: Path  # of the checkout


def load_model(settings: Settings, root: Path) -> Model:
    """The model of the checkout at `root`.

    Raises:
        PinError: its scorecard is not the one that dvc.lock pins.
    """
    card, md5 = load_pinned(root)
    row = row_type(card)
    return Model(card, md5, row, TypeAdapter(row), make_scorer(card), make_metrics(card), settings, root)
