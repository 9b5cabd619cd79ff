"""The modules of this repository that a module imports, read from its source."""

import ast
from pathlib import Path

from tests.helpers.project import ROOT


def imported_modules(path: Path) -> set[Path]:
    """The modules of this repository that a module imports, directly or through another one."""
    seen: set[Path] = set()
    to_read = [path]
    while to_read:
        module = to_read.pop()
        if module in seen:
            continue
        seen.add(module)
        to_read += [init for folder in module.parents if (init := folder / "__init__.py").exists() and folder != ROOT]
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                places = [ROOT.joinpath(*name.split(".")) for name in names]
                files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
                to_read += [file for file in files if file.exists()]
    return {module.relative_to(ROOT) for module in seen if not is_docstring(module)}


def is_docstring(module: Path) -> bool:
    """Tell a package's `__init__.py` that holds nothing but its docstring."""
    body = ast.parse(module.read_text()).body
    return module.name == "__init__.py" and all(isinstance(node, ast.Expr) for node in body)
