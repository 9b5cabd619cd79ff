"""Which of the ways of reading a column's text is the one, and what is doubtful about it."""

from tools.adopt.profile import Profile
from tools.adopt.readings import Reading

ENOUGH = 0.95  # of the known cells that one way of reading has to read


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


def share(part: int, whole: int) -> str:
    """A count and its percentage."""
    return f"{part} of {whole} ({part / whole:.1%})" if part != whole else f"all {whole}"
