"""Selection: which pairs a training set takes, the most promising first, within a budget of terms."""

from collections.abc import Sequence

import numpy as np

from stages.pairs.grids import Grid
from stages.pairs.scores import Score
from stages.utils.arrays import Floats

Names = tuple[int, int]

SAME = 0.9  # share of an axis's information (or variance of its bins) in another, from which they are near-copies


def choose_pairs(
    scores: dict[Names, list[Score]],
    required: Sequence[list[Names]],
    copies: set[Names],
    most_pairs: int,
    most_terms: int,
    least_gain: float,
) -> dict[Names, Score]:
    """Choose pairs and the resolution of each, greedily by the error that they take from held-out folds.

    Args:
        scores: for each pair of axes that may be chosen its scores by resolution.
        required: groups of pairs; the best of each is chosen first, whatever it gains.
        copies: pairs of axes that say nearly the same. A pair whose axes are near-copies of those of a better pair
            waits for the next round, when the better one is fitted and only what is left counts.
        most_pairs, most_terms: how many may be chosen; what is required counts, but is not left out.
        least_gain: a pair must gain more than this.
    """
    best = {names: max(found) for names, found in scores.items()}
    chosen: dict[Names, Score] = {}
    for group in required:
        names = max(group, key=lambda names: best[names].gain)
        fitting = [score for score in scores[names] if score.terms <= most_terms // len(required)]
        chosen[names] = max(fitting, default=min(scores[names], key=lambda score: score.terms))
    terms = sum(score.terms for score in chosen.values())
    for names in sorted(best, key=lambda names: (-best[names].gain, names)):
        if len(chosen) >= most_pairs or best[names].gain <= least_gain:
            break
        if any(alike(names, other, copies) for other in chosen):
            continue
        fitting = [score for score in scores[names] if 0 < score.terms <= most_terms - terms]
        if fitting and max(fitting).gain > best[names].gain / 2:  # a coarser one is not worth its place
            chosen[names] = max(fitting)
            terms += chosen[names].terms
    return chosen


def alike(names: Names, other: Names, copies: set[Names]) -> bool:
    """Tell whether each axis of a pair is an axis of the other or a near-copy of it."""

    def same(a: int, b: int) -> bool:
        return a == b or (min(a, b), max(a, b)) in copies

    (a, b), (c, d) = names, other
    return (same(a, c) and same(b, d)) or (same(a, d) and same(b, c))


def near_copies(rows: Floats, first: Grid, second: Grid) -> bool:
    """Tell whether one axis says nearly what the other does, from the fine table (I, J) of their rows.

    Two numbers do if their bins correlate; anything does of which the other gives most of the information (a date's
    weekday and a column weekday; an hour and a part of the day).
    """
    joint = rows / rows.sum()
    across, down = joint.sum(axis=1), joint.sum(axis=0)
    if first.axis.is_number and second.axis.is_number:
        i, j = np.arange(len(across), dtype=float), np.arange(len(down), dtype=float)
        i, j = i - across @ i, j - down @ j
        variances = (across @ i**2) * (down @ j**2)
        return bool(variances > 0 and (i @ joint @ j) ** 2 > SAME * variances)
    shared = entropy(across) + entropy(down) - entropy(joint)
    return bool(shared > SAME * min(entropy(across), entropy(down)))


def entropy(shares: Floats) -> float:
    """Shannon's entropy of shares that add up to 1."""
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())
