"""Printed lines: one per column, `?` where it is doubtful, what to do about each doubt; and questions in a terminal."""

from pathlib import Path

from ruamel.yaml import YAML
from tabulate import tabulate

from tools.adopt.decide import Decision

ROLES = ("feature", "target", "id", "group", "time", "weight", "exposure", "ignore")
KEYS = ("type", "role", "name")  # where to change a field that lacks the line


def show(decisions: list[Decision]) -> None:
    """Print the table of decisions."""
    rows = [("", "column", "type", "role", "why")]
    for decision in decisions:
        kind = decision.field["type"]
        if "categories" in decision.field:
            kind += " ordered" if "categoriesOrdered" in decision.field else " category"
        if decision.field.get("format"):
            kind += f" {decision.field['format']}"
        for key in ("decimalChar", "groupChar"):
            kind += f" {decision.field[key]!r}" if key in decision.field else ""
        kind += f" [{decision.field['unit']}]" if "unit" in decision.field else ""
        why = "; ".join([*decision.why, *(doubt.said for doubt in decision.doubts)])
        rows.append(("?" if decision.doubts else "", decision.name, kind, decision.role, why))
    print(tabulate(rows, tablefmt="plain", disable_numparse=True), end="\n\n")


def show_advice(decisions: list[Decision], path: Path) -> None:
    """Print for each doubt the line of schema.yaml that it is about, and what to change there."""
    if not any(decision.doubts for decision in decisions):
        return
    text = path.read_text(encoding="utf-8")
    lines, fields = text.splitlines(), YAML().load(text)["fields"]
    print(f"\nWhat to change in {path.name} where a ? is wrong:")
    for decision, field in zip(decisions, fields, strict=True):
        for doubt in decision.doubts:
            number, _ = field.lc.key(next(key for key in (doubt.key, *KEYS) if key in field))
            print(f"  line {number + 1}, {decision.name}, `{lines[number].strip(' -')}`: {doubt.advice}")


def ask_about(decisions: list[Decision]) -> None:
    """Ask for the role of each doubtful column; an empty answer keeps it."""
    for decision in decisions:
        if not decision.doubts or decision.role == "target":
            continue
        print(f"{decision.name}: {'; '.join(doubt.said for doubt in decision.doubts)}")
        answer = input(f"  role of {decision.name} [{decision.role}] ({', '.join(ROLES)}): ").strip()
        if answer in ROLES and answer != "target":
            decision.field["role"] = answer
