"""Entities: columns that name what several rows are about, such as a country over years, a patient or a store.

A model that is given the name knows the entity, and random folds then show how well it predicts more rows of the same
entities, not rows of new ones.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stages.table.schema import TableSchema
from stages.utils.params import FeaturesParams
from tools.adopt.decide import Decision
from tools.adopt.feature_map import bounded_map
from tools.adopt.naming import CALENDAR, CODE, COUNT, ENTITY, ROW_NAME, SUBJECT, words_of

FEWEST = 10  # entities
ROWS = 3  # of an entity, on average
CONSTANT = 0.95  # of the entities have one value of a column that belongs to the entity
PAIRS = 5  # pairs of rows with the same entity and time that chance would give, where there are none
FOLDS = 5
JUDGED = 5_000  # rows that the two scores are computed on
PENALTIES = (1.0, 100.0, 10_000.0)


class Entity(NamedTuple):
    """A column that names entities, and the evidence."""

    decision: Decision
    levels: int
    shared: list[str]  # columns with one value per entity
    weight: int  # of the evidence: from 2 on the column becomes the group


def find_entities(decisions: list[Decision], typed: pd.DataFrame) -> list[Entity]:
    """Propose role group for the column with the strongest evidence, and note the others."""
    found = [entity for decision in decisions if (entity := as_entity(decision, decisions, typed))]
    found.sort(key=lambda entity: (-entity.weight, entity.levels))
    taken = None
    for entity in found:
        if taken is not None and is_alias(typed, entity.decision.name, taken.decision.name):
            entity.decision.leave_out("ignore", f"another name of {taken.decision.name}")
        elif entity.weight > 1 and taken is None:
            taken = entity
            entity.decision.field.pop("categories", None)
            entity.decision.leave_out("group", describe(entity, typed))
        elif entity.weight > 1:
            entity.decision.leave_out("ignore", describe(entity, typed))
    return [entity for entity in found if entity is taken or entity.decision.role == "feature"]


def as_entity(decision: Decision, decisions: list[Decision], typed: pd.DataFrame) -> Entity | None:
    """The evidence that a column of text or codes names entities; None if there is none."""
    words, kind = words_of(decision.name), decision.field["type"]
    is_subject = bool(SUBJECT.search(words))
    if decision.role not in ("feature", "ignore") or kind not in ("string", "integer"):
        return None
    is_named = bool(ENTITY.search(words))
    named = is_subject or is_named or CODE.search(words) or ROW_NAME.search(words)
    if kind == "integer" and (not named or CALENDAR.search(words) or COUNT.search(words)):
        return None
    names, rows = typed[decision.name], len(typed)
    levels = names.nunique()
    if not FEWEST <= levels <= rows / ROWS:
        return None
    others = [d for d in decisions if d.role in ("feature", "time") and d is not decision]
    shared = [d for d in others if belongs(typed[d.name], names)]
    shared = [d for d in shared if d.field["type"] == "number" or not is_alias(typed, d.name, decision.name)]
    numbers = [d for d in shared if d.field["type"] in ("number", "date", "datetime")]
    # a panel: another column orders the rows of each entity
    is_panel = any(orders(typed[d.name], names) for d in others if d.field["type"] in ("integer", "date", "datetime"))
    evidence = len(numbers) + (len(shared) > len(numbers)) + is_panel
    weight = 2 * is_subject + evidence + (is_named and evidence > 0)
    if not weight or (weight == 1 and is_panel):
        return None
    return Entity(decision, levels, [d.name for d in shared], weight)


def belongs(values: pd.Series, names: pd.Series) -> bool:
    """Tell if nearly every entity has one value of a column that varies between entities."""
    counts = values.groupby(names).agg(["nunique", "size"])
    repeated = counts[counts["size"] > 1]
    most_common = values.value_counts(normalize=True).max() if values.notna().any() else 1.0
    return bool(most_common < CONSTANT and len(repeated) and (repeated["nunique"] == 1).mean() >= CONSTANT)


def orders(values: pd.Series, names: pd.Series) -> bool:
    """Tell if no entity has a value twice although chance would have it so: visits, years, weeks."""
    pairs = pd.DataFrame({"name": names, "value": values}).dropna()
    levels = pairs["value"].nunique()
    expected = len(pairs) ** 2 / 2 / max(1, pairs["name"].nunique() * levels)
    return expected >= PAIRS and levels <= len(pairs) / ROWS and not pairs.duplicated().any()


def is_alias(typed: pd.DataFrame, name: str, other: str) -> bool:
    """Tell if two columns name the same things."""
    pairs = typed[[name, other]].dropna().drop_duplicates()
    return not pairs[name].duplicated().any() and not pairs[other].duplicated().any()


def describe(entity: Entity, typed: pd.DataFrame) -> str:
    """The size of the entities and what their rows share."""
    size = typed[entity.decision.name].notna().sum() / entity.levels
    shared = f", which share {', '.join(entity.shared[:3])}" if entity.shared else ""
    return f"{entity.levels:,} levels with about {size:.0f} rows each{shared}"


def doubt_entities(
    entities: list[Entity], decisions: list[Decision], typed: pd.DataFrame, target: str, params: FeaturesParams
) -> None:
    """Note on each entity the R² as a feature on random folds, and as the group on folds of whole entities."""
    rows = typed[typed[target].notna()]
    rows = rows.sample(JUDGED, random_state=0) if len(rows) > JUDGED else rows
    rows = rows.reset_index(drop=True)
    random = np.random.default_rng(0).integers(0, FOLDS, len(rows))
    for entity in entities:
        name = entity.decision.name
        codes = pd.factorize(rows[name])[0]
        by_entity = np.random.default_rng(0).permutation(codes.max() + 2)[codes] % FOLDS
        as_feature = cv_r2(rows, schema_with(decisions, name, "feature"), random, params)
        as_group = cv_r2(rows, schema_with(decisions, name, "group"), by_entity, params)
        scores = f"CV R² {as_feature:.2f} with it as a feature, {as_group:.2f} for levels never seen"
        if entity.decision.role == "group":
            entity.decision.doubt(scores, "role", "delete this line if new rows are about the same ones")
        else:
            said = f"{describe(entity, typed)}: {scores}"
            entity.decision.doubt(said, "type", "add role: group if new rows are about others")


def schema_with(decisions: list[Decision], name: str, role: str) -> TableSchema:
    """The decisions as a schema, with another role for one column (and no other group)."""
    fields = [dict(decision.field) for decision in decisions]
    for field in fields:
        if field["name"] == name:
            field["role"] = role
        elif field.get("role") == "group":
            field["role"] = "ignore"
    return TableSchema.model_validate({"fields": fields})


def cv_r2(rows: pd.DataFrame, schema: TableSchema, folds: np.ndarray, params: FeaturesParams) -> float:
    """Cross-validated R² of ridge regression on the feature map's terms, with these folds (n,), at its best penalty."""
    terms = bounded_map(rows, schema, params).transform(rows)
    y = rows[schema.target.name]
    models = [make_pipeline(StandardScaler(), Ridge(penalty)) for penalty in PENALTIES]
    found = [r2_score(y, cross_val_predict(model, terms, y, cv=PredefinedSplit(folds))) for model in models]
    return round(float(max(found)), 2) + 0.0  # no -0.00
