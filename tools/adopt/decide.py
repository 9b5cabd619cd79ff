"""What a column is, from its profile: the properties of its field in schema.yaml, why, and what is doubtful."""

from collections import Counter
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any

from tools.adopt.choice import choose_reading, common_units, share
from tools.adopt.naming import CALENDAR, CODE, COUNT, named, words_of
from tools.adopt.profile import MOST_LEVELS, Profile
from tools.adopt.readings import MARKS, Reading
from tools.adopt.sentinels import sentinels_of

MOST_CATEGORIES = 50  # levels that are listed in the schema
MOST_TERMS = 500  # levels of text that a model is given
CODES = 12  # levels of an integer that may be a code without a name that says so


@dataclass
class Decision:
    """One column: its field of the schema, and one line that says why."""

    field: dict[str, Any]
    why: list[str] = default(default_factory=list)
    doubts: list[str] = default(default_factory=list)

    @property
    def role(self) -> str:
        """Its role."""
        return str(self.field.get("role", "feature"))

    def leave_out(self, role: str, why: str) -> None:
        """Take the column out of the model."""
        self.field["role"] = role
        self.why.append(why)


def decide(profile: Profile, delimiter: str, sentinels: set[str]) -> Decision:
    """Look at one column by itself."""
    decision = Decision(named(profile.name))
    found = decision.field
    reading, doubt = choose_reading(profile, delimiter)
    if doubt:
        decision.doubts.append(doubt)
    if profile.known == 0:
        found["type"] = "string"
        decision.leave_out("ignore", "empty")
    elif profile.typed:
        found["type"] = profile.typed
        decision.why.append("typed in the source")
    elif reading is None:
        decide_text(profile, decision)
    elif reading.type == "number":
        decide_number(profile, reading, decision, sentinels)
    else:
        found |= {"type": reading.type, **reading.properties}
        if profile.readings:
            decision.why.append(f"{share(profile.readings[reading], profile.known)} are written so")
    note_missing(profile, reading, decision)
    if is_constant(profile) and decision.role == "feature":
        decision.leave_out("ignore", "the same in every row")
    return decision


def decide_number(profile: Profile, reading: Reading, decision: Decision, sentinels: set[str]) -> None:
    """A number, an integer, or an integer that is a category."""
    found = decision.field
    found |= {"type": "number", **reading.properties}
    if reading.properties.get("bareNumber") is False:
        before, after = common_units(profile)[0]
        found["unit"] = after or before
        decision.why.append(f"the unit {found['unit']!r} stands in the cells")
    marks = sentinels_of(profile, sentinels)
    if marks:
        found["missingValues"] = ["", *marks]
        decision.doubts.append(f"{', '.join(marks)} taken for a missing mark")
    levels = None if profile.levels is None else {lv: n for lv, n in profile.levels.items() if lv not in marks}
    if profile.readings is not None or not profile.whole or profile.dotted:
        return
    found["type"] = "integer"
    words = words_of(profile.name)
    if levels is None or not levels:
        return
    values = sorted(map(int, levels))
    dense = values[-1] - values[0] < 2 * len(values)
    named_code = bool(CALENDAR.search(words) or CODE.search(words))
    binary = values == [0, 1]
    few = len(values) <= CODES or (named_code and len(values) <= MOST_CATEGORIES)
    if len(values) < 2 or not few or not dense or values[0] < 0 or (COUNT.search(words) and not binary):
        return
    found["categories"] = values
    decision.why.append(f"{len(values)} whole numbers from {values[0]} to {values[-1]}: taken for codes")
    if not (named_code or binary):
        decision.doubts.append("codes or counts? without categories it is a count")


def decide_text(profile: Profile, decision: Decision) -> None:
    """Levels, or text that no model can use."""
    found = decision.field
    found["type"] = "string"
    if profile.levels is None:
        decision.leave_out("ignore", f"text with more than {MOST_LEVELS} levels")
        decision.doubts.append("give role: group if rows of one level belong together")
        return
    levels = {level: count for level, count in profile.levels.items() if count}
    if profile.numbers and profile.readings is not None:
        decision.doubts.append("numbers and text in one column")
    if len(levels) > 20 and len(levels) > 0.5 * profile.known:
        decision.leave_out("ignore", f"{len(levels)} levels in {profile.known} cells: names or free text")
        decision.doubts.append("give role: group if rows of one level belong together")
    elif len(levels) > MOST_TERMS:
        decision.leave_out("ignore", f"{len(levels)} levels are too many")
        decision.doubts.append("give role: feature if it matters, group if rows of one level belong together")
    else:
        decision.why.append(f"{len(levels)} levels")
        if len(levels) <= MOST_CATEGORIES and not profile.leading_zero:
            words = [mark for mark in profile.marks if mark not in MARKS]
            found["categories"] = sorted([*levels, *words])


def note_missing(profile: Profile, reading: Reading | None, decision: Decision) -> None:
    """The missing marks: in text, words such as NA may be levels and stay so."""
    found = decision.field
    is_text = found["type"] == "string"
    marks = [mark for mark in sorted(profile.marks) if mark in MARKS or not is_text]
    words = [mark for mark in sorted(profile.marks) if mark not in marks]
    if words and profile.known:
        decision.doubts.append(f"{', '.join(map(repr, words))} kept as a level: a missing mark?")
    if marks:
        found["missingValues"] = ["", *marks, *found.get("missingValues", [""])[1:]]
        decision.why.append(f"missing mark {', '.join(map(repr, marks))}")
    missing = profile.blank + sum(profile.marks[mark] for mark in marks)
    if missing and profile.known:
        decision.why.append(f"{share(missing, profile.rows)} missing")
    odd: Counter[str] = profile.odd.get(reading, Counter()) if reading else Counter()
    if odd:
        decision.doubts.append(f"not readable, for quarantine: {', '.join(repr(t) for t, _ in odd.most_common(3))}")


def is_constant(profile: Profile) -> bool:
    """Whether all known cells are alike and none is missing."""
    if profile.blank + sum(profile.marks.values()):
        return False
    if profile.levels is not None and profile.levels:
        return len(profile.levels) == 1 and profile.known == sum(profile.levels.values())
    return profile.numbers == profile.rows and profile.low == profile.high
