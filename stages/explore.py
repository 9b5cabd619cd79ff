"""Explore: look at the training rows, and at nothing else, so that no choice leans on the test rows.

Reads   data/train/, schema.yaml, metrics/validation.json, metrics/split.json (for where the rows went)
Writes  plots/explore/*.png, plots/explore/profile.json
Run     python -m stages.explore

Counts, means and extremes are of all training rows; what is drawn row by row is of a sample chosen by hash.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.modelling.moments import Moments, merge_all
from stages.plotting.explore.columns import (
    draw_distributions,
    draw_level_counts,
    draw_target_by_level,
    draw_target_by_number,
)
from stages.plotting.explore.correlation import draw_correlation
from stages.plotting.explore.summaries import Look, look_at, looks_at
from stages.plotting.explore.table import draw_missing, draw_outliers, draw_rows
from stages.plotting.style import save, save_pages
from stages.table.parts import list_parts, read_part, sample_rows
from stages.table.schema import TableSchema, read_schema
from stages.utils.files import read_json, replacing, write_json
from stages.utils.parallel import map_parts
from stages.utils.params import ExploreParams, read_params
from stages.utils.stage import stage

TRAIN, VALIDATION, SPLIT = Path("data/train"), Path("metrics/validation.json"), Path("metrics/split.json")
PICTURES = Path("plots/explore")
COMMONEST = 12  # levels listed in the profile
QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]


def main() -> None:
    with stage("explore") as log:
        params: ExploreParams = read_params("explore")
        schema = read_schema()
        parts = list_parts(TRAIN)
        columns = [*schema.inputs, schema.target]
        profile = merge_profiles(list(map_parts(profile_part, parts, schema)), schema)
        sample = sample_rows(parts, params.sample_rows, [column.name for column in columns])
        target, looks = look_at(schema.target, sample[schema.target.name]), looks_at(sample, schema)
        for column in columns:
            if column.kind == "number":
                profile["columns"][column.name]["quantiles"] = sample[column.name].quantile(QUANTILES).tolist()
        for look in looks:
            profile["columns"][look.column.name]["explains"] = look.explains
        with replacing(PICTURES) as pictures:
            write_json(pictures / "profile.json", nothing_for_nan(profile))
            draw(pictures, profile, target, looks, params.pages)
        log.info("%d columns of %d rows; pictures in %s", len(columns), profile["rows"], PICTURES)
        for look in looks[:3]:
            log.info("  %s explains %.0f %% of the target alone", look.column.name, 100 * look.explains)


def draw(pictures: Path, profile: dict[str, Any], target: Look, looks: list[Look], pages: int) -> None:
    """Write every picture that has something to show."""
    save(draw_rows(read_json(VALIDATION), read_json(SPLIT)), pictures / "rows.png")
    save_pages(draw_distributions(target, looks, pages), pictures, "distributions")
    save_pages(draw_level_counts(looks, pages), pictures, "level_counts")
    save_pages(draw_target_by_number(target, looks, pages), pictures, "target_by_number")
    save_pages(draw_target_by_level(target, looks, pages), pictures, "target_by_level")
    save(draw_correlation(target, looks), pictures / "correlation.png")
    if any(entry["missing"] for entry in profile["columns"].values()):
        labels = {look.column.name: look.column.label for look in looks}
        save(draw_missing(profile, labels, target), pictures / "missing.png")
    outliers = draw_outliers(profile, [target, *looks])
    if outliers:
        save(outliers, pictures / "outliers.png")


def profile_part(part: Path, schema: TableSchema) -> dict[str, Any]:
    """What one part adds to the profile: rows, and by column the target where it is missing, and moments or counts."""
    frame = read_part(part)
    target = frame[schema.target.name].to_numpy()[:, None]
    found: dict[str, Any] = {"rows": len(frame)}
    for column in [*schema.inputs, schema.target]:
        known = frame[column.name].dropna()
        if column.kind == "number":
            content: Any = (Moments.of(known.to_numpy()[:, None]), known.min(), known.max())
        else:
            content = known.astype("str").value_counts() if column.kind == "level" else (known.min(), known.max())
        found[column.name] = (Moments.of(target[frame[column.name].isna()]), content)
    return found


def merge_profiles(parts: list[dict[str, Any]], schema: TableSchema) -> dict[str, Any]:
    """The profile of all training rows."""
    profile: dict[str, Any] = {"rows": sum(part["rows"] for part in parts), "columns": {}}
    for column in [*schema.inputs, schema.target]:
        contents = [part[column.name][1] for part in parts]
        missing = merge_all(part[column.name][0] for part in parts)
        entry: dict[str, Any] = {"missing": missing.n}
        if missing.n:
            entry["target_where_missing"] = mean_of(missing)
        if column.kind == "number":
            moments = merge_all(content[0] for content in contents)
            entry["mean"] = moments.mean[0] if moments.n else np.nan
            entry["sd"] = np.sqrt(moments.scatter[0, 0] / moments.n) if moments.n else np.nan
            entry["min"] = pd.Series([content[1] for content in contents]).min()
            entry["max"] = pd.Series([content[2] for content in contents]).max()
        elif column.kind == "level":
            counts = pd.concat(contents).groupby(level=0).sum().rename_axis("level").reset_index(name="rows")
            counts = counts.sort_values(["rows", "level"], ascending=[False, True])
            entry["levels"] = len(counts)
            entry["commonest"] = dict(zip(counts["level"].head(COMMONEST), counts["rows"], strict=False))
        else:
            entry["min"] = str(min((c[0] for c in contents if not pd.isna(c[0])), default=None))
            entry["max"] = str(max((c[1] for c in contents if not pd.isna(c[1])), default=None))
        profile["columns"][column.name] = entry
    return profile


def mean_of(moments: Moments) -> dict[str, float]:
    """The mean of one column and its standard error (NaN for a single row)."""
    error = np.sqrt(moments.scatter[0, 0] / (moments.n - 1) / moments.n) if moments.n > 1 else np.nan
    return {"mean": moments.mean[0], "error": error}


def nothing_for_nan(value: Any) -> Any:
    """The same with None where a number is NaN, as for a column without a value."""
    if isinstance(value, dict):
        return {key: nothing_for_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [nothing_for_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


if __name__ == "__main__":
    main()
