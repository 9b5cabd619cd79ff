"""Input drift: what is counted can be told apart, and equals the training rows where nothing drifts."""

from prometheus_client import CollectorRegistry, Counter

from tests.helpers.serving import make_card
from webapp.drift import make_bins, make_watches, observe, stability_index
from webapp.scoring.scorecard import Histogram

CARD = make_card()


def test_every_bin_has_a_label_of_its_own() -> None:
    """Two bins of one label are one counter: both would be told the sum, and the index would be wrong."""
    bars = Histogram(low=1_000_000, high=1_000_002, shares=[0.04, 0.06, *[0.1] * 8, 0.09, 0.01])
    column = CARD.columns[0].model_copy(update={"histogram": bars})
    bins = make_bins(column)
    assert len(set(bins.names)) == len(bins.names)
    card = CARD.model_copy(update={"columns": [column]})
    watches = make_watches(card, Counter("input", "", ["column", "bin"], registry=CollectorRegistry()))
    width = 2 / len(bars.shares)
    for place, share in enumerate(bars.shares):  # a row on the lower edge of its bar is in it
        observe(watches, [{"size": 1_000_000 + place * width}] * round(100 * share))
    counts = [counter._value.get() for counter in watches[0].counters]
    assert counts == [0, *[10] * 10, 0, 0]
    assert stability_index(bins.shares, counts) < 1e-3
    observe(watches, [{"size": 1_000_002}, {"size": 999_999}, {"size": 1_000_003}])
    assert [counter._value.get() for counter in watches[0].counters] == [1, *[10] * 9, 11, 1, 0]
