"""Render a Jinja template to Markdown: every value is escaped unless it is code."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from webapp.formatting import percent, short, with_interval

SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#$~"} | {"\n": " "})
YAML_WORDS = {None: "null", True: "true", False: "false"}


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def plain(value: Any) -> str:
    """Escape text so that Markdown shows it as it is, on one line."""
    return value if isinstance(value, Markdown) else str(value).translate(SPECIAL)


def code(value: Any) -> Markdown:
    """Format a value as code, in a table or outside one; None and booleans as YAML writes them."""
    text = YAML_WORDS[value] if value is None or isinstance(value, bool) else str(value)
    return Markdown(f"`{text.replace('`', chr(39)).replace('|', chr(92) + '|').replace(chr(10), ' ')}`")


def number(value: float | None, digits: int = 4) -> str:
    """Format a number with this many significant digits."""
    return "undefined" if value is None else short(value, digits)


def render(template: Path, **values: Any) -> str:
    """Render a template with these values; a name that it does not get is an error."""
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        finalize=plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "code": code,
        "count": "{:,.0f}".format,
        "number": number,
        "percent": percent,
        "with_interval": lambda scores, metric: with_interval(dict(scores), metric),
    }
    return environment.get_template(template.name).render(values)
