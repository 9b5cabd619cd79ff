"""Choosing the reading of a column's text, and what is doubtful about the choice."""

from typing import NamedTuple

from tools.adopt.naming import is_unit
from tools.adopt.profile import Profile
from tools.adopt.readings import Reading

ENOUGH = 0.95  # of the known cells that a reading has to read
CODES = 12  # levels that may be codes
RECURS = 3  # cells from which a text is not a typing error


class Doubt(NamedTuple):
    """A doubt about a column, and what to change in which line of its field in schema.yaml."""

    said: str
    key: str  # of the line
    advice: str


class Choice(NamedTuple):
    """The reading of a column (None: text), texts that stand for no value under it, and doubts."""

    reading: Reading | None
    marks: list[str] = []
    doubts: list[Doubt] = []


def choose_reading(profile: Profile, delimiter: str) -> Choice:
    """The simplest of the readings that read most of a column, if they read nearly all of it."""
    if profile.readings is None:
        return Choice(Reading("number") if profile.numbers and not profile.leading_zero else None)
    scores = {reading: profile.readings[reading] + plain_cells(profile, reading) for reading in profile.readings}
    marks = {reading: recurring_words(profile, reading) for reading in scores}
    for reading, words in marks.items():
        scores[reading] += sum(profile.odd[reading][word] for word in words)
    most = max(scores.values(), default=0)
    best = [reading for reading, score in scores.items() if score == most and reads_enough(reading, score, profile)]
    if not best:
        likely = [r for r in scores if r.type != "boolean" and r.properties.get("bareNumber", True)]
        half = max(likely, key=lambda reading: scores[reading], default=None)
        if half is None or scores[half] < 0.5 * profile.known:
            return Choice(None)
        said = f"only {share(scores[half], profile.known)} read as {half}: written in several ways?"
        return Choice(None, doubts=[Doubt(said, "type", "write the cells in one way in the source, then adopt again")])
    chosen = best[0]
    doubts = [mark_doubt(word, profile.odd[chosen][word]) for word in marks[chosen]]
    if chosen.properties.get("bareNumber") is False:
        units = common_units(profile)
        before, after = units[0]
        if len(units) > 1 or not (is_unit(after or before) or (after and not before and has_many_levels(profile))):
            return different_units(units)
    if chosen.type == "number":
        signs = [(r.properties.get("decimalChar", "."), r.properties.get("groupChar")) for r in best]
        if {(",", None), (".", ",")} <= set(signs):
            key, other = ("decimalChar", "groupChar") if delimiter == ";" else ("groupChar", "decimalChar")
            wanted = next(r for r in best if r.properties.get(key) == ",")
            said = "three digits after every comma: a decimal mark or a thousands mark?"
            return Choice(wanted, marks[chosen], [*doubts, Doubt(said, key, f"write {other} for {key} if it is that")])
    elif {"%d", "%m"} <= set(chosen.properties.get("format", "").replace("/", " ").split()):
        others = ", ".join(repr(r.properties["format"]) for r in best[1:] if "format" in r.properties)
        if others:
            doubts.append(Doubt("no cell tells the day from the month", "format", f"it could be {others} too"))
    return Choice(chosen, marks[chosen], doubts)


def reads_enough(reading: Reading, score: int, profile: Profile) -> bool:
    """Nearly all of the known cells; for booleans all of them, as a third word makes a category."""
    return score >= (1 if reading.type == "boolean" else ENOUGH) * profile.known


def recurring_words(profile: Profile, reading: Reading) -> list[str]:
    """Up to three texts without digits that recur where all else is numbers or dates: marks for no value."""
    if reading.type == "boolean" or not has_many_levels(profile):
        return []
    fewest = max(RECURS, profile.known / 1000)
    common = profile.odd[reading].most_common(3)
    return [text for text, count in common if count >= fewest and not any(map(str.isdigit, text))]


def mark_doubt(mark: str, count: int) -> Doubt:
    """The doubt about a mark that was found in the data."""
    return Doubt(
        f"{mark!r} in {count:,} rows is taken for a missing mark",
        "missingValues",
        f"delete {mark!r} from the list if it is a value",
    )


def different_units(units: list[tuple[str, str]]) -> Choice:
    """Text, because its numbers have no unit or several; doubtful only if these really are units."""
    texts = [after or before for before, after in units[:4]]
    if len(units) < 2 or not all(map(is_unit, texts)):
        return Choice(None)
    said = f"numbers with different units: {', '.join(texts)}"
    return Choice(None, doubts=[Doubt(said, "type", "convert them to one unit in the source, then adopt again")])


def has_many_levels(profile: Profile) -> bool:
    """Tell if a column has more different cells than codes have."""
    return profile.levels is None or len(profile.levels) > CODES


def plain_cells(profile: Profile, reading: Reading) -> int:
    """Plain numbers of earlier batches, if this reading reads them too."""
    decimal = reading.properties.get("decimalChar", ".")
    return profile.numbers if reading.type == "number" and (decimal == "." or not profile.dotted) else 0


def common_units(profile: Profile) -> list[tuple[str, str]]:
    """Units, before and after the number, that at least one in a thousand cells has."""
    total = sum(profile.units.values())
    return [unit for unit, count in profile.units.most_common() if count > total / 1000]


def share(part: int, whole: int) -> str:
    """A count and its percentage."""
    return f"{part:,} of {whole:,} ({part / whole:.1%})" if part != whole else f"all {whole:,}"
