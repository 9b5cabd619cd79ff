"""Tables whose truth is known, written in every way: adopt finds how, and the pipeline reads what was meant."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from stages.sources import read_source
from stages.table.schema import TableSchema
from stages.utils.config import Source
from stages.validation.cells import type_cells
from tools.adopt.decide import decide
from tools.adopt.source import look

ROWS = 40
UNITS = {"": "", "GB": "{}GB", " kg": "{} kg", "$": "${}", "%": "{} %"}


@st.composite
def ways(draw: st.DrawFn) -> dict[str, str]:
    """A way of writing a table."""
    decimal, group = draw(st.sampled_from([(".", ""), (",", ""), (".", ","), (",", "."), (".", " ")]))
    return {
        "decimal": decimal,
        "group": group,
        "unit": draw(st.sampled_from(sorted(UNITS))),
        "missing": draw(st.sampled_from(["", "?", "NA", "–", "n/a"])),
        "separator": draw(st.sampled_from([",", ";", "\t", "|"])),
        "date": draw(st.sampled_from(["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%Y-%m-%d %H:%M:%S"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"])),
    }


@hypothesis_settings(
    max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ways(), st.lists(st.integers(1000, 9_999_999), min_size=ROWS, max_size=ROWS, unique=True))
def test_what_was_meant_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: dict[str, str], hundredths: list[int]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data/source").mkdir(parents=True, exist_ok=True)
    truth = [None if n % 9 == 4 else value / 100 for n, value in enumerate(hundredths)]
    days = pd.date_range("2021-03-05", periods=ROWS, freq="3D")

    def written(value: float | None) -> str:
        if value is None:
            return way["missing"]
        text = f"{value:,.2f}".replace(",", "_").replace(".", way["decimal"]).replace("_", way["group"])
        return (UNITS[way["unit"]] or "{}").format(text)

    rows = [["size", "day", "café"], *([written(v), day.strftime(way["date"]), "né" if n % 3 else "où"]
            for n, (v, day) in enumerate(zip(truth, days, strict=True)))]  # fmt: skip
    text = "\n".join(way["separator"].join(f'"{cell}"' for cell in row) for row in rows) + "\n"
    Path("data/source/t.csv").write_bytes(text.encode(way["encoding"]))

    source, _, profiles, _ = look({"uri": "data/source/t.csv"}, "size")
    decisions = [decide(profile, source["delimiter"], set()) for profile in profiles]
    decisions[0].field["role"] = "target"
    schema = TableSchema.model_validate({"fields": [decision.field for decision in decisions]})
    raw = pd.concat(read_source(Source(**{k: v for k, v in source.items() if v is not None})), ignore_index=True)
    typed, unreadable = type_cells(raw, schema)
    assert unreadable.empty
    assert [None if pd.isna(value) else value for value in typed["size"]] == truth
    assert typed["day"].tolist() == days.tolist()
    assert set(typed["café"]) == {"né", "où"}
