"""The model as a Python module that needs the standard library only."""

import pprint
from dataclasses import asdict
from pathlib import Path

from tools.translate.head import head
from tools.translate.model import Model
from webapp.scoring.grammar import ISO_DATE

RUNTIME = Path(__file__).with_name("python_runtime.py")


def to_python(model: Model) -> str:
    """Write a module with the function `predict`."""
    _, _, code = RUNTIME.read_text(encoding="utf-8").partition('"""\n')
    literal = pprint.pformat(asdict(model), width=120, compact=True, sort_dicts=False)
    code = code.replace("MODEL: dict[str, Any] = {}", f"MODEL: dict[str, Any] = {literal}")
    code = code.replace('"@ISO_DATE@"', repr(ISO_DATE))
    return head(model, "#", "Use: predict(cells), cells a mapping from column to cell") + code
