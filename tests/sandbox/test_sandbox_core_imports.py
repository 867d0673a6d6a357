"""Modules of the sandbox do not import each other in a circle, not even for types."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import sandbox

ROOT = Path(sandbox.__file__).parent


def name_of(path: Path) -> str:
    """Return the import name of a file."""
    return ".".join(("sandbox", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def find_imports(path: Path, modules: set[str]) -> set[str]:
    """Return the modules of the sandbox that a file imports, including imports for types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & modules or {node.module} & modules
    return found - {name_of(path)}


def test_no_modules_import_each_other() -> None:
    """No two modules import each other, neither directly nor in a circle."""
    paths = {name_of(path): path for path in ROOT.rglob("*.py")}
    graph = {name: find_imports(path, set(paths)) for name, path in paths.items()}
    circle: list[str] = []
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = error.args[1]
    assert len(graph) > 100
    assert circle == []
