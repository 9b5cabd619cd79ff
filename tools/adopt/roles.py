"""The roles of columns: target, ids, groups, time."""

import pandas as pd

from stages.utils.errors import DataError
from tools.adopt.decide import Decision
from tools.adopt.naming import ROW_NAME, SUBJECT, words_of
from tools.adopt.profile import Profile


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


def numbers_rows(profile: Profile) -> bool:
    """Whether whole numbers rise or fall strictly from the first row to the last."""
    return profile.whole and profile.numbers == profile.rows >= 20 and profile.steps in ({1}, {-1})


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
