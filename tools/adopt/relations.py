"""What only several columns together show, on a sample of the whole table: leaks, codes, ids, groups, time."""

from typing import Any

import numpy as np
import pandas as pd

from stages.utils.audit import find_leaks
from stages.utils.cells import type_cells
from stages.utils.errors import DataError
from stages.utils.features import blocks, fit_feature_map, number_map
from stages.utils.moments import Moments, explained
from stages.utils.settings import FeaturesParams
from stages.utils.table_schema import TableSchema
from tools.adopt.decide import COUNT, ROW_NAME, SUBJECT, Decision, numbers_rows, words_of
from tools.adopt.profile import Profile

GAIN = 0.005  # share of the target's variance that levels have to explain beyond a curve
CODES_AT_MOST = 60
FEWEST_IN_LEVEL = 20  # rows of a level, on average, before its mean says anything
CHUNK = 5000


def schema_of(decisions: list[Decision]) -> TableSchema:
    """The decisions as a schema."""
    return TableSchema.model_validate({"fields": [decision.field for decision in decisions]})


def choose_target(decisions: list[Decision], target: str) -> None:
    """Give the target its role.

    Raises:
        DataError: it is no number.
    """
    chosen = next(decision for decision in decisions if decision.field["name"] == target)
    chosen.field.pop("categories", None)
    if chosen.field["type"] not in ("number", "integer"):
        raise DataError(
            f"column {target}: found {chosen.field['type']} ({'; '.join(filter(None, chosen.why + chosen.doubts))}); "
            f"the target has to be a number: choose another --target"
        )
    chosen.field["role"] = "target"
    chosen.why = [why for why in chosen.why if "codes" not in why]
    chosen.doubts = [doubt for doubt in chosen.doubts if "codes" not in doubt]


def find_ids(decisions: list[Decision], profiles: list[Profile], sample: pd.DataFrame) -> None:
    """Columns that number the rows, name them, or number the persons that they belong to."""
    for decision, profile in zip(decisions, profiles, strict=True):
        if decision.role not in ("feature", "ignore") or profile.known == 0:
            continue
        words, cells = words_of(profile.name), sample[profile.name].dropna()
        kind = decision.field["type"]
        distinct = cells.nunique()
        if decision.role == "feature" and numbers_rows(profile) and kind == "integer":
            decision.leave_out("id", "whole numbers in strict order: they number the rows")
        elif kind in ("integer", "string") and distinct == len(cells) >= 20 and ROW_NAME.search(words):
            decision.leave_out("id", "another value in every row, and its name says so")
        elif kind == "string" and decision.role == "ignore" and distinct == len(cells) >= 20:
            decision.leave_out("id", "another text in every row")
        elif SUBJECT.search(words) and kind in ("integer", "string") and 20 <= distinct <= len(cells) / 2:
            decision.field.pop("categories", None)
            decision.leave_out("group", f"each of them has about {len(cells) / distinct:.0f} rows")
            decision.doubts.append("role: feature if new rows are about the same ones")
    groups = [decision for decision in decisions if decision.role == "group"]
    for decision in groups[1:]:
        decision.field["role"] = "ignore"


def find_time(decisions: list[Decision], profiles: list[Profile]) -> None:
    """The one date without gaps is the time; a clock without a day is none."""
    dates = [
        decision
        for decision, profile in zip(decisions, profiles, strict=True)
        if decision.field["type"] in ("date", "datetime")
        and decision.role == "feature"
        and profile.known == profile.rows
        and decision.field.get("format", "default")[:2] != "%H"
    ]
    if len(dates) == 1:
        dates[0].field["role"] = "time"
        dates[0].why.append("orders the rows; the model sees month, weekday and hour")


def find_codes(
    decisions: list[Decision], profiles: list[Profile], typed: pd.DataFrame, target: str, params: FeaturesParams
) -> None:
    """Integers whose levels explain more of the target than a curve over them does are codes."""
    y = typed[target].to_numpy()
    for decision, profile in zip(decisions, profiles, strict=True):
        levels = profile.levels
        if decision.role != "feature" or decision.field["type"] != "integer" or levels is None:
            continue
        if (
            "categories" in decision.field
            or not 3 <= len(levels) <= CODES_AT_MOST
            or COUNT.search(words_of(profile.name))
        ):
            continue
        values = typed[profile.name].to_numpy()
        rows = ~np.isnan(values) & ~np.isnan(y)
        if rows.sum() < FEWEST_IN_LEVEL * len(levels):
            continue
        curve = number_map(values[rows], params).fit_transform(values[rows, None])
        terms = pd.get_dummies(values[rows]).to_numpy(float)
        gain = explained(Moments.of(np.column_stack([terms, y[rows]]))) - explained(
            Moments.of(np.column_stack([curve, y[rows]]))
        )
        if gain > GAIN + len(levels) / rows.sum():
            decision.field["categories"] = sorted(map(int, levels))
            decision.why.append(f"levels explain {gain:.1%} more of the target than a curve")


def find_target_leaks(decisions: list[Decision], typed: pd.DataFrame, params: FeaturesParams) -> None:
    """Columns that reproduce the target, alone or a few together, by the pipeline's own audit, until none is left."""
    for _ in decisions:
        if not any(decision.role == "feature" for decision in decisions):
            raise DataError("no column can be a feature: every one that could reproduces the target")
        schema = schema_of(decisions)
        audit = audit_sample(typed, schema, params)
        found = [[name] for name in audit["columns"]] + [item["columns"] for item in audit["sets"]]
        if not found:
            return
        for names in found:
            for decision in decisions:
                if decision.field["name"] in names and decision.role == "feature":
                    others = [name for name in names if name != decision.field["name"]]
                    together = f" together with {', '.join(others)}" if others else ""
                    decision.leave_out("ignore", f"reproduces the target{together}: a leak")


def audit_sample(typed: pd.DataFrame, schema: TableSchema, params: FeaturesParams) -> dict[str, Any]:
    """`find_leaks` on a typed sample."""
    rows = typed[typed[schema.target.name].notna()].reset_index(drop=True)
    numbers = {column.name: rows[column.name].median() for column in schema.inputs if column.kind == "number"}
    numbers = {name: 0.0 if np.isnan(median) else float(median) for name, median in numbers.items()}
    feature_map = fit_feature_map(rows, schema, params)
    terms = raw = None
    for start in range(0, len(rows), CHUNK):
        chunk = rows.iloc[start : start + CHUNK]
        y = chunk[schema.target.name].to_numpy()
        part = Moments.of(np.column_stack([feature_map.transform(chunk), y]))
        flat = Moments.of(np.column_stack([chunk[list(numbers)].fillna(numbers).to_numpy(), y]))
        terms, raw = (part, flat) if terms is None or raw is None else (terms.merge(part), raw.merge(flat))
    if terms is None or raw is None:
        raise DataError(f"column {schema.target.name}: no row has a target; choose another --target")
    return find_leaks(terms, blocks(feature_map), raw, list(numbers), params)


def relate(
    decisions: list[Decision], profiles: list[Profile], sample: pd.DataFrame, target: str, params: FeaturesParams
) -> pd.DataFrame:
    """Settle every role; returns the typed sample."""
    choose_target(decisions, target)
    find_ids(decisions, profiles, sample)
    find_time(decisions, profiles)
    if not any(decision.role == "feature" for decision in decisions):
        keep_one(decisions)
    find_codes(decisions, profiles, type_cells(sample, schema_of(decisions))[0], target, params)
    typed, _ = type_cells(sample, schema_of(decisions))
    find_target_leaks(decisions, typed, params)
    return typed


def keep_one(decisions: list[Decision]) -> None:
    """A table needs one feature: what could serve as one, or refuse.

    Raises:
        DataError: no column could.
    """
    for decision in decisions:
        if decision.role in ("time", "group"):
            decision.field["role"] = "feature"
            return
    raise DataError("no column can be a feature: every one but the target is empty, constant, an id or free text")
