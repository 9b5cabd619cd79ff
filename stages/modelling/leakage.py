"""The audit of the columns: those that reproduce the target, alone or a few together, or nearly one another."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.sparse.csgraph import connected_components

from stages.modelling.moments import Moments, explained
from stages.table.schema import TableSchema
from stages.utils.errors import LeakageError
from stages.utils.params import FeaturesParams

LARGEST_SET = 3
# Too good to be true? In the honest tables that the tests know, one column explains 0.93 at most (petal width
# from petal length) and three explain 0.94; the fare of a taxi ride explains more of the total.
SUSPICIOUS_R2, SUSPICIOUS_SET_R2 = 0.95, 0.98


def find_leaks(
    terms: Moments, blocks: dict[str, range], raw: Moments, numbers: list[str], params: FeaturesParams
) -> dict[str, Any]:
    """Columns that reproduce the target, from the moments of the training rows.

    Args:
        terms: moments of the feature map's terms and the target.
        blocks: for each column the positions of its terms.
        raw: moments of the numeric columns as they are and the target.
        numbers: names of the numeric columns, in the order of `raw`.

    Returns:
        `r2`: for each column the share of the target's variance that its curve explains alone; `columns`: those at or
        above `leak_r2`; `sets`: sets of up to three numeric columns whose weighted sum reaches `leak_set_r2`, found by
        adding the column that explains most (forward selection), and none of which does so without the others;
        `suspicious`: columns and sets that reach SUSPICIOUS_R2 and SUSPICIOUS_SET_R2 only, each as in `sets`.
    """
    target = len(terms.mean) - 1
    r2 = {name: explained(terms.select([*block, target])) for name, block in blocks.items()}
    columns = [name for name, share in r2.items() if share >= params.leak_r2]
    sets = disjoint_sets(raw, numbers, columns, params.leak_set_r2)
    known = [*columns, *(name for found in sets for name in found["columns"])]
    telling = [name for name, share in r2.items() if share >= SUSPICIOUS_R2 and name not in known]
    suspicious = [{"columns": [name], "r2": r2[name]} for name in telling]
    suspicious += disjoint_sets(raw, numbers, [*known, *telling], SUSPICIOUS_SET_R2)
    return {"r2": r2, "columns": columns, "sets": sets, "suspicious": suspicious}


def disjoint_sets(raw: Moments, numbers: list[str], known: list[str], enough: float) -> list[dict[str, Any]]:
    """Sets of numeric columns that explain `enough` of the target, none of them in `known` or in two sets."""
    sets: list[dict[str, Any]] = []
    free = [position for position, name in enumerate(numbers) if name not in known]
    while found := reproducing_set(raw, free, enough):
        names = [numbers[position] for position in found]
        sets.append({"columns": names, "r2": explained(raw.select([*found, len(numbers)]))})
        free = [position for position in free if position not in found]
    return sets


def reproducing_set(raw: Moments, free: list[int], enough: float) -> list[int] | None:
    """Up to three of the columns in `free` whose weighted sum explains `enough` of the last column, or None."""
    target = len(raw.mean) - 1
    chosen: list[int] = []
    while len(chosen) < min(LARGEST_SET, len(free)):
        shares = {column: explained(raw.select([*chosen, column, target])) for column in free if column not in chosen}
        chosen.append(max(shares, key=lambda column: shares[column]))
        if shares[chosen[-1]] >= enough:
            for column in list(chosen):
                rest = [other for other in chosen if other != column]
                if rest and explained(raw.select([*rest, target])) >= enough:
                    chosen = rest
            return sorted(chosen)
    return None


def correlated(moments: Moments, names: list[str], least: float) -> list[list[str]]:
    """Groups of the first columns, those with names, of which each correlates with another by `least`, either way."""
    scatter = moments.scatter[: len(names), : len(names)]
    deviation = np.sqrt(np.diag(scatter))
    with np.errstate(divide="ignore", invalid="ignore"):  # a constant column correlates with nothing
        close = np.abs(scatter / np.outer(deviation, deviation)) >= least
    _, labels = connected_components(close, directed=False)
    groups = [[name for name, own in zip(names, labels, strict=True) if own == label] for label in np.unique(labels)]
    return [group for group in groups if len(group) > 1]


def check_leaks(audit: dict[str, Any], schema: TableSchema) -> None:
    """Raise a LeakageError for what `find_leaks` found, unless the schema acknowledges one column of each finding."""
    findings = [([name], audit["r2"][name]) for name in audit["columns"]]
    refuse([*findings, *((found["columns"], found["r2"]) for found in audit["sets"])], schema)


def refuse(findings: Iterable[tuple[list[str], float]], schema: TableSchema) -> None:
    """Raise a LeakageError for columns that explain a share of the target, unless one of them is acknowledged."""
    unexplained = [
        f"{' and '.join(names)} explain{'s' * (len(names) == 1)} {share:.4%} of {schema.target.name}"
        for names, share in findings
        if not any(schema.column(name).leak for name in names)
    ]
    if unexplained:
        raise LeakageError(
            f"schema.yaml: {'; '.join(unexplained)}: known only together with the target? "
            f"give role: ignore, or leak: acknowledged if it is known beforehand"
        )
