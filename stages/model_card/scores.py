"""Sections of the model card on the test rows: scores, intervals, the gate, and what speaks against the model."""

from typing import Any

from stages.evaluation.metrics import MODELS, NORMAL_95
from stages.model_card.markdown import bullets, code, figure, plain, table, with_interval
from stages.table.schema import TableSchema
from stages.utils.params import EvaluateParams

MOST = 8  # groups named as gaps
Rows = list[dict[str, str]]


def scores(schema: TableSchema, metrics: dict[str, Any], evaluate: EvaluateParams) -> str:
    """The model beside its baselines on the test rows, and its cross-validated error."""
    test, train = metrics["test"], metrics["train"]
    rows = [
        (
            f"**{name}**" if key == "model" else name,
            *(with_interval(test[key], metric) for metric in ("rmse", "mae", "r2")),
        )
        for key, name in MODELS.items()
    ]
    return (
        f"On {metrics['split']['test']:,} test rows, used once; in brackets {evaluate.confidence:.0%} bootstrap "
        f"intervals. RMSE and MAE{in_unit(schema)}.\n\n{table(['', 'RMSE:', 'MAE:', 'R²:'], rows)}\n\n"
        f"Cross-validated on the training rows: RMSE {figure(train['cv_rmse'])}, R² {figure(train['cv_r2'])}"
        + (", both of the target's logarithm, which is what the model fits." if train["target"] == "log" else ".")
    )


def in_unit(schema: TableSchema) -> str:
    """` in mg/dL`, or nothing for a target without a unit."""
    return f" in {plain(schema.target.unit)}" if schema.target.unit else " in the target's own unit"


def intervals(found: dict[str, float], bins: Rows) -> str:
    """Nominal and measured coverage, by bin of the prediction."""
    rows = [
        (
            figure(float(row["from"])) if row["from"] else "–",
            figure(float(row["to"])) if row["to"] else "–",
            row["rows"],
            f"{float(row['coverage']):.1%}" if row["coverage"] else "–",
            figure(float(row["width"])) if row["width"] else "–",
        )
        for row in bins
    ]
    return (
        f"Nominal {found['nominal']:.0%}; {found['coverage']:.1%} (± {found['coverage_se']:.1%}, one standard error) "
        f"of the test rows lie inside theirs; mean width {figure(found['mean_width'])}.\n\n"
        + table(["prediction from:", "to:", "test rows:", "inside:", "mean width:"], rows)
    )


def gate(test: dict[str, Any], evaluate: EvaluateParams) -> str:
    """What a deployment asks of the model, and the verdict."""
    ratio = test["model"]["rmse"] / test["least_squares"]["rmse"] if test["least_squares"]["rmse"] else None
    limits, found = evaluate.gate, test["gate"]
    rows = [
        ("`min_r2`", "lower end of the interval of R²", "at least", limits.min_r2, test["model"]["r2_low"]),
        ("`max_rmse_to_ols`", "RMSE over that of least squares", "at most", limits.max_rmse_to_ols, ratio),
        (
            "`min_coverage`",
            "share of test rows in their interval",
            "at least",
            limits.min_coverage,
            test["intervals"]["coverage"],
        ),
    ]
    verdicts = {True: "passed", False: "**failed**", None: "switched off"}
    lines = [
        (key, what, "–" if limit is None else f"{bound} {limit:g}", figure(value), verdicts[found[key.strip("`")]])
        for key, what, bound, limit, value in rows
    ]
    verdict = "Passed" if found["passed"] else "**Failed**"
    return f"{verdict}.\n\n{table(['check', 'what', 'limit', 'found:', 'verdict'], lines)}"


def limits(metrics: dict[str, Any], bins: Rows, groups: Rows, schema: TableSchema) -> str:
    """What the test rows say against the model."""
    test, train, nominal = metrics["test"], metrics["train"], metrics["test"]["intervals"]["nominal"]
    ours, trees = test["model"]["rmse"], test["black_box"]["rmse"]
    gaps = [
        f"Gradient-boosted trees reach an RMSE of {figure(trees)}, {abs(trees / ours - 1):.1%} "
        + ("below this model's: there is structure that it does not use." if trees < ours else "above this model's.")
    ]
    low = test["model"]["r2_low"]
    if low is None or low <= 0:
        gaps.append("The test rows do not show that it beats the mean: the interval of R² reaches 0.")
    if not train["converged"]:
        gaps.append(f"The fit had not converged after {train['iterations']} passes.")
    for row in bins:
        rows, share = int(row["rows"]), float(row["coverage"] or nominal)
        if rows and abs(share - nominal) > NORMAL_95 * (nominal * (1 - nominal) / rows) ** 0.5:
            gaps.append(f"Predictions {span(row)}: the {nominal:.0%} interval holds {share:.1%} of {rows:,} test rows.")
    off = [row for row in groups if row["se"] and abs(float(row["bias"])) > NORMAL_95 * float(row["se"]) > 0]
    off.sort(key=lambda row: -abs(float(row["bias"]) / float(row["se"])))
    for row in off[:MOST]:
        bias = float(row["bias"])
        group = schema.column(row["column"]).labels.get(row["group"], row["group"])
        gaps.append(
            f"{code(row['column'])} {plain(group)}: predictions are too {'low' if bias > 0 else 'high'} by "
            f"{figure(abs(bias))} (± {figure(float(row['se']))}, one standard error) on average of {row['rows']} rows."
        )
    gaps.append(
        f"{len(off)} of {len(groups)} groups of test rows are off by more than {NORMAL_95} standard errors; "
        "one in twenty would be by chance."
    )
    return bullets(gaps)


def span(row: dict[str, str]) -> str:
    """The range of a bin in words."""
    low, high = (figure(float(row[end])) if row[end] else "" for end in ("from", "to"))
    if low and high:
        return f"from {low} to {high}"
    return f"from {low}" if low else f"below {high}" if high else "of any size"
