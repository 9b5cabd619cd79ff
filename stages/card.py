"""Card: a page of Markdown on what the model is, what it was made from and what it can do.

Reads   data/raw/ (for its hash and size), metrics/*.json, plots/coverage.csv, plots/residuals_by_group.csv,
        models/scorecard.json, schema.yaml, params.yaml, config.yaml (source), stages/model_card/MODEL_CARD.md.jinja
Writes  models/MODEL_CARD.md
Run     python -m stages.card

The template states only what the files that the stages wrote say, so nobody has to keep the card up to date.
"""

import csv
import math
from pathlib import Path
from typing import Any

from stages.evaluation.gate import gate_checks
from stages.evaluation.metrics import MODELS, NORMAL_95
from stages.model_card.effect_ranges import effect_ranges
from stages.model_card.markdown import render
from stages.table.schema import read_schema
from stages.utils.files import md5_of, md5_of_directory, read_json, replacing
from stages.utils.settings import read_params, read_source_settings
from stages.utils.stage import stage
from webapp.formatting import is_factor, scale_name

TEMPLATE, CARD = Path("stages/model_card/MODEL_CARD.md.jinja"), Path("models/MODEL_CARD.md")
RAW, SCORECARD = Path("data/raw"), Path("models/scorecard.json")
METRICS = ("audit", "source", "split", "test", "train", "validation")
COVERAGE, GROUPS = Path("plots/coverage.csv"), Path("plots/residuals_by_group.csv")


def main() -> None:
    with stage("card") as log:
        schema, (source, _) = read_schema(), read_source_settings()
        params = {name: read_params(name) for name in ("split", "features", "train", "evaluate")}
        metrics = {name: read_json(f"metrics/{name}.json") for name in METRICS}
        served, bins, groups = read_json(SCORECARD), read_rows(COVERAGE), read_rows(GROUPS)
        audit, test, transform = metrics["audit"], metrics["test"], metrics["train"]["target"]
        raw_md5, raw_bytes = md5_of_directory(RAW)
        text = render(
            TEMPLATE,
            **metrics,
            schema=schema,
            target=schema.target,
            params=params,
            source_uri=source.uri,
            raw_md5=raw_md5,
            raw_bytes=raw_bytes,
            scorecard_md5=md5_of(SCORECARD),
            models=MODELS,
            violations=most_frequent(metrics["validation"]["violations"]),
            checks=gate_checks(test, params["evaluate"].gate),
            has_leaks=any([*audit["columns"], *audit["sets"], *metrics["split"]["row_ids"]]),
            has_factors=is_factor(transform),
            scale=scale_name(transform, "target"),
            typical=math.exp(served["intercept"]) if is_factor(transform) else served["intercept"],
            effects=effect_ranges(schema, served),
            bins=bins,
            off_bins=[bin_ for bin_ in bins if is_off_coverage(bin_, test["intervals"]["nominal"])],
            groups=groups,
            off_groups=surely_off(groups),
            normal_95=NORMAL_95,
        )
        with replacing(CARD) as partial:
            partial.write_text(text, encoding="utf-8")
        log.info("%s: %d lines", CARD, text.count("\n"))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read a plot's data points; numbers as such, an empty cell as None, names as text."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name: cell if name in ("column", "group") else float(cell) if cell else None for name, cell in row.items()}
            for row in csv.DictReader(file)
        ]


def most_frequent(violations: dict[str, Any]) -> list[dict[str, Any]]:
    """List the violations that put rows in quarantine, the most frequent first."""
    found = [
        {"column": column, "check": check, "count": entry["count"], "example": entry["examples"][0]}
        for column, checks in violations.items()
        for check, entry in checks.items()
    ]
    return sorted(found, key=lambda violation: (-violation["count"], violation["column"], violation["check"]))


def is_off_coverage(row: dict[str, Any], nominal: float) -> bool:
    """Tell whether the coverage of a bin differs from the nominal one by more than chance explains."""
    return bool(row["rows"]) and abs(row["coverage"] - nominal) > NORMAL_95 * math.sqrt(
        nominal * (1 - nominal) / row["rows"]
    )


def surely_off(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the groups of test rows whose mean error is further from 0 than chance explains, the surest first."""
    off = [group for group in groups if group["se"] and abs(group["bias"]) > NORMAL_95 * group["se"]]
    return sorted(off, key=lambda group: -abs(group["bias"]) / group["se"])


if __name__ == "__main__":
    main()
