"""The model as the app holds it: loaded once, never changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from webapp.metrics import Metrics, make_metrics
from webapp.pin import load_pinned
from webapp.scoring.cells import make_form_reader, make_json_reader
from webapp.scoring.effects import Cell
from webapp.scoring.messages import make_unseen_reader
from webapp.scoring.rows import RowReader, make_row_reader, row_type
from webapp.scoring.scorecard import Scorecard
from webapp.scoring.scorer import Scorer, Totaller, make_scorer, make_totaller
from webapp.settings import Settings

if TYPE_CHECKING:
    from webapp.prediction_log.spool import PredictionLog


class Model(NamedTuple):
    """Everything the views need."""

    card: Scorecard
    md5: str
    row_type: Any  # TypedDict of a row, for the OpenAPI document
    read_json: RowReader
    read_form: RowReader
    score: Scorer
    unseen: Callable[[Mapping[str, Cell]], dict[str, str]]  # warnings about a row, by column
    total: Totaller | None
    metrics: Metrics
    log: PredictionLog | None
    settings: Settings
    root: Path  # of the checkout


def load_model(settings: Settings, root: Path) -> Model:
    """Load the model of the checkout at `root`.

    Raises:
        PinError: its scorecard is not the one that dvc.lock pins.
        ValueError: the prediction log cannot be kept as the settings say.
    """
    card, md5 = load_pinned(root)
    metrics = make_metrics(card)
    return Model(
        card=card,
        md5=md5,
        row_type=row_type(card),
        read_json=make_row_reader(card, make_json_reader),
        read_form=make_row_reader(card, make_form_reader),
        score=make_scorer(card),
        unseen=make_unseen_reader(card),
        total=make_totaller(card),
        metrics=metrics,
        log=None if settings.log is None else make_log(card, md5, settings, metrics),
        settings=settings,
        root=root,
    )


def make_log(card: Scorecard, md5: str, settings: Settings, metrics: Metrics) -> PredictionLog:
    """Make the prediction log, which is imported only where it is on.

    Raises:
        ValueError: a column to keep is not one of the model, or packages are missing.
    """
    from pydantic_core import to_json

    from webapp.prediction_log.spool import PredictionLog

    assert settings.log is not None
    names = [column.name for column in card.inputs]
    for name in settings.log.columns:
        if name not in names:
            raise ValueError(
                f"PREDICTION_LOG_COLUMNS: {name!r} is not an input of the model; it has {', '.join(names)}"
            )
    for package in ("pyarrow", "sqlalchemy"):
        if find_spec(package) is None:
            raise ValueError(f"PREDICTION_LOG: {package} is not installed; install requirements/prediction-log.txt")
    log = settings.log
    if log.columns and card.exposure is not None:  # an outcome is divided by it
        log = log._replace(columns=tuple(dict.fromkeys([*log.columns, card.exposure.name])))
    return PredictionLog(log, names, to_json([md5, settings.git_sha]) + b"\n", metrics.registry)
