"""Adding the cells of one batch to the profile of their column."""

import numpy as np
import pyarrow as pa

from tools.adopt.numbers import as_numbers, update_numbers
from tools.adopt.profile import Profile
from tools.adopt.texts import update_texts


def update(profile: Profile, cells: pa.Array) -> None:
    """Add the cells of one batch."""
    profile.rows += len(cells)
    if not (pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)):
        update_typed(profile, cells)
        return
    profile.blank += cells.null_count
    settled_text = profile.readings == {} and profile.levels is None and profile.numbers == 0
    if settled_text or cells.null_count == len(cells):
        return
    if profile.readings is None:
        values = as_numbers(cells)
        if values is not None:
            update_numbers(profile, values, cells)
            return
    update_texts(profile, cells)


def update_typed(profile: Profile, cells: pa.Array) -> None:
    """Add cells of a column that has a type already (Parquet, SQL)."""
    if pa.types.is_boolean(cells.type):
        profile.typed = "boolean"
        profile.blank += cells.null_count
    elif pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type):
        profile.typed = "date" if pa.types.is_date(cells.type) else "datetime"
        profile.blank += cells.null_count
    elif pa.types.is_null(cells.type):
        profile.blank += len(cells)
    elif pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type) or pa.types.is_decimal(cells.type):
        values = cells.cast(pa.float64(), safe=False).drop_null().to_numpy()
        values = values[np.isfinite(values)]
        profile.blank += len(cells) - len(values)
        update_numbers(profile, values, None)
    else:
        profile.rows -= len(cells)
        update(profile, pa.array(cells.to_pandas().astype("str"), pa.string(), from_pandas=True))
