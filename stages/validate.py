"""Validate: type every cell by the schema, check every constraint, put failing rows in quarantine with the reasons.

Reads   data/raw/, schema.yaml
Writes  data/valid/ (typed), data/quarantine/ (cells as read, file, line, reasons), metrics/validation.json
Run     python -m stages.validate

No row is dropped silently: each is in one of the two tables. If more than `validate.max_invalid_fraction` of the rows
are invalid the stage fails; data/quarantine/ and metrics/validation.json then show why.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from stages.table.hashing import count_repeats, hash_rows, save_hashes
from stages.table.parts import list_parts, read_column, read_rows, row_counts, without_rows, write_part
from stages.table.schema import TableSchema, read_schema
from stages.utils.errors import DataError
from stages.utils.files import remove, replacing
from stages.utils.metrics_files import ValidationMetrics, Violation, write_metrics
from stages.utils.parallel import map_parts
from stages.utils.params import read_params
from stages.utils.stage import stage
from stages.validation.cells import type_cells
from stages.validation.constraints import (
    Repeats,
    failed_checks,
    find_repeats,
    malformed_rows,
    pandera_schema,
    repeated_values,
)
from stages.validation.schema_mismatch import check_columns, key_to_edit

RAW, VALID, QUARANTINE = Path("data/raw"), Path("data/valid"), Path("data/quarantine")
EXAMPLES = 3  # invalid cells shown for each column and check


@dataclass
class Summary:
    """The contribution of one part to the metrics."""

    rows: int
    valid: int
    violations: dict[tuple[str, str], Violation]  # by column and check


def main() -> None:
    with stage("validate") as log:
        params = read_params("validate")
        schema = read_schema()
        parts = list_parts(RAW)
        check_columns(without_rows(parts[0]).columns, schema, RAW)
        repeats = find_repeats(parts, schema)

        with replacing(VALID) as valid:
            hashes = valid / "hashes"  # of the rows, to count duplicates
            with replacing(QUARANTINE) as quarantine:
                work = list(zip(parts, repeats, strict=True))
                by_part = map_parts(validate_part, work, schema, valid, quarantine, hashes, rows=row_counts(parts))
                metrics = summarise(list(by_part), hashes)
            remove(hashes)
            write_metrics(metrics)
            log.info(
                "%d of %d rows valid, %d in quarantine, %d duplicates",
                metrics.valid,
                metrics.rows,
                metrics.quarantined,
                metrics.duplicates,
            )
            for column, check, found in metrics.failed_checks:
                log.info("  %s, %s (%s): %d", column, check, found.examples[0], found.count)
            if metrics.invalid_fraction > params.max_invalid_fraction or metrics.valid == 0:
                raise DataError(describe_failure(metrics, params.max_invalid_fraction, schema))


def validate_part(
    item: tuple[Path, Repeats], schema: TableSchema, valid: Path, quarantine: Path, hashes: Path
) -> Summary:
    """Write the valid and the quarantined rows of one part, and hashes of the valid ones; return its summary."""
    part, repeats = item
    typed, unreadable = type_cells(partial(read_column, part), schema)
    checked = failed_checks(typed, pandera_schema(schema))
    # an unreadable cell must not count as missing, too
    known = set(zip(unreadable["row"], unreadable["column"], strict=True))
    new = [key not in known for key in zip(checked["row"], checked["column"], strict=True)]
    failures = [malformed_rows(part), unreadable, checked[np.array(new, bool)], *repeated_values(part, repeats)]
    found = pd.concat(failures, ignore_index=True).sort_values("row", kind="stable")

    reasons = found["column"] + ": " + found["reason"] + ", found " + found["value"]
    by_row = reasons.groupby(found["row"]).agg("; ".join).astype("str")
    bad = np.zeros(len(typed), bool)
    bad[by_row.index] = True
    refused = read_rows(part, bad).drop(columns="_problem").astype("str")
    refused["_reasons"] = pd.Series(by_row.to_numpy(), refused.index, dtype="str")
    write_part(refused, quarantine, part.name)
    typed = typed[~bad]
    write_part(typed, valid, part.name)
    save_hashes(hash_rows(typed, schema.names()), hashes, part)

    violations = {
        (str(column), str(check)): Violation(
            count=len(cells), examples=(cells["reason"] + ", found " + cells["value"]).head(EXAMPLES).tolist()
        )
        for [column, check], cells in found.groupby(["column", "check"], sort=False)
    }
    return Summary(len(bad), len(typed), violations)


def summarise(summaries: list[Summary], hashes: Path) -> ValidationMetrics:
    """Merge the summaries into the metrics of the whole table."""
    rows, valid = sum(summary.rows for summary in summaries), sum(summary.valid for summary in summaries)
    violations: dict[str, dict[str, Violation]] = defaultdict(dict)
    for summary in summaries:
        for (column, check), found in summary.violations.items():
            total = violations[column].setdefault(check, Violation(count=0, examples=[]))
            total.count += found.count
            total.examples = (total.examples + found.examples)[:EXAMPLES]
    return ValidationMetrics(
        rows=rows,
        valid=valid,
        quarantined=rows - valid,
        invalid_fraction=(rows - valid) / rows,
        duplicates=count_repeats(hashes),
        violations=violations,
    )


def describe_failure(metrics: ValidationMetrics, allowed: float, schema: TableSchema) -> str:
    """Return why the table was refused and how to fix it."""
    refused = (
        "no row is left" if metrics.valid == 0 else f"params.yaml: validate.max_invalid_fraction allows {allowed:.1%}"
    )
    worst = metrics.failed_checks[:3]
    shown = "; ".join(f"{column}, {check} ({found.examples[0]}): {found.count}" for column, check, found in worst)
    keys = ", ".join(dict.fromkeys(key_to_edit(column, check, schema) for column, check, _ in worst))
    return (
        f"{RAW}: {metrics.quarantined} of {metrics.rows} rows are invalid ({metrics.invalid_fraction:.1%}), "
        f"{refused}; most frequent: {shown}; see {QUARANTINE} and {ValidationMetrics.path}; fix the table, "
        f"or edit {keys}"
    )


if __name__ == "__main__":
    main()
