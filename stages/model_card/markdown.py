"""Markdown from numbers: tables, and numbers at four significant digits."""

from collections.abc import Iterable, Sequence
from typing import Any

SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#$~"} | {"\n": " "})


def plain(text: Any) -> str:
    """Text that Markdown shows as it is, on one line."""
    return str(text).translate(SPECIAL)


def code(text: Any) -> str:
    """Text as code, in a table or out of it."""
    return f"`{str(text).replace('`', chr(39)).replace('|', chr(92) + '|').replace(chr(10), ' ')}`"


def figure(value: float | None) -> str:
    """A number at four significant digits."""
    return "undefined" if value is None else f"{value:.4g}"


def with_interval(scores: dict[str, float | None], metric: str) -> str:
    """`55.13 (47.21 to 63.15)`."""
    return f"{figure(scores[metric])} ({figure(scores[f'{metric}_low'])} to {figure(scores[f'{metric}_high'])})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a column whose head ends in a colon is aligned to the right."""
    marks = ["---:" if name.endswith(":") else "---" for name in head]
    names = [name.removesuffix(":") for name in head]
    return "\n".join("| " + " | ".join(row) + " |" for row in [names, marks, *rows])


def bullets(items: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {item}" for item in items)
