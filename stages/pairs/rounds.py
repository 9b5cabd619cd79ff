"""Rounds: fit, look at what the residuals of pairs say, add pairs, fit again, as long as cross-validation gains by it.

Every training set chooses pairs of its own, from its own rows, so that its error on the fold that it has not seen is
honest.
"""

import logging
from functools import partial

import numpy as np

from stages.modelling.comparison import Candidate, QuickPath, candidate_of, is_better, quick_path
from stages.modelling.moments import Moments
from stages.modelling.sums import CHUNK, add_up, at_vertices, term_moments, weighted_sums
from stages.modelling.target_scale import from_scale, mean_factor
from stages.modelling.training_sets import Membership
from stages.pairs.scores import Score, score_pair, spreads_of
from stages.pairs.search import Rows, Search
from stages.pairs.selection import Names, choose_pairs
from stages.pairs.sums import Choice, choices_of, set_of
from stages.pairs.tables import pair_table
from stages.pairs.terms import Pair, make_pair, model_blocks
from stages.utils.arrays import Floats
from stages.utils.parallel import map_parts

ROUNDS = 3
SMALL = 1_000_000  # rows times pairs that are scored within a second


def find_pairs(
    rows: Rows, members: list[Membership], additive: Candidate, search: Search, log: logging.Logger
) -> tuple[list[list[Pair]], Candidate]:
    """The pairs of each training set, in the order they were chosen, and the last model cross-validated."""
    chosen: list[list[Pair]] = [[] for _ in members]
    best, residuals = additive, all_residuals(rows, additive, chosen, search)
    errors = unit_errors(rows, members, residuals)
    small = len(rows.target) * len(search.candidates) < SMALL
    shares = [(number + 1) / ROUNDS for number in range(ROUNDS)]
    for share in [0.0, *shares] if search.required else shares:  # at 0 there is room only for what is required
        numbers = list(range(len(members)))
        more = list(map_parts(add_pairs, numbers, rows, residuals, members, chosen, search, share, small=small,
                              unit="training sets"))  # fmt: skip
        if [names_of(pairs) for pairs in more] == [names_of(pairs) for pairs in chosen]:
            break
        candidate = candidate_of(fit_sets(more, rows, members, search, small))
        names = [f"{search.axes[a].name} × {search.axes[b].name}" for a, b in (pair.axes for pair in more[-1])]
        left = all_residuals(rows, candidate, more, search)
        found = unit_errors(rows, members, left)
        log.debug("%.0f%% of the budget: CV RMSE %.6g, %s", share * 100, np.sqrt(found.mean()), ", ".join(names))
        gained = is_better(candidate.errors, best.errors) and is_better(found, errors)
        if share > 0 and not search.forced and not gained:
            break
        chosen, best, residuals, errors = more, candidate, left, found
    return chosen, best


def names_of(pairs: list[Pair]) -> list[tuple[Names, tuple[int, int]]]:
    """The axes and the resolution of each pair."""
    return [(pair.axes, pair.resolutions) for pair in pairs]


def unit_errors(rows: Rows, members: list[Membership], residuals: Floats) -> Floats:
    """Mean squared error of each fold in the target's own unit, of predictions of means (folds,).

    On a square root or a logarithm a pair can look good that spoils the largest predictions.

    Args:
        residuals: (members, n) on the model's scale, up to a constant.
    """
    target, errors = from_scale(rows.target, rows.transform), []
    for member, residual in zip(members, residuals, strict=True):
        if member.held_out is not None:
            inside, outside = np.isin(rows.fold, member.folds), rows.fold == member.held_out
            linear = rows.target - residual + np.average(residual[inside], weights=rows.counted(inside))
            factor = mean_factor(target[inside], linear[inside], rows.transform, rows.counted(inside))
            predicted = from_scale(linear[outside], rows.transform) * factor
            errors.append(np.average((target[outside] - predicted) ** 2, weights=rows.counted(outside)))
    return np.array(errors)


def all_residuals(rows: Rows, candidate: Candidate, chosen: list[list[Pair]], search: Search) -> Floats:
    """Return the residuals of every row under each training set's model, up to a constant (members, n)."""
    both = zip(candidate.coefs, chosen, strict=True)
    return np.array([residuals_of(rows, coef, pairs, search) for coef, pairs in both])


def residuals_of(rows: Rows, coef: Floats, pairs: list[Pair], search: Search) -> Floats:
    """Return the residuals of every row under a model, up to a constant (n,)."""
    weights, residuals = at_vertices(coef, search.axes), rows.target.copy()
    for start in range(0, len(residuals), CHUNK):
        some = slice(start, start + CHUNK)
        residuals[some] -= weighted_sums(model_blocks(rows.values[:, some], search.axes, search.grids, pairs), weights)
    return residuals


def add_pairs(
    number: int,
    rows: Rows,
    residuals: Floats,
    members: list[Membership],
    chosen: list[list[Pair]],
    search: Search,
    share: float,
) -> list[Pair]:
    """The pairs of one training set after one more round, which may use `share` of the budget."""
    member, have = members[number], chosen[number]
    inside = np.isin(rows.fold, member.folds)
    weight, fold, residual = rows.counted(inside), rows.fold[inside], residuals[number][inside]
    residual = residual - np.average(residual, weights=weight)
    bins = [grid.locate(value[inside]) for grid, value in zip(search.grids, rows.values, strict=True)]
    spreads = [spreads_of(grid) for grid in search.grids]
    taken = {pair.axes: pair for pair in have}
    scores: dict[Names, list[Score]] = {}
    rows_of_pair: dict[Names, Floats] = {}
    for names in search.candidates:
        first, second = search.grids[names[0]], search.grids[names[1]]
        both = (bins[names[0]], bins[names[1]])
        table = pair_table(both, (first.bins, second.bins), fold, residual, max(member.folds) + 1, weight)
        found = score_pair(table, list(member.folds), first, second, (spreads[names[0]], spreads[names[1]]))
        scores[names] = finer(found, taken[names]) if names in taken else found
        rows_of_pair[names] = table.rows.sum(axis=0)
    scores = {names: found for names, found in scores.items() if found}
    most_pairs = int(np.ceil(share * search.most_pairs)) - len(have)
    most_terms = int(max(share, 1 / ROUNDS) * search.most_terms) - sum(pair.terms for pair in have)
    required = [group for group in search.required if not taken.keys() & set(group)]
    # what the best of so many tables gains by chance: the risk inflation criterion of Foster and George (1994)
    least_gain = 2 * float(np.average(residual**2, weights=weight)) * np.log(max(sum(map(len, scores.values())), 1))
    choices = choose_pairs(scores, required, search.copies, most_pairs, most_terms, least_gain)
    return [pair for pair in have if pair.axes not in choices] + [
        make_pair(names, score.resolutions, rows_of_pair[names], search.grids) for names, score in choices.items()
    ]


def finer(scores: list[Score], pair: Pair) -> list[Score]:
    """The finer resolutions that a pair may be taken to, with the terms that this adds."""
    (a, b), now = pair.resolutions, pair.terms
    return [
        score._replace(terms=score.terms - now)
        for score in scores
        if score.resolutions[0] >= a and score.resolutions[1] >= b and score.terms > now
    ]


def fit_sets(
    by_set: list[list[Pair]], rows: Rows, members: list[Membership], search: Search, small: bool
) -> list[QuickPath]:
    """Fit every training set with its pairs."""
    paths: dict[int, QuickPath] = {}
    for choice in choices_of(by_set):
        folds = range(1 + max(members[-1].folds))
        by_fold = list(map_parts(sum_fold, folds, choice.pairs, rows, search, small=small, unit="folds"))
        fits = map_parts(fit_set, choice.sets, choice, by_fold, by_set, members, search.signs, small=small,
                         unit="training sets")  # fmt: skip
        paths |= dict(zip(choice.sets, fits, strict=True))
    return [paths[number] for number in range(len(members))]


def fit_set(
    number: int,
    choice: Choice,
    by_fold: list[Moments],
    by_set: list[list[Pair]],
    members: list[Membership],
    signs: Floats,
) -> QuickPath:
    """Fit one training set with its pairs."""
    return quick_path(set_of(number, choice, by_fold, by_set, members), signs)


def sum_fold(fold: int, pairs: list[Pair], rows: Rows, search: Search) -> Moments:
    """The moments of the terms in one fold."""
    expand = partial(model_blocks, axes=search.axes, grids=search.grids, pairs=pairs)
    inside = rows.fold == fold
    found = add_up(expand, rows.values[:, inside], rows.target[inside], rows.centre, rows.counted(inside))
    return term_moments(found, search.axes)
