"""Compile requirements/GROUP.txt from pyproject.toml's dependency groups: versions and hashes, no index addresses.

All groups are resolved together first, so that any of them can be installed side by side. Versions change only where
pyproject.toml asks for it; `python -m tools.lock --upgrade` takes the newest of everything. Run: make lock
"""

import sys
import tempfile
import tomllib
from pathlib import Path

from stages.utils.errors import PipelineError
from tools.commands import run

OPTIONS = [
    "--universal",  # one file for every platform
    "--python-version=3.11",
    "--fork-strategy=fewest",  # and one version of a package for every Python
    "--no-emit-index-url",
    "--no-header",
    "--no-annotate",
    "--quiet",
]


def compile_groups(groups: list[str], output: Path, *options: str) -> None:
    """Resolve some dependency groups into one requirements file."""
    chosen = [f"--group={group}" for group in groups]
    run("uv", "pip", "compile", *OPTIONS, *chosen, *options, f"--output-file={output}", "pyproject.toml")


def lock(upgrade: bool) -> None:
    """Write requirements/GROUP.txt for every group."""
    groups = sorted(tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"])
    with tempfile.TemporaryDirectory() as scratch:
        together = Path(scratch, "all.txt")
        if not upgrade:
            pins = {
                line.removesuffix(" \\")
                for file in Path("requirements").glob("*.txt")
                for line in file.read_text(encoding="utf-8").splitlines()
                if "==" in line
            }
            together.write_text("\n".join(sorted(pins)) + "\n", encoding="utf-8")
        compile_groups(groups, together)
        for group in groups:
            output = Path("requirements", f"{group}.txt")
            compile_groups([group], output, "--generate-hashes", f"--constraint={together}")


if __name__ == "__main__":
    try:
        lock(upgrade="--upgrade" in sys.argv[1:])
    except PipelineError as error:
        sys.exit(f"lock: {error}")
