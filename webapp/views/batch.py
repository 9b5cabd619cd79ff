"""Batches: a CSV file comes in, and goes out with a prediction, an interval or a reason beside each row."""

import csv
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import BinaryIO, cast

from flask import Blueprint, Response, render_template, request
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.formparser import parse_form_data

from webapp.drift import observe
from webapp.model import Model
from webapp.scoring.csv_table import Table, open_table, score_table
from webapp.scoring.messages import InputError, Mistake
from webapp.scoring.notation import write_value
from webapp.scoring.rows import Row
from webapp.views.openapi import describe

MOST_IN_MEMORY = 500_000  # bytes of an upload; more goes to a temporary file
ANYTHING = {"", "text/csv", "application/csv", "text/plain", "application/octet-stream"}


class Upload(BaseModel):
    """A CSV file as a form sends it."""

    model_config = ConfigDict(json_schema_extra={"properties": {"file": {"type": "string", "format": "binary"}}})

    file: bytes = Field(description="CSV with a header that names the model's columns; others are passed through")


def make_batch(model: Model) -> Blueprint:
    """Make the routes of batches: a page, and one for programs."""
    card, metrics = model.card, model.metrics
    blueprint = Blueprint("batch", __name__)
    scored, refused = (metrics.rows.labels("batch", outcome) for outcome in ("scored", "refused"))

    def count(rows: list[Row], others: int) -> None:
        observe(metrics.inputs.watches, rows)
        scored.inc(len(rows))
        refused.inc(others)

    def score_rows(table: Table) -> Iterator[bytes]:
        if model.log is None:
            return score_table(table, card, count)
        keep, flush = model.log.of_table(table.header)

        def count_and_log(rows: list[Row], others: int) -> None:
            count(rows, others)
            flush()

        return score_table(table, card, count_and_log, keep)

    def answer_with_table() -> Response:
        with ExitStack() as stack:
            table = open_table(open_upload(stack, model.settings.upload_mb * 1_000_000), card)
            held = stack.pop_all()  # until the answer has been sent
        response = Response(score_rows(table), content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = "attachment; filename=predictions.csv"
        response.call_on_close(held.close)
        return response

    @blueprint.post("/api/v1/batch")
    @describe(None, takes=lambda: Upload, errors=(400, 413, 415, 422))
    def score_file() -> Response:
        """Predict every row of a CSV file; a row that cannot be scored has the reason in its last column."""
        return answer_with_table()

    @blueprint.get("/batch")
    def show_upload() -> str:
        return render_template("batch.html", error=None, upload_mb=model.settings.upload_mb)

    @blueprint.post("/batch")
    def score_upload() -> Response | tuple[str, int]:
        try:
            return answer_with_table()
        except InputError as error:
            return render_template("batch.html", error=str(error), upload_mb=model.settings.upload_mb), error.status

    @blueprint.get("/batch/template.csv")
    def show_template() -> Response:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column.name for column in card.inputs])
        writer.writerow([write_value(column.default, column) for column in card.inputs])
        response = Response(text.getvalue(), content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = "attachment; filename=template.csv"
        return response

    return blueprint


def open_upload(stack: ExitStack, most_bytes: int) -> BinaryIO:
    """Open the uploaded file, in a temporary file unless it is small: memory does not grow with it.

    It is read past Flask's request, which would close it before the answer is sent; `stack` closes it.

    Raises:
        InputError: there is none.
        HTTPException: it is too large, or not a CSV file.
    """
    if request.mimetype == "multipart/form-data":
        _, _, files = parse_form_data(
            request.environ, max_content_length=most_bytes, max_form_memory_size=MOST_IN_MEMORY
        )
        for _, file in files.items(multi=True):
            stack.callback(file.close)
        if not files.get("file"):
            raise InputError([Mistake(None, "file", "is required: choose a CSV file")])
        return cast("BinaryIO", files["file"].stream)
    if request.mimetype not in ANYTHING:
        raise UnsupportedMediaType("send the file as text/csv, or as `file` of a multipart/form-data form")
    request.max_content_length = most_bytes
    spooled = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=MOST_IN_MEMORY))  # noqa: SIM115  # stack closes it
    shutil.copyfileobj(request.stream, spooled)
    spooled.seek(0)
    return cast("BinaryIO", spooled)
