"""The price of the monotone constraints of schema.yaml, and the columns whose data go the other way."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stages.modelling import elasticnet
from stages.modelling.axes import Axis
from stages.modelling.cross_validation import choose, cv_surface
from stages.modelling.elasticnet import Fit, Problem
from stages.modelling.training_sets import TrainingSet
from stages.utils.arrays import Floats
from stages.utils.params import TrainParams


def free_r2(
    sets: list[TrainingSet],
    problems: list[Problem],
    fit: Fit,
    axes: Sequence[Axis],
    params: TrainParams,
    log: logging.Logger,
) -> float:
    """Cross-validate and fit the same terms without signs; warn of columns whose constraint the data contradict.

    Args:
        sets, problems: as `cv_surface` takes them.
        fit: the constrained fit to all the rows.
        axes: the axes of the columns.

    Returns:
        The cross-validated R² without constraints.
    """
    signs = problems[-1].signs
    unbounded = [replace(problem, signs=np.zeros(len(problem.signs))) for problem in problems]
    chosen = choose(cv_surface(sets, unbounded, params), params)
    free = elasticnet.fit(unbounded[-1], chosen.alpha, chosen.l1_ratio, params.tol, params.max_iter)
    total = sets[-1].train
    r2 = float(1 - chosen.mse / (total.scatter[-1, -1] / total.n))
    for axis in axes:
        if is_opposed(axis, signs[list(axis.places)], fit.coef[list(axis.places)], free.coef[list(axis.places)]):
            log.warning(
                "schema.yaml: %s: the data go against monotone, so its effect is flat; without constraints CV R² would "
                "be %.3f: check the direction, or delete monotone",
                axis.column,
                r2,
            )
    return r2


def is_opposed(axis: Axis, signs: Floats, bounded: Floats, free: Floats) -> bool:
    """Tell if the constrained effect of an axis is flat and the free one ends on the wrong side of where it starts.

    Args:
        signs, bounded, free: signs and weights (p,) of the terms of the axis.
    """
    rise = (np.ptp(axis.terms, axis=0) * free * signs).sum()  # every bounded term rises from 0 to its range
    return bool(signs.any() and not bounded[signs != 0].any() and rise < 0)
