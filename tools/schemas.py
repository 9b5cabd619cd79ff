"""Write the JSON Schemas of config.yaml, params.yaml, schema.yaml and models/scorecard.json to schemas/.

Editors complete and check the YAML files with them (each names its schema in its first line). Run: make schemas
"""

import json
from pathlib import Path

from pydantic import BaseModel

from stages.table.schema import TableSchema
from stages.utils.config import Config
from stages.utils.params import Params
from webapp.scoring.scorecard import Scorecard

SCHEMAS: dict[str, type[BaseModel]] = {
    "config": Config,
    "params": Params,
    "schema": TableSchema,
    "scorecard": Scorecard,
}


def schema_text(model: type[BaseModel]) -> str:
    """Write the JSON Schema of a model as the text of its file."""
    return json.dumps(model.model_json_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, model in SCHEMAS.items():
        Path("schemas", f"{name}.schema.json").write_text(schema_text(model), encoding="utf-8")
