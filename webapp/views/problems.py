"""Errors as RFC 9457 problem documents (API) or as a page (everything else)."""

from typing import Any

from flask import Flask, Response, make_response, render_template, request
from pydantic import BaseModel, Field
from werkzeug.exceptions import HTTPException

from webapp.scoring.messages import InputError, Mistake
from webapp.views.responses import json_response


class Detail(BaseModel):
    """One thing wrong with the input."""

    pointer: str = Field(description="JSON pointer (RFC 6901) to it in the body that was sent", examples=["#/3/bmi"])
    column: str | None = Field(description="the column, if the error is in one")
    detail: str


class Problem(BaseModel):
    """An error (RFC 9457, application/problem+json)."""

    type: str = Field("about:blank", description="about:blank: the status says what kind of problem it is")
    title: str
    status: int
    detail: str
    errors: list[Detail] = Field([], description="each bad field; the first hundred")


TITLES = {400: "Bad request", 422: "Invalid input"}


def problem(status: int, title: str, detail: str, errors: list[Mistake] | None = None) -> Response:
    """Make a problem document."""
    found: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail, "errors": []}
    for mistake in errors or []:
        found["errors"].append({"pointer": mistake.pointer, "column": mistake.column, "detail": mistake.message})
    return json_response(found, status, "application/problem+json")


def wants_problem() -> bool:
    """Tell programs from browsers, which ask for text/html by name; `*/*` is what curl and most libraries send."""
    return request.path.startswith("/api/") or "text/html" not in request.accept_mimetypes.values()


def refuse_input(error: InputError) -> Response:
    """Answer invalid input."""
    named = [f"{mistake.column} {mistake.message}" if mistake.column else mistake.message for mistake in error.mistakes]
    detail = "; ".join(named[:3]) + (f"; and {len(named) - 3} more" if len(named) > 3 else "")
    return problem(error.status, TITLES[error.status], detail, error.mistakes)


def refuse(error: HTTPException) -> Response:
    """Answer any other error; a server error does not reveal what went wrong inside."""
    status, title, detail = error.code or 500, error.name, error.description or error.name
    response = (
        problem(status, title, detail)
        if wants_problem()
        else make_response(render_template("error.html", status=status, title=title, detail=detail), status)
    )
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def register(app: Flask) -> None:
    """Answer errors this way. (Flask logs an unexpected one with its traceback, and turns it into a 500.)"""
    app.register_error_handler(InputError, refuse_input)
    app.register_error_handler(HTTPException, refuse)
