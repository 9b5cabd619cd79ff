"""Adopt a table: look at all of it, decide what each column is, write config.yaml, schema.yaml and params.yaml.

    python -m tools.adopt ~/Downloads/wine.csv --target quality      (or: make adopt DATA=… TARGET=…)

URI is what config.yaml:source.uri takes; a local file from elsewhere is copied to data/source/. What is doubtful is
asked for in a terminal, and marked with `?` in the table that is printed; `--yes` never asks.
"""

import argparse
import sys
from pathlib import Path

from stages.utils.errors import PipelineError
from tools.adopt.adopt import adopt


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.adopt", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("uri", help="a file, a glob, https://, s3://, github://, a database, sklearn://")
    parser.add_argument("--target", required=True, help="the column to predict")
    parser.add_argument("--query", help="SQL that gives the table, for a database")
    parser.add_argument("--table", help="the table to read, for a database")
    parser.add_argument("--yes", action="store_true", help="never ask: take every decision as it is printed")
    parser.add_argument("--force", action="store_true", help="write over what a person wrote in schema.yaml")
    args = parser.parse_args()
    ask = not args.yes and sys.stdin.isatty() and sys.stdout.isatty()
    try:
        adopt(args.uri, args.target, Path.cwd(), query=args.query, table=args.table, ask=ask, force=args.force)
    except PipelineError as error:
        raise SystemExit(f"adopt: {' '.join(str(error).split())}") from None
    except KeyboardInterrupt:
        raise SystemExit("adopt: interrupted; nothing was written") from None


if __name__ == "__main__":
    main()
