"""Progress of a long pass: a bar in a terminal, elsewhere a plain line every ten seconds, from the tenth second on."""

import io
import logging
import sys
from typing import Any

from tqdm import tqdm

log = logging.getLogger(__name__)

SECONDS = 10.0  # between two lines
LINE = "{n_fmt} of {total_fmt}{unit}{postfix}; {rate_noinv_fmt}, {remaining} left"
LINE_WITHOUT_TOTAL = "{n_fmt}{unit}{postfix}; {rate_noinv_fmt}"


class LogLines(io.TextIOBase):
    """A file that logs what is written to it."""

    def write(self, text: str) -> int:
        """Log the text, unless tqdm is only wiping its bar."""
        if line := " ".join(text.split()):  # tqdm pads its rates
            log.info(line)
        return len(text)


def progress(total: int | None, unit: str) -> "tqdm[Any]":
    """Return the bar of a pass over `total` units (None: unknown), such as `rows`; call `update` with those done."""
    common: dict[str, Any] = {"total": total, "unit": f" {unit}", "smoothing": 0, "leave": False}
    common["unit_scale"] = total is None or total >= 1000  # 12.3k rows, but 3 parts
    if sys.stderr.isatty():
        return tqdm(**common, delay=2)
    line = LINE if total else LINE_WITHOUT_TOTAL
    places = {"file": LogLines(), "position": 0, "bar_format": line}
    return tqdm(**common, **places, delay=SECONDS, mininterval=SECONDS, miniters=1)


def expect(bar: "tqdm[Any]", total: int) -> None:
    """Set or correct the total of a bar to an estimate made under way."""
    bar.total = total
    if bar.bar_format == LINE_WITHOUT_TOTAL:
        bar.bar_format = LINE
