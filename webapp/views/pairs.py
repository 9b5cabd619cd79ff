"""The pairs of the model, for the page that shows it."""

from typing import NamedTuple

from webapp.formatting import percent, typical_amount
from webapp.scoring.pair_summaries import pair_summaries
from webapp.scoring.scorecard import Scorecard
from webapp.views.charts import axis_title
from webapp.views.heatmap import HeatMap, draw_surface


class ModelPair(NamedTuple):
    """A pair of the model: how strong it is, how sure the folds are of it, and what it does."""

    strength: str
    example: str
    drawn: HeatMap


def draw_pairs(card: Scorecard) -> list[ModelPair]:
    """Draw every pair of the model, the strongest first."""
    pairs = []
    for pair in pair_summaries(card):
        facts = [typical_amount(pair.surface.sd, card.target.transform)]
        if pair.share is not None:
            facts.append(f"{percent(pair.share, 1 if pair.share >= 0.001 else 2)} of the variance")
        facts.append(f"in {percent(pair.surface.folds)} of the folds")
        first, second = (f"{axis_title(card, axis)} {at}" for axis, at in zip(pair.axes, pair.at, strict=True))
        example = f"At {first} with {second}, it {pair.does}."
        pairs.append(ModelPair(", ".join(facts), example, draw_surface(card, pair.surface, None)))
    return pairs
