"""Write the model as code: SQL, an ONNX graph, a Python module or a JavaScript module. Run: make translate ARGS="…"

    python -m tools.translate --to sql --dialect postgres --table public.cases --keep id
    python -m tools.translate --to python --output predict_bikes.py

Each gives the prediction, the two ends of its interval, and what every column and pair of columns adds. Exit code: 0,
or that of the error.
"""

import argparse
import sys
from pathlib import Path

from stages.utils.errors import PipelineError
from stages.utils.files import replacing
from tools.translate.describe import read_model
from tools.translate.model import Model

DIALECTS = ("duckdb", "postgres", "bigquery", "snowflake")
TARGETS = ("sql", "onnx", "python", "javascript")


def main() -> int:
    arguments = parse(sys.argv[1:])
    try:
        content = write(read_model(arguments.scorecard), arguments)
        if arguments.output is None:
            sys.stdout.buffer.write(content)
        else:
            with replacing(arguments.output) as partial:
                partial.write_bytes(content)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"{arguments.output}: {error.strerror}; name a file in a folder that you may write to", file=sys.stderr)
        return 1
    return 0


def parse(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="tools.translate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", required=True, choices=TARGETS)
    parser.add_argument("--scorecard", type=Path, default=Path("models/scorecard.json"))
    parser.add_argument("--output", type=Path, help="the file to write; standard output if it is not given")
    sql = parser.add_argument_group("only with --to sql")
    sql.add_argument("--dialect", choices=DIALECTS, default="duckdb")
    sql.add_argument("--table", default="cases", help="the table to predict, as the dialect writes it (default: cases)")
    sql.add_argument(
        "--keep", action="append", default=[], metavar="COLUMN", help="another column to give back; repeat"
    )
    sql.add_argument("--text", action="store_true", help="every column is text, written as in the source file")
    arguments = parser.parse_args(words)
    if arguments.to == "onnx" and arguments.output is None:
        parser.error("--to onnx writes a binary file: name it with --output")
    return arguments


def write(model: Model, arguments: argparse.Namespace) -> bytes:
    """Write the model in the language asked for; only the packages of that language are imported."""
    if arguments.to == "onnx":
        from tools.translate.onnx_graph import to_onnx

        return to_onnx(model)
    if arguments.to == "sql":
        from tools.translate.sql import to_sql

        return to_sql(model, arguments.dialect, arguments.table, arguments.keep, arguments.text).encode()
    if arguments.to == "python":
        from tools.translate.python_module import to_python

        return to_python(model).encode()
    from tools.translate.javascript import to_javascript

    return to_javascript(model).encode()


if __name__ == "__main__":
    sys.exit(main())
