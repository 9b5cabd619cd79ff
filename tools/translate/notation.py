"""The notation of cells for other languages: whitespace, regular expressions and date formats that all of them have."""

import re

from stages.utils.errors import PipelineError
from tools.date_formats import DIRECTIVES
from tools.translate.model import Input

# what str.strip() removes
WHITESPACE = "".join(map(chr, [*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)])) + (
    "\u2028\u2029\u202f\u205f\u3000"
)
SAME_EVERYWHERE = re.compile(  # literals, escaped marks, classes, groups, alternatives, repetitions
    r"(?:[^\\\[\](){}|?*+.^$]|\\[^A-Za-z0-9]|\[\^?[A-Za-z0-9 _./:,+-]+\]|\((?!\?)|[)|?*+]|"
    r"\{[0-9]{1,2}(?:,[0-9]{0,2})?\})*"
)


def level_pattern(column: Input) -> str | None:
    """Give the regular expression that a level must match, for languages other than Python.

    Raises:
        PipelineError: it may mean another thing there.
    """
    pattern = column.pattern
    if pattern is not None and (not SAME_EVERYWHERE.fullmatch(pattern) or re.search(r"[*+?}]\+", pattern)):
        raise PipelineError(
            f"column {column.name}: the pattern {pattern} may mean another thing outside Python; "
            "write it with literals, [classes], groups and repetitions, or use --to python"
        )
    return pattern


def date_pattern(column: Input) -> tuple[str, list[str]]:
    """Give the regular expression of a strptime format, with one group for each of its directives, and the directives.

    Raises:
        PipelineError: the format has a directive that is not translated, or no year, or one part twice.
    """
    found = re.split(r"%(.)", column.format)
    pattern, parts = "", []
    for place, text in enumerate(found):
        if place % 2 == 0:  # letters match in either case, whitespace matches any
            for mark in re.findall(r"\s+|.", text):
                pattern += (
                    f"[{WHITESPACE}]+"
                    if mark.isspace()
                    else f"[{mark}{mark.swapcase()}]"
                    if mark.isalpha()
                    else re.escape(mark)
                )
        elif text == "%":
            pattern += "%"
        elif text in DIRECTIVES:
            pattern += DIRECTIVES[text]
            parts.append(text)
        else:
            raise PipelineError(
                f"column {column.name}: %{text} in its format {column.format}; only --to python reads it"
            )
    merged = [{"y": "Y", "b": "m", "B": "m", "I": "H"}.get(part, part) for part in parts]
    if "Y" not in merged or len(set(merged)) < len(merged) or ("I" in parts) != ("p" in parts):
        raise PipelineError(
            f"column {column.name}: format {column.format}; expected one year, and every part once; use --to python"
        )
    return pattern, parts
