"""The roles of columns: target, ids, exposure, weight, time."""

import re
from collections.abc import Iterator

import pandas as pd

from stages.utils.errors import DataError
from tools.adopt.decide import GROUPING, Decision
from tools.adopt.naming import CALENDAR, EXPOSURE, ROW_NAME, WEIGHT, words_of
from tools.adopt.profile import Profile

FEWEST = 20  # cells from which a column without repeats is an id
SHORTEST_RUN = 10  # rows, on average, that a counter counts before it starts again
CYCLES = (12, 24, 31, 48, 52, 53, 60, 96, 144, 288, 365, 366)  # months, hours, days, weeks, minutes
AMOUNTS = {  # by role: names of such columns, why, and a question
    "exposure": (EXPOSURE, "divides the target, so that the model predicts a rate", "is the target a total over it?"),
    "weight": (WEIGHT, "says how much each row counts", "does it?"),
}


def choose_target(decisions: list[Decision], target: str) -> None:
    """Give the target its role.

    Raises:
        DataError: it is not a number.
    """
    chosen = next(decision for decision in decisions if decision.name == target)
    if chosen.field["type"] not in ("number", "integer"):
        found = "; ".join([*chosen.why, *(doubt.said for doubt in chosen.doubts)])
        raise DataError(
            f"column {target}: found {chosen.field['type']} ({found}); the target has to be a number: "
            f"choose another --target"
        )
    chosen.field["role"] = "target"


def find_ids(decisions: list[Decision], sample: pd.DataFrame) -> None:
    """Give role id to columns that number or name the rows."""
    for decision in decisions:
        if decision.role not in ("feature", "ignore") or decision.profile.known == 0:
            continue
        words, cells = words_of(decision.name), sample[decision.name].dropna()
        kind, unique = decision.field["type"], cells.nunique() == len(cells) >= FEWEST
        if decision.role == "feature" and numbers_rows(decision.profile) and kind == "integer":
            decision.leave_out("id", "whole numbers in strict order: they number the rows")
        elif kind in ("integer", "string") and unique and (ROW_NAME.search(words) or decision.role == "ignore"):
            decision.leave_out("id", "another value in every row")
            decision.doubts = [doubt for doubt in decision.doubts if doubt != GROUPING]


def find_counters(decisions: list[Decision]) -> None:
    """Give role id to columns that number the rows of each file or group; doubtful unless the name says so."""
    for decision in decisions:
        profile, words = decision.profile, words_of(decision.name)
        if decision.role == "feature" and decision.field["type"] == "integer" and restarts(profile, words):
            decision.leave_out("id", f"counts rows, from {profile.first:g} again in {profile.restarts} places")
            if not ROW_NAME.search(words):
                decision.doubt("does the position itself matter?", "role", "write role: feature if it does")


def numbers_rows(profile: Profile) -> bool:
    """Tell if whole numbers rise or fall strictly from the first row to the last."""
    return profile.whole and profile.numbers == profile.rows >= FEWEST and profile.steps in ({1}, {-1})


def restarts(profile: Profile, words: str) -> bool:
    """Tell if whole numbers count by ones from 0 or 1, again and again, and are no cycle of the calendar."""
    if not profile.restarts or profile.first not in (0, 1) or profile.numbers < profile.rows or CALENDAR.search(words):
        return False
    runs, longest = profile.restarts + 1, int(profile.ends[-1] - profile.first) + 1
    is_cycle = longest in CYCLES and profile.rows > (runs - 2) * longest
    return profile.rows >= SHORTEST_RUN * runs and not is_cycle


def find_amounts(decisions: list[Decision]) -> None:
    """Propose role exposure and role weight, each for the first number whose name says that it is one."""
    for role, (name, why, question) in AMOUNTS.items():
        if decision := next(amounts(decisions, name, is_positive=role == "exposure"), None):
            decision.leave_out(role, why)
            decision.doubt(question, "role", "delete this line if it is a measurement")


def amounts(decisions: list[Decision], name: re.Pattern[str], is_positive: bool = False) -> Iterator[Decision]:
    """Yield the features of such a name that are numbers in every row, none of them negative (or zero)."""
    for decision in decisions:
        profile = decision.profile
        is_number = decision.field["type"] in ("integer", "number") and profile.numbers == profile.rows
        is_amount = is_number and profile.ends[0] >= 0 and not (is_positive and profile.ends[0] == 0)
        if decision.role == "feature" and is_amount and name.search(words_of(decision.name)):
            yield decision


def find_time(decisions: list[Decision]) -> None:
    """Give role time to the one date without gaps; a clock without a day orders nothing."""
    dates = [
        decision
        for decision in decisions
        if decision.field["type"] in ("date", "datetime")
        and decision.role == "feature"
        and decision.profile.known == decision.profile.rows
        and decision.field.get("format", "default")[:2] != "%H"
    ]
    if len(dates) == 1:
        dates[0].field["role"] = "time"
        dates[0].why.append("orders the rows; the model sees month, weekday and hour")


def keep_one(decisions: list[Decision]) -> None:
    """Make a feature of the time or group column where there is no other.

    Raises:
        DataError: no column can be a feature.
    """
    if any(decision.role == "feature" for decision in decisions):
        return
    for decision in decisions:
        if decision.role in ("time", "group"):
            decision.field["role"] = "feature"
            return
    raise DataError("no column can be a feature: every one but the target is empty, constant, an id or free text")
