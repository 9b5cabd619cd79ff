"""The pages: the form with its prediction, the model, the API."""

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, request, send_from_directory

from webapp.formatting import EFFECTS, METRICS, decimals_for, fixed, percent, short
from webapp.model import Model
from webapp.scoring.effects import Cell
from webapp.scoring.rows import RowError, json_default
from webapp.scoring.scorecard import Column, Curve, Levels, Scorecard, Surface
from webapp.scoring.scorer import BACK, Ends, Score
from webapp.views import charts
from webapp.views.effects import draw_effect
from webapp.views.forms import Field, defaults, make_fields, pair_notes, show_cell
from webapp.views.heatmap import draw_surface
from webapp.views.openapi import make_document
from webapp.views.pairs import draw_pairs
from webapp.views.responses import json_response

CARD = "models/MODEL_CARD.md"
NOTABLE = 1.05  # factor on the width of an interval that the page mentions


def make_pages(model: Model) -> Blueprint:
    """Make the routes of the pages."""
    card, metrics = model.card, model.metrics
    blueprint = Blueprint("pages", __name__)
    by_reach = max(card.columns, key=reach)
    outcomes = {outcome: metrics.rows.labels("page", outcome) for outcome in ("scored", "refused")}

    @cache
    def document() -> dict[str, Any]:
        return make_document(current_app, model)

    @blueprint.app_context_processor
    def add_names() -> dict[str, Any]:
        return {
            "card": card,
            "needs_login": model.settings.app_token is not None,
            "percent": percent,
            "short": short,
            "does": EFFECTS[card.target.transform],
        }

    def show_form(typed: dict[str, str], counted: bool) -> tuple[str, int]:
        focus = request.form.getlist("focus")[-1:]
        column, surface = in_focus(card, focus[0] if focus else by_reach.name, by_reach)
        chosen = column.name if surface is None or surface.name not in focus else surface.name
        try:
            row = model.read_form(typed)
        except RowError as error:
            if counted:
                outcomes["refused"].inc()
            fields = make_fields(card, typed, dict(error.mistakes), {})
            return render_template("index.html", fields=fields, found=None, focus=chosen), 422
        if counted:
            outcomes["scored"].inc()
            metrics.inputs.add([row])
        score = model.score(row)
        fields = make_fields(card, typed, {}, pair_notes(card, model.unseen(row), score.unseen_pairs))
        found = describe(card, row, score, fields, column, surface)
        if model.total is not None:
            found["in_total"] = describe_total(model.total(row, score), fields[-1])
        return render_template("index.html", fields=fields, found=found, focus=chosen), 200

    @blueprint.get("/")
    def start() -> tuple[str, int]:
        return show_form(defaults(card), counted=False)

    @blueprint.post("/")
    def predict() -> tuple[str, int]:
        typed = {column.name: request.form.get(f"column:{column.name}", "").strip() for column in card.inputs}
        return show_form(typed, counted=True)

    @blueprint.get("/model")
    def show_model() -> str:
        plots = sorted(path.relative_to(model.root / "plots") for path in (model.root / "plots").rglob("*.png"))
        effects = [drawn for column in card.columns for drawn in draw_effect(card, column, {})]
        return render_template(
            "model.html",
            model=model,
            scores=scores_of(card),
            plots=[path.as_posix() for path in plots],
            effects=effects,
            pairs=draw_pairs(card),
            has_card=(model.root / CARD).exists(),
        )

    @blueprint.get("/model/plots/<path:name>")
    def show_plot(name: str) -> Response:
        if Path(name).suffix != ".png":
            abort(404)
        return send_from_directory(model.root / "plots", name)

    @blueprint.get("/model/card")
    def show_card() -> Response:
        if not (model.root / CARD).exists():
            abort(404)
        return send_from_directory(model.root, CARD, mimetype="text/plain")

    @blueprint.get("/api")
    def show_api() -> str:
        example = {column.name: json_default(column) for column in card.inputs}
        return render_template("api.html", document=document(), example=json.dumps(example))

    @blueprint.get("/api/v1/openapi.json")
    def show_document() -> Response:
        return json_response(document())

    return blueprint


def in_focus(card: Scorecard, focus: str, otherwise: Column) -> tuple[Column, Surface | None]:
    """Find the column and the pair to show, by the name of either; a column's pair is its strongest."""
    surface = next((surface for surface in card.surfaces if surface.name == focus), None)
    name = focus if surface is None else surface.axes[0].column
    column = next((column for column in card.columns if column.name == name), otherwise)
    if surface is None:
        own = [each for each in card.surfaces if column.name in (axis.column for axis in each.axes)]
        surface = max(own, key=lambda each: each.sd, default=None)
    return column, surface


def describe(
    card: Scorecard, row: dict[str, Cell], score: Score, fields: list[Field], column: Column, surface: Surface | None
) -> dict[str, Any]:
    """Prepare what the page shows about a valid row: its score, and the effects of the column and pair in focus."""
    decimals = charts.decimals_of(card.target)
    shown = {field.column.name: show_cell(field) for field in fields}
    mean = fixed(BACK[card.target.transform](card.intercept) * card.target.factor, decimals + 1)
    mean = f"{mean} {card.target.unit or ''}".rstrip()
    does = EFFECTS[card.target.transform]
    baseline, total = {
        "none": (f"adds to the average prediction of {mean}", "Average plus contributions"),
        "log": (f"multiplies the typical prediction of {mean} by", "Typical prediction times contributions"),
    }.get(card.target.transform, (f"{does}; without any it is {mean}", "Prediction"))
    return {
        "prediction": fixed(score.prediction, decimals),
        "lower": fixed(score.lower, decimals),
        "upper": fixed(score.upper, decimals),
        "baseline": baseline,
        "sum": total,
        "total": fixed(score.prediction, decimals + 1),
        "widened": widened(score, fields),
        "distribution": charts.draw_distribution(card, score),
        "bars": charts.draw_contributions(card, score, shown),
        "effects": draw_effect(card, column, row),
        "pairs": [surface.name for surface in card.surfaces],
        "surface": None if surface is None else draw_surface(card, surface, row, score.pairs[surface.name]),
    }


def describe_total(ends: Ends, exposure: Field) -> dict[str, str]:
    """Prepare what the page shows about the total of a rate: it, both ends of its interval, what it is for."""
    decimals = decimals_for(abs(ends[0]) or 1.0)
    total, lower, upper = (fixed(end, decimals) for end in ends)
    shown = f"{exposure.title} {show_cell(exposure)}"
    return {"exposure": shown, "total": total, "lower": lower, "upper": upper}


def widened(score: Score, fields: list[Field]) -> dict[str, str]:
    """List the inputs that make the interval wider or narrower than an average row's: up to three that do so most."""
    factors = {name: math.exp(width) for name, width in score.widths.items()}
    named = {field.column.name: f"{field.title} {show_cell(field)}".strip() for field in fields}
    most = sorted(factors, key=lambda name: -abs(score.widths[name]))[:3]
    texts = {name: f"{named[name]} (×{fixed(factors[name], 2)})" for name in most}
    return {
        "wider": ", ".join(texts[name] for name in most if factors[name] >= NOTABLE),
        "narrower": ", ".join(texts[name] for name in most if factors[name] <= 1 / NOTABLE),
    }


def reach(column: Column) -> float:
    """Compute how far a column can move the prediction."""
    effect = column.effect
    if isinstance(effect, Curve):
        return max(effect.values) - min(effect.values)
    tables = [effect] if isinstance(effect, Levels) else [effect.month, effect.weekday, effect.hour]
    return max(max(table.values.values(), default=0) - min(table.values.values(), default=0) for table in tables)


def scores_of(card: Scorecard) -> list[tuple[str, str, str]]:
    """List the metrics of the test rows with their intervals: name, value, interval."""
    names = METRICS | {f"total_{key}": f"{name} of the total" for key, name in METRICS.items()}
    rows = []
    for key, name in names.items():
        value, low, high = (card.metrics.get(key + end) for end in ("", "_low", "_high"))
        if value is not None:
            rows.append((name, short(value), "" if low is None or high is None else f"{short(low)} to {short(high)}"))
    return rows
