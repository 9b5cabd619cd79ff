"""Made tables with all that public ones do to a reader: adopt reads a column right, or marks it with `?`."""

import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.sources import read_source
from stages.utils.params import Params
from stages.utils.yaml_files import read_settings
from stages.validation.cells import type_cells
from tests.helpers.made_tables import Made, Truth, make_table
from tests.helpers.project import Workspace
from tools.adopt.adopt import Survey, survey
from tools.adopt.leaks import schema_of
from tools.adopt.source import as_source

FEW, TABLES = 4, 30


@pytest.mark.parametrize("seeds", [range(FEW), pytest.param(range(FEW, TABLES), marks=pytest.mark.slow)], ids=str)
def test_a_column_is_read_right_or_marked(here: Workspace, seeds: range) -> None:
    params = read_settings(here.path / "params.yaml", Params)
    columns, wrong, silent = 0, [], []
    for seed in seeds:
        made = make_table(seed)
        seen = survey({"uri": written(made)}, "y", params, None if made.header else [c.name for c in made.columns])
        typed = read_back(seen)
        for truth, decision in zip(made.columns, seen.decisions, strict=True):
            columns += 1
            fault = differences(truth, decision.field, typed[decision.name])
            said = f"table {seed}, {truth.name}: {fault}; {[doubt.said for doubt in decision.doubts]}"
            if fault:
                wrong.append(said)
            if (fault or truth.name in made.suspicious) and not decision.doubts:
                silent.append(said)
    assert not silent, "\n".join(silent)
    assert len(wrong) <= 0.05 * columns, "\n".join(wrong)


def written(made: Made) -> str:
    """Write a table; returns its URI."""
    place = Path("data/source/table.csv")
    content = made.text.encode(made.encoding)
    place.write_bytes(content)
    if not made.archive:
        return str(place)
    with zipfile.ZipFile(place.with_suffix(".zip"), "w") as archive:
        archive.writestr("readme.txt", "two files")
        archive.writestr("table.csv", content)
    return "zip://table.csv::data/source/table.zip"


def read_back(seen: Survey) -> pd.DataFrame:
    """The table as the pipeline reads it by what adopt decided."""
    raw = pd.concat(read_source(as_source(seen.source)), ignore_index=True)
    return type_cells(raw.__getitem__, schema_of(seen.decisions))[0]


def differences(truth: Truth, field: dict[str, Any], typed: pd.Series) -> str:
    """Describe the differences between a column and what was meant; empty if there are none."""
    found = []
    if field.get("role", "feature") != truth.role:
        found.append(f"role {field.get('role', 'feature')} for {truth.role}")
    if truth.kind == "any":
        return "; ".join(found)
    values = [None if pd.isna(value) else value for value in typed]
    if values != truth.values:
        first = next(row for row, both in enumerate(zip(values, truth.values, strict=True)) if both[0] != both[1])
        found.append(f"{values[first]!r} for {truth.values[first]!r} in row {first}")
    if field.get("unit") != truth.unit:
        found.append(f"unit {field.get('unit')} for {truth.unit}")
    if field.get("title") != truth.title:
        found.append(f"title {field.get('title')} for {truth.title}")
    return "; ".join(found)
