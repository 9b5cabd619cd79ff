"""Checks of a plot: format, size, and that something is drawn on it."""

from pathlib import Path

import numpy as np
from PIL import Image

LARGEST = 150_000  # bytes
WIDTH = 900  # pixels
INFORMATION = {"IHDR", "PLTE", "IDAT", "IEND"}  # chunks: no text, no time


def pictures(directory: Path) -> list[Path]:
    """The PNGs in a directory."""
    return sorted(directory.glob("*.png"))


def chunks(path: Path) -> set[str]:
    """The kinds of chunks of a PNG."""
    content, place, kinds = path.read_bytes(), 8, set()
    while place < len(content):
        length = int.from_bytes(content[place : place + 4])
        kinds.add(content[place + 4 : place + 8].decode("ascii"))
        place += 12 + length
    return kinds


def check_picture(path: Path) -> None:
    """A PNG of the right width, not too large, that says nothing but its pixels, and is drawn on all over."""
    assert path.stat().st_size < LARGEST, path
    assert chunks(path) <= INFORMATION, path
    with Image.open(path) as image:
        assert image.width == WIDTH, path
        pixels = np.asarray(image.convert("L"), float)
    title, panels = pixels[:45], pixels[70:]
    assert title.min() < 100, f"{path}: no title"
    assert len(np.unique(panels)) > 20, f"{path}: blank"
    ink = (panels < 200).any(axis=0).mean()
    assert ink > 0.1, f"{path}: drawn on {ink:.0%} of its width only"
