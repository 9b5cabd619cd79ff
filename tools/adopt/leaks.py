"""Columns that reproduce the target, or explain so much of it that they may be known only afterwards."""

from typing import Any

import numpy as np
import pandas as pd

from stages.modelling.feature_map import blocks
from stages.modelling.leakage import find_leaks
from stages.modelling.moments import Moments
from stages.table.schema import TableSchema
from stages.utils.errors import DataError
from stages.utils.params import FeaturesParams
from tools.adopt.decide import Decision
from tools.adopt.feature_map import bounded_map

AUDITED = 10_000  # rows of the sample that are enough to see a leak


def leave_out_leaks(decisions: list[Decision], typed: pd.DataFrame, params: FeaturesParams) -> None:
    """Give role ignore to what the pipeline's own audit refuses, until nothing is left; doubt what it suspects.

    Raises:
        DataError: no feature is left, or no row has a target.
    """
    audited = typed.sample(AUDITED, random_state=0) if len(typed) > AUDITED else typed
    while True:
        if not any(decision.role == "feature" for decision in decisions):
            raise DataError("no column can be a feature: every one that could reproduces the target")
        audit = audit_sample(audited, schema_of(decisions), params)
        leaks = [[name] for name in audit["columns"]] + [found["columns"] for found in audit["sets"]]
        if not leaks:
            break
        for decision, together in mentions(decisions, leaks):
            decision.leave_out("ignore", f"reproduces the target{together}: a leak")
    for found in audit["suspicious"]:
        for decision, together in mentions(decisions, [found["columns"]]):
            key = "role" if "role" in decision.field else "type"
            said = f"explains {found['r2']:.1%} of the target{together}: is it known before the target is?"
            decision.doubt(said, key, "add role: ignore if it is not")


def mentions(decisions: list[Decision], sets: list[list[str]]) -> list[tuple[Decision, str]]:
    """The columns of some sets that the model sees, each with the others of its set in words."""
    found = []
    for names in sets:
        for decision in decisions:
            if decision.name in names and decision.role in ("feature", "time"):
                others = ", ".join(name for name in names if name != decision.name)
                found.append((decision, f" together with {others}" if others else ""))
    return found


def schema_of(decisions: list[Decision]) -> TableSchema:
    """The decisions as a schema."""
    return TableSchema.model_validate({"fields": [decision.field for decision in decisions]})


def audit_sample(typed: pd.DataFrame, schema: TableSchema, params: FeaturesParams) -> dict[str, Any]:
    """Run the pipeline's `find_leaks` on a typed sample."""
    rows = typed[typed[schema.target.name].notna()].reset_index(drop=True)
    if rows.empty:
        raise DataError(f"column {schema.target.name}: no row has a target; choose another --target")
    medians = {column.name: rows[column.name].median() for column in schema.inputs if column.kind == "number"}
    numbers = {name: 0.0 if np.isnan(median) else float(median) for name, median in medians.items()}
    feature_map, y = bounded_map(rows, schema, params), rows[schema.target.name]
    terms = Moments.of(np.column_stack([feature_map.transform(rows), y]))
    raw = Moments.of(np.column_stack([rows[list(numbers)].fillna(numbers), y]))
    return find_leaks(terms, blocks(feature_map), raw, list(numbers), params)
