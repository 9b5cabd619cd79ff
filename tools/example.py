"""Run one of examples/ in a scratch copy of this checkout, and print its metrics. Run: make example NAME=wine

The copy is examples/.scratch/NAME: what git tracks here, with the example's config.yaml, schema.yaml and params.yaml.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from stages.utils.errors import did_you_mean

EXAMPLES = Path("examples")
FILES = ("config.yaml", "schema.yaml", "params.yaml")


def copy_example(name: str, target: Path) -> None:
    """Make the scratch copy, a git repository of its own."""
    known = sorted(path.name for path in EXAMPLES.iterdir() if (path / "config.yaml").exists())
    if name not in known:
        raise SystemExit(f"example: no {name!r}; there are {', '.join(known)}{did_you_mean(name, known)}")
    shutil.rmtree(target, ignore_errors=True)
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for path in subprocess.run(listing, capture_output=True, check=True, text=True).stdout.split("\0"):
        if path and Path(path).is_file():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / path)
    for file in FILES:
        shutil.copyfile(EXAMPLES / name / file, target / file)
    subprocess.run(["git", "init", "-q"], cwd=target, check=True)


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    scratch = EXAMPLES / ".scratch" / name
    copy_example(name, scratch)
    for command in (["dvc", "repro"], [sys.executable, "-m", "tools.summary"]):
        if code := subprocess.run(command, cwd=scratch).returncode:
            sys.exit(code)


if __name__ == "__main__":
    main()
