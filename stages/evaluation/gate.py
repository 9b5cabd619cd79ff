"""The gate: whether a model is good enough to be deployed."""

from typing import Any

from stages.utils.params import GateParams


def gate(metrics: dict[str, Any], limits: GateParams) -> dict[str, bool | None]:
    """What the model must reach to be deployed: each check's verdict (null: switched off), and whether all passed."""
    r2_low, ratio = metrics["model"]["r2_low"], metrics["model"]["rmse"] / max(metrics["least_squares"]["rmse"], 1e-300)
    checks = {
        "min_r2": None if limits.min_r2 is None else r2_low is not None and r2_low >= limits.min_r2,
        "max_rmse_to_ols": None if limits.max_rmse_to_ols is None else bool(ratio <= limits.max_rmse_to_ols),
        "min_coverage": None
        if limits.min_coverage is None
        else bool(metrics["intervals"]["coverage"] >= limits.min_coverage),
    }
    return {**checks, "passed": all(verdict is not False for verdict in checks.values())}
