"""Reading a source whole."""

from typing import Any

import pandas as pd

from stages.sources import read_source
from stages.utils.config import Source
from stages.utils.metrics_files import SourceMetrics


def nothing_read(uri: str = "data/source/table.csv") -> SourceMetrics:
    """The metrics that a reader fills."""
    return SourceMetrics(uri=uri, rows=0, blank_rows=0)


def read(uri: str = "data/source/table.csv", metrics: SourceMetrics | None = None, **source: Any) -> pd.DataFrame:
    """The whole table; `source` holds further keys of config.yaml's section."""
    return pd.concat(read_source(Source(uri=uri, **source), metrics), ignore_index=True)
