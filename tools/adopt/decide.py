"""What a column is, from its profile: the properties of its field in schema.yaml, why, and what is doubtful."""

import re
from collections import Counter
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any

from tools.adopt.profile import Profile
from tools.adopt.readings import MARKS, Reading

ENOUGH = 0.95  # of the known cells that one way of reading has to read
MOST_CATEGORIES = 50  # levels that are listed in the schema
MOST_TERMS = 500  # levels of text that a model is given
CODES = 12  # levels of an integer that may be a code without a name that says so

COUNT = re.compile(
    r"\b(n|num|number|count|counts|rooms?|bed(room)?s?|bath(room)?s?|age|years?|qty|quantity|children)\b"
)
CALENDAR = re.compile(r"\b(hours?|hr|months?|mnth|mon|week ?days?|dow|day of week|day|season|quarter|week)\b")
CODE = re.compile(r"\b(code|type|class|category|zone|region|district|group|kind|id|zip|postcode)\b")
SUBJECT = re.compile(r"\b(patient|subject|customer|client|user|household|person|student|participant)s?\b")
ROW_NAME = re.compile(r"\b(id|no|nr|number|index|instant|row|record|order|uuid|guid|key|serial)\b|^unnamed|^column 1$")
HEADER_UNIT = re.compile(r"^(?P<title>.*\S)\s*[(\[](?P<unit>[^()\[\]]{1,15})[)\]]$")
SUFFIX_UNIT = re.compile(r"^(?P<title>.+)_(?P<unit>kg|g|mg|km|m|cm|mm|kwh|kw|hp|mph|usd|eur|gbp|sqm|sqft|pct|percent)$")
UNITS = {"usd": "USD", "eur": "EUR", "gbp": "GBP", "kwh": "kWh", "kw": "kW", "sqm": "m²", "sqft": "sq ft", "pct": "%"}
UNITS |= {"percent": "%"}


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


def words_of(name: str) -> str:
    """A column's name as lower-case words: `FreeSulfur_dioxide` is `free sulfur dioxide`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r"[\W_]+", " ", spaced).strip().lower()


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


def named(name: str) -> dict[str, Any]:
    """Name, title and unit, from the header."""
    found = HEADER_UNIT.match(name) or SUFFIX_UNIT.match(name.lower())
    title = words_of(found["title"]) if found else words_of(name)
    field: dict[str, Any] = {"name": name}
    if title and title.capitalize() != name:
        field["title"] = title.capitalize()
    if found:
        field["unit"] = UNITS.get(found["unit"], found["unit"].strip())
    return field


def choose_reading(profile: Profile, delimiter: str) -> tuple[Reading | None, str]:
    """The way to read a column that reads nearly all of it (the simplest of those that read most), and a doubt."""
    plain = Reading("number")
    if profile.readings is None:
        return (plain, "") if profile.numbers and not profile.leading_zero else (None, "")
    scores = {reading: profile.readings[reading] + plain_cells(profile, reading) for reading in profile.readings}
    enough = [reading for reading in scores if scores[reading] >= ENOUGH * profile.known]
    most = max(scores.values(), default=0)
    best = [reading for reading in enough if scores[reading] == most]
    if not best:
        half = max(scores, key=lambda reading: scores[reading], default=None)
        mixed = f"only {share(most, profile.known)} are {half}: several ways of writing in one column?"
        return None, mixed if most >= 0.5 * profile.known else ""
    if best[0].properties.get("bareNumber") is False and len(common_units(profile)) != 1:
        return None, "numbers with different units: " + ", ".join(repr("…".join(u)) for u in common_units(profile)[:4])
    if best[0].type == "number":
        marks = [(r.properties.get("decimalChar", "."), r.properties.get("groupChar")) for r in best]
        if {(",", None), (".", ",")} <= set(marks):
            wanted = (",", None) if delimiter == ";" else (".", ",")
            return best[marks.index(wanted)], "a comma before three digits: decimal or thousands?"
    elif len(best) > 1 and {"%d", "%m"} <= set(best[0].properties.get("format", "").replace("/", " ").split()):
        others = ", ".join(reading.properties["format"] for reading in best[1:] if "format" in reading.properties)
        if others:
            return best[0], f"no cell tells the day from the month: {others} would do too"
    return best[0], ""


def plain_cells(profile: Profile, reading: Reading) -> int:
    """Plain numbers that came in earlier batches and that this way reads too."""
    decimal = reading.properties.get("decimalChar", ".")
    return profile.numbers if reading.type == "number" and (decimal == "." or not profile.dotted) else 0


def common_units(profile: Profile) -> list[tuple[str, str]]:
    """Units that at least one in a thousand cells has."""
    total = sum(profile.units.values())
    return [unit for unit, count in profile.units.most_common() if count > total / 1000]


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


def sentinels_of(profile: Profile, sentinels: set[str]) -> list[str]:
    """Numbers that stand for no value: they repeat, lie at the end and far off, or mark other columns too."""
    found = []
    for text, count in profile.sentinels.items():
        value = float(text)
        spread = profile.second_high - profile.second_low
        if count < 2 or value not in (profile.low, profile.high) or spread < 0:
            continue
        gap = profile.second_low - value if value < profile.second_low else value - profile.second_high
        if gap > spread > 0 or (value < 0 <= profile.second_low and (gap > spread or text in sentinels)):
            found.append(text)
    return sorted(found)


def decide_text(profile: Profile, decision: Decision) -> None:
    """Levels, or text that no model can use."""
    found = decision.field
    found["type"] = "string"
    if profile.levels is None:
        decision.leave_out("ignore", f"text with more than {1000} levels")
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


def numbers_rows(profile: Profile) -> bool:
    """Whether whole numbers rise or fall strictly from the first row to the last."""
    return profile.whole and profile.numbers == profile.rows >= 20 and profile.steps in ({1}, {-1})


def share(part: int, whole: int) -> str:
    """A count and its percentage."""
    return f"{part} of {whole} ({part / whole:.1%})" if part != whole else f"all {whole}"
