"""Column names: the title and unit in them, and words that mark counts, codes, ids and subjects."""

import re
from typing import Any

COUNT = re.compile(
    r"\b(n|num|number|count|counts|rooms?|bed(room)?s?|bath(room)?s?|age|years?|qty|quantity|children)\b"
)
CALENDAR = re.compile(r"\b(hours?|hr|months?|mnth|mon|week ?days?|dow|day of week|day|season|quarter|week)\b")
CODE = re.compile(r"\b(code|type|class|category|zone|region|district|group|kind|id|zip|postcode)\b")
SUBJECT = re.compile(r"\b(patient|subject|customer|client|user|household|person|student|participant)s?\b")
ENTITY = re.compile(
    r"\b(store|shop|station|sensor|device|machine|unit|engine|site|plant|branch|school|hospital|country|vehicle|animal)\b"
)
ROW_NAME = re.compile(r"\b(id|no|nr|number|index|instant|row|record|order|uuid|guid|key|serial)\b|^unnamed|^column 1$")
WEIGHT = re.compile(  # of a row; a bare "weight" is that of a thing
    r"\b(sample|sampling|survey|case|row|obs|observation|frequency|freq|person|household|design) ?(weight|wt|wgt)s?\b"
    r"|^(fnlwgt|wgt|perwt|hhwt|pweight|fweight|iweight)$"
)
EXPOSURE = re.compile(  # what a total is over; a "policy year" or "vehicle year" is on the calendar
    r"^exposure$|\bexposure (years|months|days)\b|\b(earned|insured) exposure\b|\bperson ?(years?|months?|days?)\b"
    r"|\b(policy|insured|patient|car|vehicle|earned) (years|months|weeks|days)\b|\b(duration|time|years|days) at risk\b"
)
BRACKETS = re.compile(r"^(?P<title>.*\S)\s*[(\[](?P<unit>[^()\[\]]{1,15})[)\]]$")
SUFFIX_UNIT = re.compile(r"^(?P<title>.+)_(?P<unit>kg|g|mg|km|m|cm|mm|kwh|kw|hp|mph|usd|eur|gbp|sqm|sqft|pct|percent)$")
UNITS = {"usd": "USD", "eur": "EUR", "gbp": "GBP", "kwh": "kWh", "kw": "kW", "sqm": "m²", "sqft": "sq ft", "pct": "%"}
UNITS |= {"percent": "%"}
# A unit library takes (GT) for gigateslas and knows neither ppb nor mpg nor m2.
KNOWN_UNITS = re.compile(
    "[kmµuncd]?(g|m|l|L|s|mol)|[kMG]?(W|Wh|J|B|Hz|cal|N|V)|[khMG]?Pa|[kM]?bps|mV|mA|m?bar|t|lbs?|oz|mi|ft|in|yd|ha|gal|"
    "sec|min|h|hrs?|hours?|d|days?|weeks?|months?|yrs?|years?|atm|mmHg|psi|°?[CFK]|deg|degrees?|rad|Ω|ohm|dB|lx|lm|"
    "pp[mb]|%|‰|pct|percent|USD|EUR|GBP|CHF|JPY|[$€£¥]|hp|mp[hg]|km?ph|kmh|kn|knots|[br]pm|px|pcs|sqm|sqft|sq|acres"
)


def words_of(name: str) -> str:
    """A column's name as lower-case words: `FreeSulfur_dioxide` is `free sulfur dioxide`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r"[\W_]+", " ", spaced).strip().lower()


def title_of(name: str) -> str:
    """A name as people read it: spelled as it is, with spaces for underscores."""
    return name.replace("_", " ").strip()


def is_unit(text: str) -> bool:
    """Tell if a text is a unit, or several joined as in `mg/dL`, `W m-2` and `l/100km`."""
    pieces = [piece for piece in re.split(r"[\s/·*^²³\d+-]+", text.strip()) if piece]
    return bool(pieces) and all(map(KNOWN_UNITS.fullmatch, pieces))


def named(name: str) -> dict[str, Any]:
    """Name, title and unit of a column, from its header; the title only where it is not the name itself."""
    found = BRACKETS.match(name)
    if found and not is_unit(found["unit"]):
        found = None
    found = found or re.match(SUFFIX_UNIT.pattern, name, re.IGNORECASE)
    title = title_of(found["title"] if found else name)
    field: dict[str, Any] = {"name": name} | ({"title": title} if title != name else {})
    if found:
        field["unit"] = UNITS.get(found["unit"].lower(), found["unit"].strip())
    return field
