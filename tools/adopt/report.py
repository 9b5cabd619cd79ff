"""What adopt says: a line a column, with `?` where it is unsure, and the questions that it asks in a terminal."""

from tools.adopt.choice import share
from tools.adopt.decide import Decision
from tools.adopt.profile import Profile

ROLES = ("feature", "target", "id", "group", "time", "ignore")


def show(decisions: list[Decision], profiles: list[Profile], missing_target: float) -> list[str]:
    """Print the table of decisions; returns remarks on the whole."""
    rows = [("", "column", "type", "role", "why")]
    for decision in decisions:
        mark = "?" if decision.doubts else ""
        kind = decision.field["type"]
        if "categories" in decision.field:
            kind += " category"
        if decision.field.get("format"):
            kind += f" {decision.field['format']}"
        for key in ("decimalChar", "groupChar"):
            kind += f" {decision.field[key]!r}" if key in decision.field else ""
        kind += f" [{decision.field['unit']}]" if "unit" in decision.field else ""
        why = "; ".join(filter(None, [*decision.why, *decision.doubts]))
        rows.append((mark, decision.field["name"], kind, decision.role, why))
    widths = [max(len(row[place]) for row in rows) for place in range(4)]
    for row in rows:
        print(("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]])).rstrip())
    print()
    notes = []
    if any(decision.doubts for decision in decisions):
        notes.append("? marks what is doubtful: look at it in schema.yaml")
    if missing_target:
        rows_all = profiles[0].rows
        notes.append(f"?the target is missing in about {share(round(missing_target * rows_all), rows_all)} rows")
    return notes


def ask_about(decisions: list[Decision]) -> None:
    """Ask for the role of each doubtful column; an empty answer keeps it."""
    for decision in decisions:
        if not decision.doubts or decision.role == "target":
            continue
        name = decision.field["name"]
        print(f"{name}: {'; '.join(decision.doubts)}")
        answer = input(f"  role of {name} [{decision.role}] ({', '.join(ROLES)}): ").strip()
        if answer in ROLES and answer != "target":
            decision.field["role"] = answer
