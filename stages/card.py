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
from stages.utils.config import read_source_settings
from stages.utils.files import md5_of, md5_of_directory, replacing
from stages.utils.metrics_files import (
    AuditMetrics,
    EvaluationMetrics,
    InteractionMetrics,
    SourceMetrics,
    SplitMetrics,
    TrainMetrics,
    ValidationMetrics,
    read_metrics,
)
from stages.utils.params import read_params
from stages.utils.stage import stage
from webapp.formatting import is_factor, scale_name
from webapp.scoring.pair_summaries import pair_summaries
from webapp.scoring.scorecard import Scorecard

TEMPLATE, CARD = Path("stages/model_card/MODEL_CARD.md.jinja"), Path("models/MODEL_CARD.md")
RAW, SCORECARD = Path("data/raw"), Path("models/scorecard.json")
COVERAGE, GROUPS = Path("plots/coverage.csv"), Path("plots/residuals_by_group.csv")

Row = dict[str, Any]


def main() -> None:
    with stage("card") as log:
        schema, (source, _) = read_schema(), read_source_settings()
        how_split, features = read_params("split"), read_params("features")
        fit, evaluate = read_params("train"), read_params("evaluate")
        test, train, split = read_metrics(EvaluationMetrics), read_metrics(TrainMetrics), read_metrics(SplitMetrics)
        bins, groups = read_rows(COVERAGE), read_rows(GROUPS)
        served = Scorecard.model_validate_json(SCORECARD.read_bytes())
        effects, has_factors = effect_ranges(schema, served), is_factor(train.target)
        raw_md5, raw_bytes = md5_of_directory(RAW)
        text = render(
            TEMPLATE,
            schema=schema,
            served=served,
            target=schema.target,
            params={"split": how_split, "features": features, "train": fit, "evaluate": evaluate},
            source_uri=source.uri,
            raw_md5=raw_md5,
            raw_bytes=raw_bytes,
            scorecard_md5=md5_of(SCORECARD),
            source=read_metrics(SourceMetrics),
            validation=read_metrics(ValidationMetrics),
            split=split,
            audit=read_metrics(AuditMetrics),
            train=train,
            test=test,
            models=MODELS,
            checks=gate_checks(test.model, test.least_squares, test.intervals, evaluate.gate),
            has_factors=has_factors,
            scale=scale_name(train.target, "the target"),
            factor=served.target.factor,
            typical=typical_prediction(served),
            effects=[effect for effect in effects if effect.low < effect.high],
            idle=[effect for effect in effects if effect.low == effect.high],
            interactions=read_metrics(InteractionMetrics),
            training_sets=len(split.folds) - (how_split.by == "time"),
            pairs=pair_summaries(served),
            bins=bins,
            widths=effect_ranges(schema, served, "width")[:5],
            off_bins=[row for row in bins if is_off_coverage(row, test.intervals.nominal)],
            groups=groups,
            off_groups=surely_off(groups),
            normal_95=NORMAL_95,
        )
        with replacing(CARD) as partial:
            partial.write_text(text, encoding="utf-8")
        log.info("%s: %d lines", CARD, text.count("\n"))


def typical_prediction(served: Scorecard) -> float:
    """Return the prediction without any contribution, on the scale that contributions add to or multiply."""
    if not is_factor(served.target.transform):
        return served.intercept
    return math.exp(served.intercept) * (served.target.factor if served.target.transform == "log" else 1)


def read_rows(path: Path) -> list[Row]:
    """Read a plot's data points: numbers as such, an empty cell as None, names as text."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name: cell if name in ("column", "group") else float(cell) if cell else None for name, cell in row.items()}
            for row in csv.DictReader(file)
        ]


def is_off_coverage(row: Row, nominal: float) -> bool:
    """Tell whether the coverage of a bin differs from the nominal one by more than chance explains."""
    if not row["rows"]:
        return False
    return bool(abs(row["coverage"] - nominal) > NORMAL_95 * math.sqrt(nominal * (1 - nominal) / row["rows"]))


def surely_off(groups: list[Row]) -> list[Row]:
    """Return the groups of test rows whose mean error is further from 0 than chance explains, the surest first."""
    off = [group for group in groups if group["se"] and abs(group["bias"]) > NORMAL_95 * group["se"]]
    return sorted(off, key=lambda group: -abs(group["bias"]) / group["se"])


if __name__ == "__main__":
    main()
