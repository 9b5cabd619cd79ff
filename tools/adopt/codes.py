"""Whole numbers that are codes and not amounts: by their name, by being few, or because their levels say more."""

import numpy as np
import pandas as pd

from stages.modelling.feature_map import number_map
from stages.modelling.moments import Moments, explained
from stages.utils.params import FeaturesParams
from tools.adopt.choice import CODES
from tools.adopt.decide import MOST_CATEGORIES, Decision
from tools.adopt.naming import CALENDAR, CODE, COUNT, words_of

GAIN = 0.005  # share of the target's variance that levels have to explain beyond a curve
MOST_CODES = 60
FEWEST_IN_LEVEL = 20  # rows of a level, on average, before its mean says anything


def find_codes(decisions: list[Decision], typed: pd.DataFrame, target: str, params: FeaturesParams) -> None:
    """List the levels of the integer features that are codes."""
    for decision in decisions:
        levels = decision.profile.levels
        if decision.role != "feature" or decision.field["type"] != "integer" or not levels:
            continue
        marks = pd.to_numeric(pd.Series(decision.field.get("missingValues", [])), errors="coerce").tolist()
        values = sorted(value for value in map(int, levels) if value not in marks)
        words = words_of(decision.name)
        named_code = bool(CALENDAR.search(words) or CODE.search(words))
        counts = bool(COUNT.search(words)) and values != [0, 1]
        if looks_coded(values, named_code) and not counts:
            decision.field["categories"] = values
            decision.why.append(f"{len(values)} whole numbers from {values[0]} to {values[-1]}: read as codes")
            if not named_code and values != [0, 1]:
                decision.doubt("codes, or amounts?", "categories", "delete this line if larger numbers mean more")
        elif 3 <= len(values) <= MOST_CODES and not counts:
            gain = gain_of_levels(typed[decision.name].to_numpy(), typed[target].to_numpy(), len(values), params)
            if gain:
                decision.field["categories"] = values
                decision.why.append(f"levels explain {gain:.1%} more of the target than a curve")


def looks_coded(values: list[int], named_code: bool) -> bool:
    """Tell if sorted whole numbers are few, close together and not negative."""
    most = MOST_CATEGORIES if named_code else CODES
    return 2 <= len(values) <= most and values[0] >= 0 and values[-1] - values[0] < 2 * len(values)


def gain_of_levels(values: np.ndarray, y: np.ndarray, levels: int, params: FeaturesParams) -> float:
    """Share of the target's variance that levels explain beyond a curve; 0 if it is not clearly more."""
    rows = ~np.isnan(values) & ~np.isnan(y)
    if rows.sum() < FEWEST_IN_LEVEL * levels:
        return 0.0
    curve = number_map(values[rows], params).fit_transform(values[rows, None])
    terms = pd.get_dummies(values[rows]).to_numpy(float)
    by_level, by_curve = (explained(Moments.of(np.column_stack([part, y[rows]]))) for part in (terms, curve))
    gain = by_level - by_curve
    return gain if gain > GAIN + levels / rows.sum() else 0.0
