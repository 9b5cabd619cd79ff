"""From what a person writes for a sweep (`train.alpha=log:0.001:1:10`) to checked experiments."""

import copy
import hashlib
import itertools
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from dvc.exceptions import DvcException
from dvc.utils.hydra import get_hydra_sweeps, to_hydra_overrides
from hydra.errors import HydraException

from stages.utils.errors import SettingsError
from stages.utils.params import Params
from stages.utils.yaml_files import check_settings, load_yaml

PARAMS = Path("params.yaml")
RANGE = re.compile(r"(log|lin):([^:]+):([^:]+)(?::([^:]+))?")
FORMS = "KEY=A,B,C, KEY=log:LOW:HIGH:COUNT or KEY=lin:LOW:HIGH:COUNT (with --random, COUNT may be left out)"


APART = re.compile(r"validate\.|split\.|features\.target$")  # other rows, other folds or another scale: other errors


class Point(NamedTuple):
    """One experiment: its name and its overrides as `dvc exp run -S` takes them (`train.alpha=0.1`)."""

    name: str
    overrides: tuple[str, ...]

    @property
    def values(self) -> dict[str, Any]:
        """The value of each parameter, typed as DVC will write it."""
        return {override.key_or_group: override.value() for override in to_hydra_overrides(list(self.overrides))}


def points(baseline: str, grid: list[str], count: int | None = None, seed: int = 0) -> list[Point]:
    """The experiments of a grid, checked against params.yaml as it is: all combinations, or `count` random ones.

    A name is a digest of the commit and the overrides, so the same experiment of the same commit is known again.

    Raises:
        SettingsError: the grid is empty or not understood; a parameter is unknown or a value not allowed.
    """
    if not grid:
        raise SettingsError(f"the grid is empty; name parameters and values: {FORMS}")
    axes = dict(axis(spec, open_range=count is not None) for spec in grid)
    for key in filter(APART.match, axes):
        raise SettingsError(
            f"{key}: its values change the rows, the folds or the scale of the error, so that no best can be named; "
            f"run them one by one: dvc exp run -S {key}=…"
        )
    if len(axes) < len(grid):
        raise SettingsError("the grid names a parameter twice; put its values into one list")
    if count is None:
        choices = list(itertools.product(*(values for values, _ in axes.values())))
    else:
        draw = random.Random(seed)
        choices = [tuple(one(draw) for _, one in axes.values()) for _ in range(count)]
    found = []
    for choice in dict.fromkeys(choices):
        text = "\n".join([baseline, *sorted(choice)])
        found.append(Point(f"sweep-{hashlib.sha256(text.encode()).hexdigest()[:8]}", choice))
    content = load_yaml(PARAMS)
    for point in found:
        validate(point, content)
    return found


def axis(spec: str, open_range: bool) -> tuple[str, tuple[list[str], Callable[[random.Random], str]]]:
    """A parameter's key, the overrides of its listed values, and what draws one at random.

    Raises:
        SettingsError: not of one of the FORMS.
    """
    key, equals, text = spec.partition("=")
    if not equals or not text or not re.fullmatch(r"\w+(\.\w+)+", key):
        raise SettingsError(f"{spec}: not a parameter and its values; expected {FORMS}")
    if not text.startswith(("log:", "lin:")):
        try:
            values = [overrides["params.yaml"][0] for overrides in get_hydra_sweeps({"params.yaml": [spec]})]
        except (DvcException, HydraException) as error:
            raise SettingsError(f"{spec}: {str(error).splitlines()[0]}; expected {FORMS}") from None
        return key, (values, lambda draw: draw.choice(values))
    low, high, number = limits(spec, text, open_range)
    log = text.startswith("log:")
    if number is None:
        if log:
            return key, ([], lambda draw: override(key, np.exp(draw.uniform(np.log(low), np.log(high)))))
        return key, ([], lambda draw: override(key, draw.uniform(low, high)))
    spaced = np.geomspace(low, high, number) if log else np.linspace(low, high, number)
    values = list(dict.fromkeys(override(key, value) for value in spaced))
    return key, (values, lambda draw: draw.choice(values))


def limits(spec: str, text: str, open_range: bool) -> tuple[float, float, int | None]:
    """Both ends of a range and how many values it has (None: any).

    Raises:
        SettingsError: not three numbers that make a range.
    """
    match = RANGE.fullmatch(text)
    try:
        low, high = float(match[2]), float(match[3])  # type: ignore[index]
        number = None if match[4] is None else int(match[4])  # type: ignore[index]
    except (TypeError, ValueError):
        raise SettingsError(f"{spec}: not a range; expected {FORMS}") from None
    if not (low < high < float("inf")) or (text.startswith("log:") and low <= 0):
        positive = " and be above 0" if text.startswith("log:") else ""
        raise SettingsError(f"{spec}: LOW has to be below HIGH{positive}; found {low:g} and {high:g}")
    if (number is None and not open_range) or (number is not None and number < 1):
        raise SettingsError(f"{spec}: COUNT has to be 1 or more; found {number or 'none'}")
    return low, high, number


def override(key: str, value: float) -> str:
    """`train.alpha=0.00215443`: six digits are enough for a grid, and a whole number is written as one."""
    return f"{key}={value:.6g}"


def validate(point: Point, content: dict[str, Any]) -> None:
    """Check params.yaml's content with a point's overrides in it, as every stage will.

    Raises:
        SettingsError: a parameter is unknown or a value not allowed.
    """
    changed = copy.deepcopy(content)
    for key, value in point.values.items():
        *sections, last = key.split(".")
        place = changed
        for name in sections:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise SettingsError(f"{PARAMS}: {key}: {name} is a value, not a section")
        place[last] = value
    check_settings(changed, Params, PARAMS)
