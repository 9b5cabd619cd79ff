"""The OpenAPI 3.1 document, made by spectree from the views' contracts on the first request for it (0.1 s)."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from flask import Flask
from pydantic import BaseModel

from webapp.model import Model

PROBLEM, CSV = "application/problem+json", {"text/csv": {"schema": {"type": "string"}}}
View = TypeVar("View", bound=Callable[..., Any])


class Contract(NamedTuple):
    """The types that a view takes and returns."""

    gives: type[BaseModel] | None  # None: CSV
    takes: Callable[[], type[BaseModel]] | None  # makes the model of the body
    errors: Sequence[int]


def describe(
    gives: type[BaseModel] | None, takes: Callable[[], type[BaseModel]] | None = None, errors: Sequence[int] = ()
) -> Callable[[View], View]:
    """Decorate a view with its contract, for the document; calls of the view do not pass through the decorator."""

    def decorate(view: View) -> View:
        view.contract = Contract(gives, takes, errors)  # type: ignore[attr-defined]
        return view

    return decorate


def make_document(app: Flask, model: Model) -> dict[str, Any]:
    """Make the document of the views that `describe` decorates."""
    from spectree import Response, SpecTree

    from webapp.views.problems import Problem

    title = model.card.title or model.card.target.name
    secured: list[dict[str, list[str]]] = [{"bearer": []}] if model.settings.app_token else []
    spec = SpecTree(
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
    for function in app.view_functions.values():
        view: Any = function
        contract: Contract | None = getattr(view, "contract", None)
        if contract is not None:
            errors: dict[str, Any] = {f"HTTP_{code}": Problem for code in contract.errors}
            body: dict[str, Any] = (
                {} if contract.takes is None else {"json" if contract.gives else "form": contract.takes()}
            )
            answers = Response(HTTP_200=contract.gives, **errors)
            view.__wrapped__ = spec.validate(resp=answers, skip_validation=True, **body)(view)  # spectree looks there
    with app.app_context():
        return finish(spec.spec)


def finish(document: dict[str, Any]) -> dict[str, Any]:
    """Add what spectree cannot express: errors are application/problem+json, tables text/csv, a GET has no 422."""
    for path, item in document["paths"].items():
        item.get("get", {"responses": {}})["responses"].pop("422", None)
        for operation in item.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400 and "content" in response:
                    response["content"] = {PROBLEM: response["content"]["application/json"]}
            if path.endswith("/batch"):
                operation["requestBody"]["content"] |= CSV
                operation["responses"]["200"]["content"] = CSV
    return document
