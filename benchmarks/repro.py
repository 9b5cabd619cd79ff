"""Time `dvc repro` on the default table against the same pipeline whose stages only import what ours import.

Both sides are clones of HEAD without the stages that draw. On the other side each stage imports the modules that ours
has loaded by its end, and writes a line to each of its outputs: the difference is the work of the stages. The sides
take turns, and the fastest round of each counts. Run: python -m benchmarks.repro
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tools.commands import git, run

DRAWING = ("explore", "report")
ROUNDS = 3
LOADED = """
import json, runpy, sys
runpy.run_module("stages.{name}", run_name="__main__", alter_sys=True)
print(json.dumps(list(sys.modules)))
"""
IMPORTABLE = """
import importlib, sys
import stages
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
        print(name)
    except ImportError:
        pass
"""
STUB = '''"""Import what the stage {name} imports, and write its outputs."""

import importlib
import importlib.util
from pathlib import Path

import stages

for module in {modules!r}:
    importlib.import_module(module)
for path in {outputs!r}:
    place = Path(path) if Path(path).suffix else Path(path, "part-00000.parquet")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("{name}")
'''


def clone(target: Path) -> dict[str, Any]:
    """Clone HEAD without the stages that draw; return the stages that are left."""
    git("clone", "--quiet", ".", target)
    yaml = YAML()
    pipeline = yaml.load(target / "dvc.yaml")
    for name in DRAWING:
        del pipeline["stages"][name]
    yaml.dump(pipeline, target / "dvc.yaml")
    stages: dict[str, Any] = pipeline["stages"]
    return stages


def repro(path: Path) -> float:
    """Run the whole pipeline; return how long it took."""
    start = time.perf_counter()
    run("dvc", "repro", "--force", "--quiet", cwd=path)
    return time.perf_counter() - start


def loaded_modules(path: Path, name: str) -> list[str]:
    """List the modules that a stage has loaded by its end and that can be imported by name, in order."""
    printed = run(sys.executable, "-c", LOADED.format(name=name), cwd=path)
    modules = [module for module in json.loads(printed.splitlines()[-1]) if not module.startswith("__")]
    return run(sys.executable, "-c", IMPORTABLE, *modules, cwd=path).split()


def paths(entries: list[Any]) -> list[str]:
    """List the paths of outs, metrics or plots."""
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        ours, stubs = Path(scratch, "ours"), Path(scratch, "stubs")
        clone(ours)
        stages = clone(stubs)
        repro(ours)  # the first round warms the disk cache and leaves what the stages read
        for name, stage in stages.items():
            outputs = [path for kind in ("outs", "metrics", "plots") for path in paths(stage.get(kind, []))]
            code = STUB.format(name=name, modules=loaded_modules(ours, name), outputs=outputs)
            Path(stubs, "stages", f"{name}.py").write_text(code, encoding="utf-8")
        repro(stubs)
        rounds = [(repro(ours), repro(stubs)) for _ in range(ROUNDS)]
    work, imports = min(our for our, _ in rounds), min(stub for _, stub in rounds)
    print(f"{len(stages)} stages: dvc repro {work:.1f} s, the same that only imports {imports:.1f} s")
    print(f"ratio {work / imports:.2f}; rounds {', '.join(f'{our:.1f}/{stub:.1f}' for our, stub in rounds)}")


if __name__ == "__main__":
    main()
