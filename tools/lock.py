"""Compile requirements/GROUP.txt from pyproject.toml's dependency groups: versions and hashes, no index addresses.

All groups are resolved together first, so that any of them can be installed side by side. One file serves every
platform and every Python: where the newest version of a package has dropped the oldest Python, markers give each Python
its own. Packages are upgraded as far as pyproject.toml allows, and what changed is printed; `--keep` changes only what
pyproject.toml asks for. Run: make lock
"""

import sys
import tempfile
import tomllib
from collections import defaultdict
from pathlib import Path

from packaging.version import Version

from tools.commands import failure_in_one_line, run


def read_pins() -> dict[str, set[str]]:
    """Read the pinned requirements in requirements/*.txt, without their hashes, by package."""
    pins = defaultdict(set)
    for file in Path("requirements").glob("*.txt"):
        for line in file.read_text(encoding="utf-8").splitlines():
            if "==" in line:
                pins[line.partition("==")[0]].add(line.removesuffix(" \\"))
    return pins


def versions(pins: set[str]) -> str:
    """Name the versions of one package, the oldest Python's first; "none" if there is none."""
    found = {pin.partition("==")[2].partition(" ")[0] for pin in pins}
    return ", ".join(sorted(found, key=Version)) or "none"


def changes(old: dict[str, set[str]], new: dict[str, set[str]]) -> list[str]:
    """Describe each package whose versions changed: name, versions before, versions after."""
    pairs = {name: (versions(old.get(name, set())), versions(new.get(name, set()))) for name in {*old, *new}}
    return [f"{name}: {before} → {after}" for name, (before, after) in sorted(pairs.items()) if before != after]


def lock(keep: bool) -> None:
    """Write requirements/GROUP.txt for every group; start from the present pins if they are to be kept."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    oldest = project["project"]["requires-python"].removeprefix(">=")

    def compile_groups(groups: list[str], output: Path, *options: str) -> None:
        chosen = [f"--group={group}" for group in groups]
        layout = ("--no-emit-index-url", "--no-header", "--no-annotate", "--quiet")
        where = ("--universal", f"--python-version={oldest}")
        run("uv", "pip", "compile", *where, *layout, *chosen, *options, f"--output-file={output}", "pyproject.toml")

    groups = sorted(project["dependency-groups"])
    with tempfile.TemporaryDirectory() as scratch:
        together = Path(scratch, "all.txt")
        if keep:
            together.write_text("".join(f"{pin}\n" for pins in read_pins().values() for pin in sorted(pins)))
        compile_groups(groups, together)
        for group in groups:
            compile_groups(
                [group], Path("requirements", f"{group}.txt"), "--generate-hashes", f"--constraint={together}"
            )


def main() -> None:
    before = read_pins()
    with failure_in_one_line("lock"):
        lock(keep="--keep" in sys.argv[1:])
    print("\n".join(changes(before, read_pins())) or "no version changed")


if __name__ == "__main__":
    main()
