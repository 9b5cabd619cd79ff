"""Training sets: for every fold the rows that its model is fitted to and those it is judged on; last, all the rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.modelling.moments import Moments, merge_all
from stages.utils.files import write_arrays

FIELDS = ("n", "mean", "scatter")


@dataclass(frozen=True)
class Membership:
    """The folds that a model is fitted to, and the fold that it is judged on (None: it is fitted to all the rows)."""

    folds: tuple[int, ...]
    held_out: int | None


@dataclass(frozen=True)
class TrainingSet:
    """The moments of a training set; each set has terms of its own, the columns' first."""

    held_out: int | None  # the fold that the model is judged on
    train: Moments
    test: Moments | None


def memberships(folds: int, forward: bool) -> list[Membership]:
    """The training sets of `folds` folds: the others, or (forward) those before it, of which the first has none."""
    found = []
    for held_out in range(folds):
        others = range(held_out) if forward else [fold for fold in range(folds) if fold != held_out]
        if others:
            found.append(Membership(tuple(others), held_out))
    return [*found, Membership(tuple(range(folds)), None)]


def additive_sets(by_fold: list[Moments], members: list[Membership]) -> Iterator[TrainingSet]:
    """The training sets of terms that all of them share, one by one, from the moments of each fold."""
    for member in members:
        train = merge_all(by_fold[fold] for fold in member.folds)
        yield TrainingSet(member.held_out, train, None if member.held_out is None else by_fold[member.held_out])


def save_sets(path: Path, sets: list[TrainingSet]) -> None:
    """Write the training sets: n, mean and scatter of each one's rows, and of its fold."""
    arrays: dict[str, Any] = {"held_out": [-1 if one.held_out is None else one.held_out for one in sets]}
    for number, one in enumerate(sets):
        for name, moments in (("train", one.train), ("test", one.test)):
            if moments is not None:
                arrays |= {f"{name}_{number}_{field}": getattr(moments, field) for field in FIELDS}
    write_arrays(path, arrays)


def load_sets(path: Path) -> list[TrainingSet]:
    """Read the training sets, the one of all the rows last."""
    with np.load(path) as arrays:

        def moments(name: str) -> Moments:
            n, mean, scatter = (arrays[f"{name}_{field}"] for field in FIELDS)
            return Moments(n.item(), mean, scatter)

        return [
            TrainingSet(None, moments(f"train_{number}"), None)
            if fold < 0
            else TrainingSet(fold, moments(f"train_{number}"), moments(f"test_{number}"))
            for number, fold in enumerate(arrays["held_out"].tolist())
        ]
