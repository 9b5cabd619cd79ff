"""Texts that a cell may hold, for property tests."""

import re

from hypothesis import strategies as st

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
some_cells = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.text("0123456789+-.,eE ", max_size=6),
    st.sampled_from(["", " ", "1", "NA", "nan", "inf", "1e999", "-0", "2020-01-01", "true", "a", "b", "today"]),
    st.floats(allow_nan=True).map(repr),
    st.dates().map(str),
)
