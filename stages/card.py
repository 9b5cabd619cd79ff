"""Card: what the model is, was made from and can do, as a page of Markdown written from what the stages measured.

Reads   data/raw/ (for its hash and size), metrics/*.json, plots/coverage.csv, plots/residuals_by_group.csv,
        models/scorecard.json, schema.yaml, params.yaml, config.yaml (source)
Writes  models/MODEL_CARD.md
Run     python -m stages.card

Every sentence follows from a file: there is no text here that a person would have to keep up to date.
"""

import csv
from pathlib import Path

from stages.model_card.data import audit, data, intended_use, quarantine
from stages.model_card.markdown import plain
from stages.model_card.model import effects, reproduce
from stages.model_card.scores import gate, intervals, limits, scores
from stages.table.schema import read_schema
from stages.utils.config import read_source_settings
from stages.utils.files import md5_of, read_json, replacing
from stages.utils.params import read_params
from stages.utils.stage import stage

RAW, SCORECARD, CARD = Path("data/raw"), Path("models/scorecard.json"), Path("models/MODEL_CARD.md")
METRICS = ("audit", "source", "split", "test", "train", "validation")
COVERAGE, GROUPS = Path("plots/coverage.csv"), Path("plots/residuals_by_group.csv")


def main() -> None:
    with stage("card") as log:
        schema, (source, _) = read_schema(), read_source_settings()
        split, features = read_params("split"), read_params("features")
        train, evaluate = read_params("train"), read_params("evaluate")
        metrics = {name: read_json(f"metrics/{name}.json") for name in METRICS}
        bins, groups = read_rows(COVERAGE), read_rows(GROUPS)
        sections = {
            "Intended use": intended_use(schema, metrics),
            "Data": data(schema, metrics, split, source, RAW),
            "Quarantine": quarantine(metrics["validation"]),
            "Metrics": scores(schema, metrics, evaluate),
            "Prediction intervals": intervals(metrics["test"]["intervals"], bins),
            "Gate": gate(metrics["test"], evaluate),
            "Leakage audit": audit(schema, metrics, features),
            "Effects": effects(schema, read_json(SCORECARD)),
            "Limits and known gaps": limits(metrics, bins, groups, schema),
            "Reproduce": reproduce(
                {"split": split, "features": features, "train": train, "evaluate": evaluate},
                {SCORECARD.as_posix(): md5_of(SCORECARD)},
            ),
        }
        title = f"# Model card: {plain(schema.title or schema.target.title or schema.target.name)}"
        text = "\n\n".join([title, *(f"## {name}\n\n{body}" for name, body in sections.items())])
        with replacing(CARD) as partial:
            partial.write_text(text + "\n", encoding="utf-8")
        log.info("%s: %d sections", CARD, len(sections))


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a plot's data points, cells as text."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main()
