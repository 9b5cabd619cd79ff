"""An adoption, from a URI to the three files."""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from stages.sources.files import split_member
from stages.splitting.rates import as_rates
from stages.table.schema import Column, TableSchema
from stages.utils.errors import DataError, did_you_mean
from stages.utils.params import Params
from stages.utils.yaml_files import read_settings
from stages.validation.cells import type_cells
from tools.adopt.choice import share
from tools.adopt.codes import find_codes
from tools.adopt.decide import Decision, decide, keep_shared_brackets
from tools.adopt.entities import doubt_entities, find_entities
from tools.adopt.leaks import leave_out_leaks, schema_of
from tools.adopt.missing import propose_marks
from tools.adopt.naming import title_of
from tools.adopt.orders import find_orders
from tools.adopt.report import ask_about, show, show_advice
from tools.adopt.roles import choose_target, find_amounts, find_counters, find_ids, find_time, keep_one
from tools.adopt.scale import choose_scale
from tools.adopt.source import copied, look
from tools.adopt.write import update_yaml, write_schema


class Survey(NamedTuple):
    """A table as adopt sees it."""

    source: dict[str, Any]  # for config.yaml; None leaves a key out
    remarks: list[str]  # on the table as a whole
    decisions: list[Decision]  # one per column
    typed: pd.DataFrame  # a sample of the rows, typed by the decisions
    rows: int
    least: float  # target in the whole table, as far as it is known


def adopt(
    uri: str,
    target: str,
    root: Path,
    query: str | None = None,
    table: str | None = None,
    columns: list[str] | None = None,
    ask: bool = False,
    force: bool = False,
) -> list[Decision]:
    """Look at the table that `uri` names and write config.yaml, schema.yaml and params.yaml in `root`.

    Raises:
        PipelineError: it cannot be read, or used with this target; nothing is written then.
    """
    params = read_settings(root / "params.yaml", Params)
    seen = survey({"uri": copied(uri), "query": query, "table": table}, target, params, columns)
    if ask:
        ask_about(seen.decisions)
    show(seen.decisions)
    changes, notes = params_for(seen, target, params)
    place, member = split_member(uri)
    title = title_of(Path(member or place.partition("?")[0]).name.partition(".")[0].replace("-", " "))
    title = title[:1].upper() + title[1:] or "Table"
    kept = write_schema(root / "schema.yaml", title, [decision.field for decision in seen.decisions], keep=not force)
    update_yaml(root / "config.yaml", {f"source.{key}": value for key, value in seen.source.items()}, drop_empty=True)
    update_yaml(root / "params.yaml", changes)
    if kept:
        notes.append("schema.yaml describes this table already and was kept; --force replaces it")
    for note in [*seen.remarks, *notes]:
        print(f"  {note}")
    if not kept:
        show_advice(seen.decisions, root / "schema.yaml")
    written = "config.yaml and params.yaml" if kept else "config.yaml, schema.yaml and params.yaml"
    print(f"\nWrote {written} ({seen.rows:,} rows looked at). Next: dvc repro")
    return seen.decisions


def survey(source: dict[str, Any], target: str, params: Params, columns: list[str] | None = None) -> Survey:
    """Look at all of a table and decide what each column is.

    Raises:
        PipelineError: it cannot be read, or used with this target.
    """
    source, remarks, profiles, sample = look(source, target, columns)
    names = [profile.name for profile in profiles]
    if target not in names:
        raise DataError(f"the table has no column {target!r}{did_you_mean(target, names)}; it has {', '.join(names)}")
    decisions = [decide(profile, source.get("delimiter") or ",") for profile in profiles]
    keep_shared_brackets(decisions)
    choose_target(decisions, target)
    propose_marks(decisions, sample, typed_by(decisions, sample))
    find_ids(decisions, sample)
    find_amounts(decisions)
    find_time(decisions)
    typed = typed_by(decisions, sample)
    entities = find_entities(decisions, typed)
    find_counters(decisions)
    keep_one(decisions)
    find_codes(decisions, rates_by(decisions, typed), target, params.features)
    typed = typed_by(decisions, sample)
    rates = rates_by(decisions, typed)
    find_orders(decisions, rates, target)
    leave_out_leaks(decisions, rates, params.features)
    doubt_entities(entities, decisions, rates, target, params.features)
    chosen = decisions[names.index(target)]
    marks = chosen.field.get("missingValues", [])
    ends = [end for end in chosen.profile.ends if f"{end:.15g}" not in marks]
    return Survey(source, remarks, decisions, typed, profiles[0].rows, min(ends, default=float("inf")))


def typed_by(decisions: list[Decision], sample: pd.DataFrame) -> pd.DataFrame:
    """The sample, typed by decisions that need not be a whole schema yet."""
    fields = [Column.model_validate(decision.field) for decision in decisions]
    return type_cells(sample.__getitem__, TableSchema.model_construct(fields=fields))[0]


def rates_by(decisions: list[Decision], typed: pd.DataFrame) -> pd.DataFrame:
    """The sample with a rate for its target, as split makes it, if a column is the exposure."""
    schema = TableSchema.model_construct(fields=[Column.model_validate(decision.field) for decision in decisions])
    if schema.exposure is None:
        return typed
    rows = typed[typed[schema.exposure.name] > 0]
    return as_rates(rows, schema, float(rows[schema.exposure.name].mean()))


def params_for(seen: Survey, target: str, params: Params) -> tuple[dict[str, Any], list[str]]:
    """Changes of params.yaml that go with this table, and remarks on them."""
    rates, schema = rates_by(seen.decisions, seen.typed), schema_of(seen.decisions)
    scale, reason = choose_scale(rates, seen.least, schema, params.features)
    changes: dict[str, Any] = {"train.alpha": "auto", "train.l1_ratio": "auto", "features.target": scale}
    notes = [f"params.yaml: features.target is {scale}{reason}"]
    by = "group" if any(decision.role == "group" for decision in seen.decisions) else "hash"
    changes |= {"split.by": by, "split.cut": None}
    if by != params.split.by:
        notes.append(f"params.yaml: split.by is now {by}")
    missing = float(seen.typed[target].isna().mean())
    if missing:
        about = share(max(1, round(missing * seen.rows)), seen.rows)
        notes.insert(0, f"? the target is missing in about {about} rows: they go to quarantine")
    if missing > 0.8 * params.validate_.max_invalid_fraction:
        allowed = min(1.0, round(missing + 0.05, 2))
        changes["validate.max_invalid_fraction"] = allowed
        notes.append(
            f"params.yaml: validate.max_invalid_fraction is now {allowed}, so that these rows can go to quarantine"
        )
    return changes, notes
