"""Writing config.yaml, schema.yaml and params.yaml: comments survive, and so does a schema that a person edited."""

from io import SEEK_END, StringIO
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


def update_yaml(path: Path, changes: dict[str, Any], drop_empty: bool = False) -> None:
    """Set values at dotted keys of a YAML file (with `drop_empty`, None removes a key) and keep everything else."""
    yaml = round_trip()
    content = yaml.load(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *parents, last = key.split(".")
        place = content
        for name in parents:
            place = place[name]
        if value is None and drop_empty:
            place.pop(last, None)
        elif place.get(last, value) != value or last not in place:
            place[last] = value
    dump(yaml, content, path)


def write_schema(path: Path, title: str, fields: list[dict[str, Any]], keep: bool) -> bool:
    """Write the schema; with `keep`, one that describes this table already stays. Returns True if it stayed.

    A schema describes the table if it has the same columns and target: what is in it is a person's work.
    """
    if keep and path.exists():
        old = read_settings(path, TableSchema)
        target = next(field["name"] for field in fields if field.get("role") == "target")
        if old.names() == [field["name"] for field in fields] and old.target.name == target:
            return True
    yaml = round_trip()
    yaml.indent(mapping=2, sequence=4, offset=2)
    head = {"name": title.lower().replace(" ", "-"), "title": title, "missingValues": flow([""])}
    dump(yaml, CommentedMap(head | {"fields": [styled(field) for field in fields]}), path, HEADER)
    return False


def dump(yaml: YAML, content: Any, path: Path, header: str = "") -> None:
    """Write YAML after a header of comments."""
    text = StringIO(header)
    text.seek(0, SEEK_END)
    yaml.dump(content, text)
    with replacing(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")


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
