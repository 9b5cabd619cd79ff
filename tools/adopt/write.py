"""Writing config.yaml, schema.yaml and params.yaml: comments survive, and what a person wrote unless told otherwise."""

from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from stages.table.schema import TableSchema
from stages.utils.files import replacing
from stages.utils.yaml_files import read_settings

HEADER = """\
# yaml-language-server: $schema=schemas/schema.schema.json
# What each column is: a Frictionless Table Schema with `role`, `unit` and `leak` added to a field.
"""


def round_trip() -> YAML:
    """A YAML reader and writer that keeps comments and layout."""
    yaml = YAML()
    yaml.width = 120
    yaml.preserve_quotes = True
    return yaml


def update_yaml(path: Path, changes: dict[str, Any]) -> None:
    """Set values at dotted keys of a YAML file (None removes a key) and leave everything else as it is."""
    yaml = round_trip()
    content = yaml.load(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *parents, last = key.split(".")
        place = content
        for name in parents:
            place = place[name]
        if value is None and last in place and key.startswith("source."):
            del place[last]
        elif value is not None:
            place[last] = value
    text = StringIO()
    yaml.dump(content, text)
    with replacing(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")


def write_schema(path: Path, title: str, fields: list[dict[str, Any]], keep: bool) -> list[str]:
    """Write the schema; where `keep`, a column that a person described stays as it is. Returns their names.

    What stands in a file is a person's where the file describes this very table: the same columns and target.
    """
    yaml = round_trip()
    yaml.indent(mapping=2, sequence=4, offset=2)
    kept: dict[str, Any] = {}
    head: dict[str, Any] = {"name": title.lower().replace(" ", "-"), "title": title, "missingValues": [""]}
    target = next(field["name"] for field in fields if field.get("role") == "target")
    if keep and path.exists():
        old = read_settings(path, TableSchema)
        if old.names() == [field["name"] for field in fields] and old.target.name == target:
            content = yaml.load(path.read_text(encoding="utf-8"))
            kept = {field["name"]: field for field in content["fields"]}
            head = {key: value for key, value in content.items() if key != "fields"}
    schema = CommentedMap(head)
    schema["missingValues"] = flow(list(schema.get("missingValues", [""])))
    schema["fields"] = CommentedSeq([kept.get(field["name"]) or styled(field) for field in fields])
    text = StringIO()
    yaml.dump(schema, text)
    with replacing(path) as partial:
        partial.write_text(HEADER + "\n" + text.getvalue().removeprefix(HEADER).lstrip("\n"), encoding="utf-8")
    return list(kept)


def styled(field: dict[str, Any]) -> CommentedMap:
    """A field with its lists on one line."""
    order = ("name", "title", "type", "role", "unit")
    keys = [key for key in order if key in field] + [key for key in field if key not in order]
    return CommentedMap({key: flow(field[key]) if isinstance(field[key], list) else field[key] for key in keys})


def flow(values: list[Any]) -> CommentedSeq:
    """A list written as [a, b]."""
    sequence = CommentedSeq(values)
    sequence.fa.set_flow_style()
    return sequence
