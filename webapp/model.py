"""The model as the app holds it: loaded once, never changed."""

from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from webapp.inputs import row_type
from webapp.metrics import Metrics, make_metrics
from webapp.pin import load_pinned
from webapp.scorecard import Scorecard
from webapp.scorer import Cell, Scorer, make_scorer
from webapp.settings import Settings


class Model(NamedTuple):
    """What the views need."""

    card: Scorecard
    md5: str
    row: TypeAdapter[dict[str, Cell]]  # validates one row
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
    return Model(card, md5, TypeAdapter(row_type(card)), make_scorer(card), make_metrics(card), settings, root)
