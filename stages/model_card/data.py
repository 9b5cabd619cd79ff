"""Sections of the model card on the data: what the model is for, the rows, the quarantine, the leakage audit."""

from pathlib import Path
from typing import Any

from stages.model_card.markdown import bullets, code, plain, table
from stages.table.schema import TableSchema
from stages.utils.config import Source
from stages.utils.files import md5_of_directory
from stages.utils.params import FeaturesParams, SplitParams


def intended_use(schema: TableSchema, metrics: dict[str, Any]) -> str:
    """What the model predicts, from what, and for which rows."""
    target, train = schema.target, metrics["train"]
    note = f": {plain(target.description)}" if target.description else ""
    scale = ""
    if train["target"] == "log":
        scale = (
            " The model is linear in the target's logarithm: a prediction is the typical (median) value, not the mean."
        )
    return (
        f"An ElasticNet that predicts **{plain(target.label)}** ({code(target.name)}{note}) from "
        f"{len(schema.inputs)} columns.\n\n"
        f"It was fitted to {metrics['split']['train']:,} rows (alpha {train['alpha']:g}, l1_ratio "
        f"{train['l1_ratio']:g}, {train['nonzero']} of {train['terms']} terms in use). It is meant for rows "
        "of the same kind: the same columns, units and way of collecting them. It describes what goes together, not "
        f"what causes what.{scale}"
    )


def data(schema: TableSchema, metrics: dict[str, Any], split: SplitParams, source: Source, raw: Path) -> str:
    """Where the table comes from, its hash and size, and how it was split."""
    md5, size = md5_of_directory(raw)
    found, rows, blank = metrics["split"], metrics["validation"], metrics["source"]["blank_rows"]
    left_out = f" (and {blank:,} blank, left out)" if blank else ""
    how = {"hash": "by hash of the row", "group": "whole groups", "time": f"by time, from {split.cut} on"}[split.by]
    facts = [
        ("source", code(source.uri)),
        ("description", plain(schema.description or "none given in schema.yaml")),
        ("as ingested", f"{rows['rows']:,} rows{left_out}, {size:,} bytes, md5 {code(md5)} (`data/raw` in `dvc.lock`)"),
        ("valid", f"{rows['valid']:,} rows, of which {rows['duplicates']:,} repeat an earlier one"),
        (
            "train",
            f"{found['train']:,} rows in {len(found['folds'])} folds of {', '.join(f'{n:,}' for n in found['folds'])}",
        ),
        ("test", f"{found['test']:,} rows, held out {how}"),
        ("test rows whose inputs are also in train", f"{found['test_rows_with_inputs_seen_in_train']:,}"),
    ]
    return table(["", ""], facts)


def quarantine(validation: dict[str, Any]) -> str:
    """What was put aside, and why."""
    share = f"{validation['quarantined']:,} of {validation['rows']:,} rows ({validation['invalid_fraction']:.2%})"
    if not validation["violations"]:
        return f"{share}: every cell satisfied `schema.yaml`."
    failed = [
        (code(column), plain(check), f"{found['count']:,}", plain(found["examples"][0]))
        for column, checks in validation["violations"].items()
        for check, found in checks.items()
    ]
    rows = sorted(failed, key=lambda row: (-int(row[2].replace(",", "")), row))
    return f"{share} broke `schema.yaml`:\n\n{table(['column', 'check', 'cells:', 'for example'], rows)}"


def audit(schema: TableSchema, metrics: dict[str, Any], features: FeaturesParams) -> str:
    """What the leakage audit looked for and found."""
    found = metrics["audit"]
    leaks = [f"{code(name)} explains {found['r2'][name]:.2%} of the target alone" for name in found["columns"]]
    leaks += [f"{', '.join(map(code, item['columns']))} add up to {item['r2']:.2%} of it" for item in found["sets"]]
    leaks += [f"{code(name)} numbers the rows" for name in metrics["split"]["row_ids"]]
    allowed = [code(column.name) for column in schema.fields if column.leak]
    best = max(found["r2"], key=lambda name: found["r2"][name])
    return (
        f"Looked for: a column that explains {features.leak_r2:.0%} of the target's variance, up to three whose "
        f"weighted sum explains {features.leak_set_r2:.2%}, columns that number the rows. "
        + (
            f"Found, and acknowledged in `schema.yaml` for {', '.join(allowed)}:\n\n{bullets(leaks)}"
            if leaks
            else "Found: none."
        )
        + f"\n\nThe most telling column, {code(best)}, explains {found['r2'][best]:.1%} alone. The position of a row "
        f"in the table explains {metrics['split']['target_order_r2']:.1%}."
    )
