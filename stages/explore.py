"""Explore: look at the training rows, and at nothing else, so that no choice leans on the test rows.

Reads   data/train/, schema.yaml
Writes  plots/explore/*.png, metrics/profile.json
Run     python -m stages.explore
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.utils.files import replacing, write_json
from stages.utils.moments import Moments, merge_all
from stages.utils.parallel import map_parts
from stages.utils.plots import BAR, LINE, POINTS, save
from stages.utils.settings import read_params
from stages.utils.stage import stage
from stages.utils.table_schema import Column, TableSchema, read_schema
from stages.utils.tables import list_parts, read_part, sample_rows

TRAIN = Path("data/train")
PICTURES, METRICS = Path("plots/explore"), Path("metrics/profile.json")
LEVELS_SHOWN = 12
ACROSS = 4


def main() -> None:
    with stage("explore") as log:
        params = read_params("explore")
        schema = read_schema()
        parts = list_parts(TRAIN)
        columns = [*schema.inputs, schema.target]
        profile = merge_profiles(list(map_parts(profile_part, parts, schema)), columns)
        sample = sample_rows(parts, params.sample_rows, [column.name for column in columns])
        for column in columns:
            if column.kind == "number":
                profile["columns"][column.name]["quantiles"] = (
                    sample[column.name].quantile([0.05, 0.25, 0.5, 0.75, 0.95]).tolist()
                )
        write_json(METRICS, nothing_for_nan(profile))
        with replacing(PICTURES) as pictures:
            save(draw_distributions(sample, columns), pictures / "distributions.png")
            save(draw_against_target(sample, schema), pictures / "target_by_column.png")
        log.info("%d columns of %d rows; pictures in %s", len(columns), profile["rows"], PICTURES)


def profile_part(part: Path, schema: TableSchema) -> dict[str, Any]:
    """What one part adds to the profile: rows, and for each column missing cells, moments or counts of levels."""
    frame = read_part(part)
    found: dict[str, Any] = {"rows": len(frame)}
    for column in [*schema.inputs, schema.target]:
        known = frame[column.name].dropna()
        if column.kind == "number":
            content: Any = (Moments.of(known.to_numpy()[:, None]), known.min(), known.max())
        else:
            content = known.astype("str").value_counts() if column.kind == "level" else (known.min(), known.max())
        found[column.name] = (len(frame) - len(known), content)
    return found


def merge_profiles(parts: list[dict[str, Any]], columns: list[Column]) -> dict[str, Any]:
    """The profile of all training rows."""
    profile: dict[str, Any] = {"rows": sum(part["rows"] for part in parts), "columns": {}}
    for column in columns:
        contents = [part[column.name][1] for part in parts]
        entry: dict[str, Any] = {"missing": sum(part[column.name][0] for part in parts)}
        if column.kind == "number":
            moments = merge_all(content[0] for content in contents)
            entry["mean"] = moments.mean[0]
            entry["sd"] = np.sqrt(moments.scatter[0, 0] / moments.n) if moments.n else np.nan
            entry["min"] = pd.Series([content[1] for content in contents]).min()
            entry["max"] = pd.Series([content[2] for content in contents]).max()
        elif column.kind == "level":
            counts = pd.concat(contents).groupby(level=0).sum().rename_axis("level").reset_index(name="rows")
            counts = counts.sort_values(["rows", "level"], ascending=[False, True])
            entry["levels"] = len(counts)
            entry["commonest"] = dict(zip(counts["level"].head(LEVELS_SHOWN), counts["rows"], strict=False))
        else:
            entry["min"] = str(min((c[0] for c in contents if not pd.isna(c[0])), default=None))
            entry["max"] = str(max((c[1] for c in contents if not pd.isna(c[1])), default=None))
        profile["columns"][column.name] = entry
    return profile


def nothing_for_nan(value: Any) -> Any:
    """The same with None where a number is NaN, as for a column without a value."""
    if isinstance(value, dict):
        return {key: nothing_for_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [nothing_for_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def draw_distributions(sample: pd.DataFrame, columns: list[Column]) -> Figure:
    """A small histogram (or a bar a level) for each column."""
    figure, panels = grid(len(columns), f"How each column is distributed ({len(sample)} training rows)")
    for panel, column in zip(panels, columns, strict=True):
        known = sample[column.name].dropna()
        if column.kind == "level":
            counts = known.value_counts().head(LEVELS_SHOWN)
            panel.bar([shortened(level) for level in counts.index], counts, color=BAR)
            panel.tick_params(axis="x", rotation=45 if len(counts) > 3 else 0)
        else:
            panel.hist(known, bins=30, color=LINE if column.role == "target" else BAR)
        panel.set(xlabel=column.label, ylabel="rows")
    return figure


def draw_against_target(sample: pd.DataFrame, schema: TableSchema) -> Figure:
    """The target against each column: a point a row and the mean in tenths of a number, the mean of each level."""
    target = sample[schema.target.name]
    figure, panels = grid(len(schema.inputs), f"{schema.target.title or schema.target.name} against each column")
    figure.supylabel(schema.target.label, fontsize="medium")
    for panel, column in zip(panels, schema.inputs, strict=True):
        values = sample[column.name]
        if column.kind == "level":
            frequent = values.value_counts().head(LEVELS_SHOWN).index
            means = target.groupby(values).agg(["mean", "sem"]).reindex(frequent)
            panel.errorbar(
                [shortened(level) for level in frequent], means["mean"], 2 * means["sem"], fmt="o", color=LINE
            )
            panel.tick_params(axis="x", rotation=45 if len(frequent) > 3 else 0)
        else:
            panel.plot(values, target, ".", color=POINTS, alpha=0.3, markersize=3)
            tenths = pd.qcut(values, 10, duplicates="drop") if values.nunique() > 1 else None
            if tenths is not None:
                panel.plot(values.groupby(tenths).mean(), target.groupby(tenths).mean(), "-o", color=LINE, markersize=3)
        panel.set_xlabel(column.label)
    return figure


def grid(count: int, title: str) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels, and the panels."""
    across = min(ACROSS, count)
    down = math.ceil(count / across)
    figure, panels = plt.subplots(down, across, figsize=(3.2 * across, 2.7 * down + 0.5), squeeze=False)
    figure.suptitle(title)
    for panel in panels.flat[count:]:
        panel.set_visible(False)
    return figure, list(panels.flat[:count])


def shortened(text: str) -> str:
    """A level's name, cut to what fits under a bar."""
    return text if len(text) <= 12 else text[:11] + "…"


if __name__ == "__main__":
    main()
