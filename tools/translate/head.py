"""The lines at the head of each generated file."""

from tools.translate.model import Model


def head(model: Model, call: str) -> list[str]:
    """Say what the file is, what it was made from, and how to use it; nothing that changes from run to run."""
    lines = [
        f"Predicts {model.target}, with a {100 * model.coverage:g}% prediction interval and the "
        "contributions of columns and pairs of columns.",
        f"Written by `python -m tools.translate` from the scorecard with md5 {model.md5}; do not edit.",
        f"Use: {call}",
    ]
    return [" ".join(line.split()) for line in lines]
