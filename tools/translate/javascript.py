"""The model as a JavaScript module (ES 2022) without dependencies."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tools.translate.head import head
from tools.translate.model import Input, Model
from tools.translate.notation import WHITESPACE, date_pattern, level_pattern
from webapp.scoring.grammar import grouped_number

RUNTIME = Path(__file__).with_name("javascript_runtime.js")


def to_javascript(model: Model) -> str:
    """Write a module that exports the function `predict`.

    Raises:
        PipelineError: the cells of a column are written as only Python can read them.
    """
    content = {**asdict(model), "whitespace": WHITESPACE, "inputs": [input_for(column) for column in model.inputs]}
    comment = head(model, "//", "Use: predict(cells), cells an object by column")
    return f"{comment}const MODEL = {json.dumps(content)};\n{RUNTIME.read_text(encoding='utf-8')}"


def input_for(column: Input) -> dict[str, Any]:
    """Describe an input, with regular expressions of its notation."""
    pattern, parts = date_pattern(column) if column.kind == "date" and column.format != "default" else ("", [])
    return {
        **asdict(column),
        "pattern": level_pattern(column),
        "grouped": None if column.group is None else grouped_number(column.group),
        "date_pattern": pattern,
        "date_parts": parts,
    }
