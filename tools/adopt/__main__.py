"""Adopt a table: look at all of it, decide what each column is, write config.yaml, schema.yaml and params.yaml.

    python -m tools.adopt ~/Downloads/wine.csv --target quality      (or: make adopt DATA=… TARGET=…)

The URI is what config.yaml: source.uri takes; a local file from elsewhere is copied to data/source/. Doubtful columns
are marked with `?`, and the last lines say what to change in schema.yaml if one is wrong. In a terminal adopt also asks
for the role of each; `--yes` never asks.
"""

import argparse
import sys
from pathlib import Path

from tools.adopt.adopt import adopt
from tools.commands import failure_in_one_line


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.adopt", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("uri", help="a file, a glob, https://, s3://, github://, a database, sklearn://")
    parser.add_argument("--target", required=True, help="the column to predict")
    parser.add_argument("--query", help="SQL that gives the table, for a database")
    parser.add_argument("--table", help="the table to read, for a database")
    parser.add_argument("--columns", help="names for a CSV file without a header: a,b,c or a file, one per line")
    parser.add_argument("--yes", action="store_true", help="never ask; keep every decision as printed")
    parser.add_argument("--force", action="store_true", help="replace a schema.yaml that describes this table already")
    args = parser.parse_args()
    ask = not args.yes and sys.stdin.isatty() and sys.stdout.isatty()
    try:
        with failure_in_one_line("adopt"):
            columns = names_of(args.columns)
            adopt(args.uri, args.target, Path.cwd(), args.query, args.table, columns, ask=ask, force=args.force)
    except KeyboardInterrupt:
        raise SystemExit("adopt: interrupted; nothing was written") from None


def names_of(argument: str | None) -> list[str] | None:
    """Column names from a,b,c or from a file with one per line."""
    if argument is None:
        return None
    is_file = "," not in argument and Path(argument).is_file()
    names = Path(argument).read_text(encoding="utf-8").splitlines() if is_file else argument.split(",")
    return [name.strip() for name in names if name.strip()]


if __name__ == "__main__":
    main()
