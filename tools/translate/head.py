"""The lines at the head of each generated file."""

from tools.translate.model import Model


def head(model: Model, mark: str, *lines: str) -> str:
    """Say in comments what the file is, what it was made from and how to use it; nothing changes from run to run.

    Args:
        mark: what a comment starts with.
        lines: on its use.
    """
    lines = (
        f"Predicts {model.target}, with a {100 * model.coverage:g}% prediction interval and the contributions of "
        "columns and pairs of columns.",
        f"Written by `python -m tools.translate` from the scorecard with md5 {model.md5}; do not edit.",
        *lines,
    )
    return "".join(f"{mark} {' '.join(line.split())}".strip() + "\n" for line in lines)
