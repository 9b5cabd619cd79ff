"""What a column's name says: its title and unit, and whether it counts, codes, names or numbers things."""

import re
from typing import Any

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


def words_of(name: str) -> str:
    """A column's name as lower-case words: `FreeSulfur_dioxide` is `free sulfur dioxide`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r"[\W_]+", " ", spaced).strip().lower()


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
