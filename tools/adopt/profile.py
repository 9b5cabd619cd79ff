"""The profile of one column: what a pass over its cells keeps of them, bounded whatever the number of rows."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from tools.adopt.readings import Reading

MOST_LEVELS = 1000


@dataclass
class Profile:
    """What one column holds."""

    name: str
    rows: int = 0
    blank: int = 0
    marks: Counter[str] = field(default_factory=Counter)  # missing marks, and how often
    numbers: int = 0  # cells that are plain numbers
    low: float = np.inf
    high: float = -np.inf
    second_low: float = np.inf  # the extremes without the sentinels
    second_high: float = -np.inf
    sentinels: Counter[str] = field(default_factory=Counter)  # as written
    whole: bool = True  # every plain number is an integer
    dotted: bool = False  # and yet written with a decimal mark
    leading_zero: bool = False
    steps: set[int] = field(default_factory=set)  # signs of the differences of neighbours
    last: float | None = None
    levels: Counter[str] | None = field(default_factory=Counter)  # None: too many
    readings: dict[Reading, int] | None = None  # cells that each can read, plain numbers left out
    odd: dict[Reading, Counter[str]] = field(default_factory=dict)  # cells that it cannot
    units: Counter[tuple[str, str]] = field(default_factory=Counter)
    typed: str = ""  # the type of a column that is no text: datetime or boolean

    @property
    def known(self) -> int:
        """Cells that hold something."""
        return self.rows - self.blank - sum(self.marks.values())
