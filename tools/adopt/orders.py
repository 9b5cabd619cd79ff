"""Levels that have an order: words of a well-known scale, and codes along which the target's mean goes one way."""

import pandas as pd

from tools.adopt.codes import FEWEST_IN_LEVEL
from tools.adopt.decide import Decision
from tools.adopt.naming import CALENDAR, CODE, words_of

SCALES = tuple(
    scale.split(", ")
    for scale in (
        "very poor, poor, fair, average, good, very good, excellent",
        "po, fa, ta, gd, ex",  # poor to excellent, as assessors write them
        "fair, good, very good, premium, ideal",  # the cut of a diamond
        "very low, low, medium low, medium, moderate, medium high, high, very high",
        "extra small, small, medium, large, extra large",
        "xxs, xs, s, m, l, xl, xxl",
        "none, minimal, mild, moderate, severe",
        "never, rarely, sometimes, often, always",
        "strongly disagree, disagree, neutral, agree, strongly agree",
        "very dissatisfied, dissatisfied, neutral, satisfied, very satisfied",
        "beginner, intermediate, advanced, expert",
        "primary, secondary, tertiary",
    )
)
FEWEST = 3  # levels that have an order worth the name


def find_orders(decisions: list[Decision], typed: pd.DataFrame, target: str) -> None:
    """Propose `categoriesOrdered` for listed levels that look ordered."""
    for decision in decisions:
        levels = decision.field.get("categories", [])
        if decision.role != "feature" or len(levels) < FEWEST:
            continue
        if decision.field["type"] == "string":
            if order := order_of(levels):
                decision.field |= {"categories": order, "categoriesOrdered": True}
                decision.why.append(f"ordered: {' < '.join(order)}")
        elif not is_nominal(decision.name) and goes_one_way(typed[decision.name], typed[target]):
            decision.field["categoriesOrdered"] = True
            decision.why.append("the target's mean goes one way along them")
            decision.doubts = [doubt for doubt in decision.doubts if doubt.key != "categories"]
            decision.doubt("are they ordered?", "categoriesOrdered", "delete this line if their order means nothing")


def order_of(levels: list[str]) -> list[str] | None:
    """Sort levels as the first scale that has all of them does; None if no scale has."""
    words = {level: words_of(level) for level in levels}
    for scale in SCALES:
        if set(words.values()) <= set(scale):
            return sorted(levels, key=lambda level: scale.index(words[level]))
    return None


def is_nominal(name: str) -> bool:
    """Tell if a name says that codes have no order, or go round as hours and months do."""
    return bool(CALENDAR.search(words_of(name)) or CODE.search(words_of(name)))


def goes_one_way(cells: pd.Series, target: pd.Series) -> bool:
    """Tell if the target's mean only rises, or only falls, from code to code; rare codes do not count."""
    groups = target.groupby(pd.to_numeric(cells)).agg(["mean", "count"]).sort_index()
    means = groups.loc[groups["count"] >= FEWEST_IN_LEVEL, "mean"]
    return len(means) >= FEWEST and bool(means.is_monotonic_increasing or means.is_monotonic_decreasing)
