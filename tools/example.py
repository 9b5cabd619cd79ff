"""Run one of examples/ in a scratch copy of this checkout, and print its metrics. Run: make example NAME=wine

The copy is examples/.scratch/NAME: what git tracks here, with the example's config.yaml and schema.yaml, and with the
settings of its params.yaml in place of this checkout's.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from dvc.utils.flatten import flatten
from ruamel.yaml import YAML

from stages.utils.errors import PipelineError, did_you_mean
from tools.adopt.write import update_yaml
from tools.commands import git

EXAMPLES = Path("examples")


def use_example(folder: Path, target: Path) -> None:
    """Replace the settings in `target` with those of an example."""
    for file in ("config.yaml", "schema.yaml"):
        shutil.copyfile(folder / file, target / file)
    if (folder / "params.yaml").exists():
        update_yaml(target / "params.yaml", flatten(YAML(typ="safe").load(folder / "params.yaml")))


def copy_checkout(target: Path) -> None:
    """Make a copy of this checkout, a git repository of its own."""
    shutil.rmtree(target, ignore_errors=True)
    for path in git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if path and Path(path).is_file():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / path)
    git("init", "-q", cwd=target)


def play(name: str, demo: Callable[[Path], None]) -> None:
    """Run a demo in a temporary copy of this checkout, which is kept if a step fails."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    try:
        copy_checkout(folder / "checkout")
        demo(folder / "checkout")
    except PipelineError as error:
        sys.exit(f"{name}: {error} (everything is in {folder})")
    shutil.rmtree(folder)


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    known = sorted(path.parent.name for path in EXAMPLES.glob("*/config.yaml"))
    if name not in known:
        raise SystemExit(f"example: no {name!r}; there are {', '.join(known)}{did_you_mean(name, known)}")
    scratch = EXAMPLES / ".scratch" / name
    copy_checkout(scratch)
    use_example(EXAMPLES / name, scratch)
    for command in (["dvc", "repro"], [sys.executable, "-m", "tools.summary"]):
        if code := subprocess.run(command, cwd=scratch).returncode:
            sys.exit(code)


if __name__ == "__main__":
    main()
