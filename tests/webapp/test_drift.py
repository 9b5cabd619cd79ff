"""Input drift: what is counted can be told apart, and equals the training rows where nothing drifts."""

from prometheus_client import CollectorRegistry, Counter

from tests.helpers.serving import make_card
from webapp.drift import make_bins, make_watches, observe, stability_index

CARD = make_card()


def test_every_bin_has_a_label_of_its_own() -> None:
    """Two bins of one label are one counter: both would be told the sum, and the index would be wrong."""
    column = CARD.columns[0].model_copy(update={"quantiles": [1_000_000 + place / 10 for place in range(21)]})
    bins = make_bins(column)
    assert len(set(bins.names)) == len(bins.names)
    card = CARD.model_copy(update={"columns": [column]})
    watches = make_watches(card, Counter("input", "", ["column", "bin"], registry=CollectorRegistry()))
    observe(watches, [{"size": quantile} for quantile in column.quantiles[1:]])
    counts = [counter._value.get() for counter in watches[0].counters]
    assert counts == [0, *[2] * 10, 0, 0]
    assert stability_index(bins.shares, counts) < 1e-3
