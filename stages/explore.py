"""Explore: look at the training rows only, so that no choice depends on the test rows.

Reads   data/train/, schema.yaml, metrics/validation.json, metrics/split.json (for where the rows went)
Writes  plots/explore/*.png, plots/explore/profile.json
Run     python -m stages.explore

Counts, means and extremes cover all training rows; rows are drawn one by one from a sample chosen by hash.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.modelling.moments import Moments, merge_all
from stages.plotting.explore.correlation import draw_correlation
from stages.plotting.explore.distributions import draw_distributions
from stages.plotting.explore.level_counts import draw_level_counts
from stages.plotting.explore.missing import draw_missing
from stages.plotting.explore.outliers import draw_outliers
from stages.plotting.explore.rows import draw_rows
from stages.plotting.explore.sampled_columns import SampledColumn, sampled_column, sampled_inputs
from stages.plotting.explore.target_by_level import draw_target_by_level
from stages.plotting.explore.target_by_number import draw_target_by_number
from stages.plotting.style import save, save_pages
from stages.table.parts import by_weight, list_parts, read_part, row_counts, row_weights, sample_rows
from stages.table.schema import TableSchema, read_schema
from stages.utils.arrays import Floats, Mask
from stages.utils.files import replacing, write_json
from stages.utils.metrics_files import SplitMetrics, ValidationMetrics, read_metrics
from stages.utils.parallel import map_parts
from stages.utils.params import ExploreParams, read_params
from stages.utils.stage import stage

TRAIN, PLOTS = Path("data/train"), Path("plots/explore")
COMMONEST = 12  # levels listed in the profile
QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]


def main() -> None:
    with stage("explore") as log:
        params: ExploreParams = read_params("explore")
        schema = read_schema()
        parts = list_parts(TRAIN)
        columns = [*schema.inputs, schema.target]
        by_part = map_parts(profile_part, parts, schema, rows=row_counts(parts))
        profile = merge_profiles(list(by_part), schema)
        sample = by_weight(sample_rows(parts, params.sample_rows, schema.modelled), schema)
        target, inputs = sampled_column(schema.target, sample[schema.target.name]), sampled_inputs(sample, schema)
        for column in columns:
            if column.kind == "number":
                profile["columns"][column.name]["quantiles"] = sample[column.name].quantile(QUANTILES).tolist()
        for each in inputs:
            profile["columns"][each.field.name]["explains"] = each.explains
        with replacing(PLOTS) as plots:
            write_json(plots / "profile.json", none_for_nan(profile))
            draw(plots, profile, schema, target, inputs, params.pages)
        log.info("%d columns of %d rows; plots in %s", len(columns), profile["rows"], PLOTS)
        for each in inputs[:3]:
            log.info("  %s alone explains %.0f%% of the target's variance", each.field.name, 100 * each.explains)


def draw(
    plots: Path,
    profile: dict[str, Any],
    schema: TableSchema,
    target: SampledColumn,
    inputs: list[SampledColumn],
    pages: int,
) -> None:
    """Write every plot that has something to show."""
    save(draw_rows(read_metrics(ValidationMetrics), read_metrics(SplitMetrics)), plots / "rows.png")
    save_pages(draw_distributions(target, inputs, pages), plots, "distributions")
    save_pages(draw_level_counts(inputs, pages), plots, "level_counts")
    save_pages(draw_target_by_number(target, inputs, pages), plots, "target_by_number")
    save_pages(draw_target_by_level(target, inputs, pages), plots, "target_by_level")
    save(draw_correlation(target, inputs), plots / "correlation.png")
    if any(entry["missing"] for entry in profile["columns"].values()):
        save(draw_missing(profile, schema), plots / "missing.png")
    outliers = draw_outliers(profile, [target, *inputs])
    if outliers:
        save(outliers, plots / "outliers.png")


def profile_part(part: Path, schema: TableSchema) -> dict[str, Any]:
    """Summarise one part: its rows, and for each column the target where it is missing, and moments or counts."""
    frame = read_part(part)
    target, weight = frame[schema.target.name].to_numpy()[:, None], row_weights(frame, schema)

    def moments(values: Floats, mask: Mask) -> Moments:
        return Moments.of(values[mask], None if weight is None else weight[mask])

    found: dict[str, Any] = {"rows": len(frame)}
    for column in [*schema.inputs, schema.target]:
        is_known = frame[column.name].notna().to_numpy()
        known = frame[column.name][is_known]
        if column.kind == "number":
            content: Any = (moments(frame[[column.name]].to_numpy(), is_known), known.min(), known.max())
        elif column.kind == "date":
            content = (known.min(), known.max())
        elif weight is None:
            content = known.astype("str").value_counts()
        else:
            content = pd.Series(weight[is_known]).groupby(known.astype("str").to_numpy()).sum()
        found[column.name] = (moments(target, ~is_known), content)
    return found


def merge_profiles(parts: list[dict[str, Any]], schema: TableSchema) -> dict[str, Any]:
    """Merge the summaries of the parts into the profile of all training rows."""
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
            ends = [end for content in contents for end in content if not pd.isna(end)]
            entry["min"], entry["max"] = (str(min(ends)), str(max(ends))) if ends else (None, None)
        profile["columns"][column.name] = entry
    return profile


def mean_of(moments: Moments) -> dict[str, float]:
    """Return the mean of one column and its standard error (NaN for a single row)."""
    error = np.sqrt(moments.scatter[0, 0] / (moments.n - 1) / moments.n) if moments.n > 1 else np.nan
    return {"mean": moments.mean[0], "error": error}


def none_for_nan(value: Any) -> Any:
    """Replace NaN, as of a column without a value, by None, which JSON can hold."""
    if isinstance(value, dict):
        return {key: none_for_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [none_for_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


if __name__ == "__main__":
    main()
