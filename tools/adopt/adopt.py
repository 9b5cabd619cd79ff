"""The whole of an adoption, from a URI to the three files."""

from pathlib import Path
from typing import Any

from stages.utils.errors import DataError, did_you_mean
from stages.utils.params import Params
from stages.utils.yaml_files import read_settings
from tools.adopt.decide import Decision, decide
from tools.adopt.naming import words_of
from tools.adopt.relations import relate, schema_of
from tools.adopt.report import ask_about, show
from tools.adopt.scale import choose_scale
from tools.adopt.sentinels import is_far
from tools.adopt.source import copied, look
from tools.adopt.write import update_yaml, write_schema


def adopt(
    uri: str,
    target: str,
    root: Path,
    query: str | None = None,
    table: str | None = None,
    ask: bool = False,
    force: bool = False,
) -> list[Decision]:
    """Look at the table that `uri` names and write config.yaml, schema.yaml and params.yaml in `root`.

    Raises:
        PipelineError: it cannot be read, or used with this target; nothing is written then.
    """
    params = read_settings(root / "params.yaml", Params)
    source = {"uri": copied(uri), "query": query, "table": table}
    source, notes, profiles, sample = look(source, target)
    names = [profile.name for profile in profiles]
    if target not in names:
        raise DataError(f"the table has no column {target!r}{did_you_mean(target, names)}; it has {', '.join(names)}")
    sentinels = {
        text for profile in profiles for text, count in profile.sentinels.items() if is_far(profile, text) and count > 1
    }
    decisions = [decide(profile, source.get("delimiter") or ",", sentinels) for profile in profiles]
    typed = relate(decisions, profiles, sample, target, params.features)
    if ask:
        ask_about(decisions)
    missing = float(typed[target].isna().mean())
    notes += show(decisions, profiles, missing)
    lowest = profiles[names.index(target)].second_low
    scale, reason = choose_scale(typed, lowest, schema_of(decisions), params.features)
    notes.append(f"params.yaml: features.target is {scale}: {reason}")

    title = words_of(Path(uri.rpartition("::")[2].partition("?")[0]).name.partition(".")[0]).capitalize() or "Table"
    kept = write_schema(root / "schema.yaml", title, [decision.field for decision in decisions], keep=not force)
    update_yaml(root / "config.yaml", {f"source.{key}": value for key, value in source.items()})
    changes = {"features.target": scale, **params_for(decisions, missing, params, notes)}
    update_yaml(root / "params.yaml", changes)
    if kept:
        notes.append(
            f"schema.yaml described this table already and was kept ({len(kept)} columns); --force writes it anew"
        )
    for note in notes:
        print(f"  {note}")
    print(f"\nwrote config.yaml, schema.yaml and params.yaml ({profiles[0].rows} rows looked at); next: dvc repro")
    return decisions


def params_for(decisions: list[Decision], missing: float, params: Params, notes: list[str]) -> dict[str, Any]:
    """What of params.yaml goes with this table: alpha and l1_ratio anew, groups, rows without a target."""
    changes: dict[str, Any] = {"train.alpha": "auto", "train.l1_ratio": "auto"}
    grouped = any(decision.role == "group" for decision in decisions)
    if grouped or params.split.by != "hash":
        changes["split.by"] = "group" if grouped else "hash"
        notes.append(f"params.yaml: split.by is {changes['split.by']} now")
    if params.split.by == "time":
        changes["split.cut"] = None
    if missing > 0.8 * params.validate_.max_invalid_fraction:
        allowed = min(1.0, round(missing + 0.05, 2))
        changes["validate.max_invalid_fraction"] = allowed
        notes.append(
            f"params.yaml: validate.max_invalid_fraction is {allowed} now: rows without a target are put aside"
        )
    return changes
