"""Labels that fit: wrapped, shortened, and still different from one another."""

import textwrap
from collections.abc import Sequence
from itertools import takewhile


def wrapped(text: str, width: int = 40, lines: int = 2) -> str:
    """Break text into lines, at most this many."""
    return textwrap.fill(text, width, max_lines=lines, placeholder=" …", break_long_words=True)


def shortened(text: str, length: int) -> str:
    """Cut text in its middle to this many characters: names that start alike mostly differ in their ends."""
    if len(text) <= length:
        return text
    tail = length // 3
    return f"{text[: length - tail - 1].rstrip()}…{text[len(text) - tail :].lstrip()}"


def told_apart(labels: Sequence[str], length: int) -> list[str]:
    """Cut labels to this many characters, each different from the others.

    Long labels that would look alike lose their common beginning first; those that still do are numbered.
    """
    cut = [shortened(label, length) for label in labels]
    if len(set(cut)) < len(set(labels)):
        long = [label for label in labels if len(label) > length]
        common = len(list(takewhile(lambda letters: len(set(letters)) == 1, zip(*long, strict=False))))
        cut = [shortened(f"…{label[common:]}", length) if len(label) > length else label for label in labels]
    return [
        text if cut.count(text) == 1 else f"{shortened(text, length - 4)} ({cut[:place].count(text) + 1})"
        for place, text in enumerate(cut)
    ]
