"""Decide what a column is from its profile: its field in schema.yaml, the reasons and the doubts."""

from collections import Counter
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any

from tools.adopt.choice import Choice, Doubt, choose_reading, common_units, share
from tools.adopt.naming import is_unit, named, title_of
from tools.adopt.profile import MOST_LEVELS, Profile
from tools.adopt.readings import MARKS

MOST_CATEGORIES = 50  # levels that are listed in the schema
MOST_TERMS = 500  # levels of text that a model is given
GROUPING = Doubt("do rows of one level belong together?", "role", "write role: group if they do")


@dataclass
class Decision:
    """One column: its field of the schema, why it is so, and what is doubtful about it."""

    field: dict[str, Any]
    profile: Profile
    why: list[str] = default(default_factory=list)
    doubts: list[Doubt] = default(default_factory=list)

    @property
    def name(self) -> str:
        """The column's name."""
        return str(self.field["name"])

    @property
    def role(self) -> str:
        """Its role."""
        return str(self.field.get("role", "feature"))

    def leave_out(self, role: str, why: str) -> None:
        """Give the column a role outside of the model."""
        self.field["role"] = role
        self.why.append(why)

    def doubt(self, said: str, key: str, advice: str) -> None:
        """Note a doubt, and what to change in which line."""
        self.doubts.append(Doubt(said, key, advice))


def decide(profile: Profile, delimiter: str) -> Decision:
    """Decide what one column is, by itself."""
    decision = Decision(named(profile.name), profile)
    found = decision.field
    choice = choose_reading(profile, delimiter)
    reading = choice.reading
    decision.doubts += choice.doubts
    if profile.known == 0:
        found["type"] = "string"
        decision.leave_out("ignore", "empty")
    elif profile.typed:
        found["type"] = profile.typed
        decision.why.append("typed in the source")
    elif reading is None:
        decide_text(profile, decision)
    else:
        found |= {"type": reading.type, **reading.properties}
        if profile.readings is None and profile.whole and not profile.dotted:
            found["type"] = "integer"
        elif reading.properties.get("bareNumber") is False:
            before, after = common_units(profile)[0]
            found["unit"] = after or before
            decision.why.append(f"the cells have the unit {found['unit']!r}")
        elif profile.readings and reading.type != "number":
            decision.why.append(f"{share(profile.readings[reading], profile.known)} read as {reading}")
    note_missing(profile, choice, decision)
    if is_constant(profile) and decision.role == "feature":
        decision.leave_out("ignore", "the same in every row")
    return decision


def decide_text(profile: Profile, decision: Decision) -> None:
    """Levels, or text that no model can use."""
    found = decision.field
    found["type"] = "string"
    if profile.levels is None:
        decision.leave_out("ignore", f"text with more than {MOST_LEVELS:,} levels")
        decision.doubts.append(GROUPING)
        return
    levels = {level: count for level, count in profile.levels.items() if count}
    if profile.numbers and profile.readings is not None and not decision.doubts:
        decision.doubt("numbers and text in one column", "type", "write one kind of cell in the source, or keep it")
    if len(levels) > 20 and len(levels) > 0.5 * profile.known:
        decision.leave_out("ignore", f"{len(levels):,} levels in {profile.known:,} cells: names or free text")
        decision.doubts.append(GROUPING)
    elif len(levels) > MOST_TERMS:
        decision.leave_out("ignore", f"{len(levels):,} levels are too many")
        decision.doubts.append(GROUPING)
    else:
        decision.why.append(f"{len(levels)} levels")
        if len(levels) <= MOST_CATEGORIES and not profile.leading_zero:
            words = [mark for mark in profile.marks if mark not in MARKS]
            found["categories"] = sorted([*levels, *words])


def note_missing(profile: Profile, choice: Choice, decision: Decision) -> None:
    """The missing marks; in a column of text, words such as NA may be levels and stay so."""
    is_text = decision.field["type"] == "string"
    marks = [mark for mark in sorted(profile.marks) if mark in MARKS or not is_text]
    words = [mark for mark in sorted(profile.marks) if mark not in marks]
    if words and profile.known:
        named_words = ", ".join(map(repr, words))
        advice = f"write missingValues: {['', *marks, *words]} if it stands for no value, and delete it here"
        key = "categories" if "categories" in decision.field else "type"
        decision.doubt(f"{named_words} kept as a level: is it a missing mark?", key, advice)
    if marks or choice.marks:
        decision.field["missingValues"] = ["", *marks, *choice.marks]
    if marks:
        decision.why.append(f"missing mark {', '.join(map(repr, marks))}")
    missing = profile.blank + sum(profile.marks[mark] for mark in marks)
    if missing and profile.known:
        decision.why.append(f"{share(missing, profile.rows)} missing")
    odd: Counter[str] = profile.odd.get(choice.reading, Counter()) if choice.reading else Counter()
    examples = [text for text, _ in odd.most_common() if text not in choice.marks]
    if examples:
        said = f"rows with {', '.join(map(repr, examples[:3]))} cannot be read and go to quarantine"
        advice = f"add missingValues: {['', *marks, *choice.marks, *examples[:3]]} if these stand for no value"
        decision.doubt(said, "missingValues" if marks or choice.marks else "type", advice)


def is_constant(profile: Profile) -> bool:
    """Tell if all cells are known and alike."""
    if profile.known < profile.rows:
        return False
    if profile.levels:
        return len(profile.levels) == 1 and profile.known == sum(profile.levels.values())
    return profile.numbers == profile.rows and profile.ends[0] == profile.ends[-1]


def keep_shared_brackets(decisions: list[Decision]) -> None:
    """Take back the unit of columns that share their brackets with one that is not a number: part of the name."""
    for decision in decisions:
        unit = decision.field.get("unit")
        others = [other for other in decisions if other.name.endswith((f"({unit})", f"[{unit}]"))]
        if any(other.field["type"] not in ("number", "integer") for other in others):
            for other in others:
                if is_unit(str(other.field.pop("unit", ""))):
                    other.field["title"] = title_of(other.name)
