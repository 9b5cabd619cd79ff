"""Turn what a person writes for a sweep (`train.alpha=log:0.001:1:10`) into checked experiments."""

import hashlib
import itertools
import random
import re
from typing import Any, NamedTuple

import numpy as np
from dvc.exceptions import DvcException
from dvc.utils.hydra import get_hydra_sweeps, to_hydra_overrides
from hydra.errors import HydraException
from omegaconf import OmegaConf

from stages.utils.errors import SettingsError
from stages.utils.params import PARAMS, Params
from stages.utils.yaml_files import check_settings, load_yaml

FORMS = "KEY=A,B,C, KEY=log:LOW:HIGH:COUNT or KEY=lin:LOW:HIGH:COUNT"
CHANGES_ERROR = re.compile(r"validate\.|split\.|features\.target$")  # other rows, other folds or another scale


class Point(NamedTuple):
    """One experiment: its name, and its overrides as `dvc exp run -S` takes them (`train.alpha=0.1`)."""

    name: str
    overrides: tuple[str, ...]

    @property
    def values(self) -> dict[str, Any]:
        """The value of each parameter, typed as DVC will write it."""
        return {override.key_or_group: override.value() for override in to_hydra_overrides(list(self.overrides))}


def points(baseline: str, grid: list[str], count: int | None = None, seed: int = 0) -> list[Point]:
    """List the experiments of a grid: all combinations, or `count` of them drawn at random.

    A name is a hash of the commit and the overrides, so the same experiment of the same commit has the same name.

    Raises:
        SettingsError: the grid is empty or malformed, a parameter is unknown, or a value is not allowed.
    """
    if not grid:
        raise SettingsError(f"the grid is empty; name parameters and values: {FORMS}")
    axes: dict[str, list[str]] = {}
    for spec in grid:
        key, values = axis(spec)
        if key in axes:
            raise SettingsError(f"{key}: found twice in the grid; put all its values into one list")
        if CHANGES_ERROR.match(key):
            raise SettingsError(
                f"{key}: its values change the rows, the folds or the scale of the error, so the errors cannot be "
                f"compared; run them one by one: dvc exp run -S {key}=…"
            )
        axes[key] = values
    choices = list(dict.fromkeys(itertools.product(*axes.values())))
    if count is not None:
        choices = random.Random(seed).sample(choices, min(count, len(choices)))
    content = load_yaml(PARAMS)
    found = []
    for choice in choices:
        digest = hashlib.sha256("\n".join([baseline, *sorted(choice)]).encode()).hexdigest()
        found.append(Point(f"sweep-{digest[:8]}", choice))
        changed = OmegaConf.create(content)
        for key, value in found[-1].values.items():
            OmegaConf.update(changed, key, value, force_add=True)
        check_settings(OmegaConf.to_container(changed), Params, PARAMS)
    return found


def axis(spec: str) -> tuple[str, list[str]]:
    """Read a parameter's key and the overrides for its values.

    Raises:
        SettingsError: the text has none of the FORMS.
    """
    key, _, text = spec.partition("=")
    if not text or not re.fullmatch(r"\w+(\.\w+)+", key):
        raise SettingsError(f"{spec}: not a parameter and its values; expected {FORMS}")
    if text.startswith(("log:", "lin:")):
        return key, [f"{key}={value:.6g}" for value in spaced(spec, *text.split(":"))]
    try:
        [sweep] = [get_hydra_sweeps({"params.yaml": [spec]})]
    except (DvcException, HydraException) as error:
        raise SettingsError(f"{spec}: {str(error).splitlines()[0]}; expected {FORMS}") from None
    return key, [overrides["params.yaml"][0] for overrides in sweep]


def spaced(spec: str, scale: str, *limits: str) -> list[float]:
    """Space COUNT values evenly from LOW to HIGH, on a linear or a logarithmic scale.

    Raises:
        SettingsError: the limits are not LOW:HIGH:COUNT.
    """
    try:
        low, high, count = float(limits[0]), float(limits[1]), int(limits[2])
        if len(limits) > 3 or count < 1 or not low < high < float("inf") or (scale == "log" and low <= 0):
            raise ValueError
    except (IndexError, ValueError):
        positive = ", LOW above 0" if scale == "log" else ""
        raise SettingsError(
            f"{spec}: expected {scale}:LOW:HIGH:COUNT with LOW below HIGH{positive}, COUNT 1 or more"
        ) from None
    return [float(value) for value in (np.geomspace if scale == "log" else np.linspace)(low, high, count)]
