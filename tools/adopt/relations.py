"""What only several columns together show, on a sample of the whole table: roles, codes, leaks."""

from typing import Any

import numpy as np
import pandas as pd

from stages.modelling.feature_map import blocks, fit_feature_map, number_map
from stages.modelling.leakage import find_leaks
from stages.modelling.moments import Moments, explained
from stages.table.schema import TableSchema
from stages.utils.errors import DataError
from stages.utils.params import FeaturesParams
from stages.validation.cells import type_cells
from tools.adopt.decide import Decision
from tools.adopt.naming import COUNT, words_of
from tools.adopt.profile import Profile
from tools.adopt.roles import choose_target, find_ids, find_time, keep_one

GAIN = 0.005  # share of the target's variance that levels have to explain beyond a curve
CODES_AT_MOST = 60
FEWEST_IN_LEVEL = 20  # rows of a level, on average, before its mean says anything
CHUNK = 5000
AUDITED = 10_000  # rows of the sample that are enough to see a leak


def relate(
    decisions: list[Decision], profiles: list[Profile], sample: pd.DataFrame, target: str, params: FeaturesParams
) -> pd.DataFrame:
    """Settle every role; returns the typed sample."""
    choose_target(decisions, target)
    find_ids(decisions, profiles, sample)
    find_time(decisions, profiles)
    if not any(decision.role == "feature" for decision in decisions):
        keep_one(decisions)
    typed, _ = type_cells(sample, schema_of(decisions))
    if find_codes(decisions, profiles, typed, target, params):
        typed, _ = type_cells(sample, schema_of(decisions))
    find_target_leaks(decisions, typed, params)
    return typed


def schema_of(decisions: list[Decision]) -> TableSchema:
    """The decisions as a schema."""
    return TableSchema.model_validate({"fields": [decision.field for decision in decisions]})


def find_codes(
    decisions: list[Decision], profiles: list[Profile], typed: pd.DataFrame, target: str, params: FeaturesParams
) -> bool:
    """Integers whose levels explain more of the target than a curve over them are codes; whether there were any."""
    found = False
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
            found = True
            decision.field["categories"] = sorted(map(int, levels))
            decision.why.append(f"levels explain {gain:.1%} more of the target than a curve")
    return found


def find_target_leaks(decisions: list[Decision], typed: pd.DataFrame, params: FeaturesParams) -> None:
    """Columns that reproduce the target, alone or a few together, by the pipeline's own audit, until none is left."""
    audited = typed.sample(AUDITED, random_state=0) if len(typed) > AUDITED else typed
    for _ in decisions:
        if not any(decision.role == "feature" for decision in decisions):
            raise DataError("no column can be a feature: every one that could reproduces the target")
        schema = schema_of(decisions)
        audit = audit_sample(audited, schema, params)
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
