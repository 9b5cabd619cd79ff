"""The model as the app holds it: loaded once, never changed."""

from pathlib import Path
from typing import Any, NamedTuple

from webapp.metrics import Metrics, make_metrics
from webapp.pin import load_pinned
from webapp.scoring.cells import make_form_reader, make_json_reader
from webapp.scoring.rows import RowReader, make_row_reader, row_type
from webapp.scoring.scorecard import Scorecard
from webapp.scoring.scorer import Scorer, make_scorer
from webapp.settings import Settings


class Model(NamedTuple):
    """Everything the views need."""

    card: Scorecard
    md5: str
    row_type: Any  # TypedDict of a row, for the OpenAPI document
    read_json: RowReader
    read_form: RowReader
    score: Scorer
    metrics: Metrics
    settings: Settings
    root: Path  # of the checkout


def load_model(settings: Settings, root: Path) -> Model:
    """Load the model of the checkout at `root`.

    Raises:
        PinError: its scorecard is not the one that dvc.lock pins.
    """
    card, md5 = load_pinned(root)
    return Model(
        card=card,
        md5=md5,
        row_type=row_type(card),
        read_json=make_row_reader(card, make_json_reader),
        read_form=make_row_reader(card, make_form_reader),
        score=make_scorer(card),
        metrics=make_metrics(card),
        settings=settings,
        root=root,
    )
