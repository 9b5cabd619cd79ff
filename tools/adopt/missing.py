"""Numbers that stand for no value, such as -200 or 9999, found from the data: no list of them exists."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.utils.arrays import Floats
from tools.adopt.choice import RECURS, Doubt, mark_doubt
from tools.adopt.decide import Decision
from tools.adopt.profile import Profile

MOST = 3  # marks in one column
FEW = 10  # levels: the values of a designed experiment (1, 10, 100) may be far apart
APART = 0.1  # gap, as a fraction of the central 98% of the other values
APART_ZERO = 0.02  # for a doubt about zeros
STEPS = 3  # gap, in steps between neighbours at that end of the other values


class Outermost(NamedTuple):
    """The value at one end of a column, repeated and apart from the others."""

    value: float
    gap: float
    is_mark: bool  # by the evidence of this column alone
    may_be: bool  # a mark if it is one in other columns too; a zero: doubtful


def propose_marks(decisions: list[Decision], sample: pd.DataFrame, typed: pd.DataFrame) -> None:
    """Enter the missing marks of every column of numbers into its field, each with a doubt; zeros are only doubted.

    A value is a mark if it repeats and is at an end of the column, apart from the other values; the same value in
    several columns needs less evidence in each. `sample` has some rows as they were read and `typed` the same rows by
    the decisions.
    """
    found = {
        decision.name: outermost_values(with_ends(typed[decision.name], decision.profile))
        for decision in decisions
        if decision.field["type"] in ("number", "integer")
    }
    everywhere = [end for ends in found.values() for end in ends if end.value != 0]
    shared = {end.value for end in everywhere if end.is_mark}
    shared |= {end.value for end in everywhere if sum(other.value == end.value for other in everywhere) > 1}
    for decision in decisions:
        cells, values = sample[decision.name], typed[decision.name]
        for end in found.get(decision.name, []):
            there = values == end.value
            count = max(1, round(there.mean() * decision.profile.rows))
            if end.is_mark or end.value in shared:
                texts = cells[there].str.strip().unique().tolist() if cells.dtype == "str" else []
                texts = sorted(texts) or [f"{end.value:.15g}"]
                marks = [*decision.field.get("missingValues", [""]), *texts]
                decision.field["missingValues"] = list(dict.fromkeys(marks))
                decision.doubts.append(mark_doubt(texts[0], count))
            elif end.value == 0:
                said = f"{count:,} zeros, apart from the other values: is 0 a value here, or is it missing?"
                decision.doubts.append(Doubt(said, "type", "add missingValues: ['', '0'] if it is missing"))


def with_ends(values: pd.Series, profile: Profile) -> Floats:
    """The known values of a sample with the ends of the whole table that it lacks, sorted."""
    known = values.dropna().to_numpy(np.float64)
    return np.sort(np.concatenate([known, profile.ends[~np.isin(profile.ends, known)]]))


def outermost_values(values: Floats) -> list[Outermost]:
    """Candidates for missing marks among sorted values, the farthest first."""
    found: list[Outermost] = []
    while len(found) < MOST and len(values):
        ends = [judge(value, values) for value in (values[0], values[-1])]
        likely = [end for end in ends if end is not None and (end.is_mark or end.may_be)]
        if not likely:
            break
        found.append(max(likely, key=lambda end: end.gap))
        values = values[values != found[-1].value]
    return found


def judge(value: float, values: Floats) -> Outermost | None:
    """The evidence that the first or last of the sorted values is a missing mark."""
    rest = values[values != value]
    levels, count = np.unique(rest), len(values) - len(rest)
    if count < 2 or len(levels) < 2:
        return None
    is_low = value < rest[0]
    nearest, neighbours = (rest[0], levels[:FEW]) if is_low else (rest[-1], levels[-FEW:])
    gap, step = abs(nearest - value), float(np.median(np.diff(neighbours)))
    centre = np.quantile(rest, 0.99) - np.quantile(rest, 0.01)
    outnumbers = count > np.sum(np.abs(rest - nearest) <= gap / 4)  # what else is at that end
    varied, recurs = len(levels) >= FEW, count >= RECURS
    odd = (is_low and value < 0 <= rest[0]) or set(f"{abs(value):.15g}") - {"."} == {"9"}
    far = gap > rest[-1] - rest[0] and (varied or odd)
    leaps = gap > STEPS * step
    lonely = recurs and varied and leaps and outnumbers and gap > (APART if value else APART_ZERO) * centre
    strange = recurs and odd and (leaps or (outnumbers and gap > step))
    if value == 0:
        return Outermost(value, gap, far, lonely)
    return Outermost(value, gap, far or lonely or strange, recurs and leaps and len(levels) > 3)
