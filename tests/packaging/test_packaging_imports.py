"""The modules of a package do not import each other in a circle."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "console/standpipe_console",
    "demo/standpipe_demo",
    "kit/singer_kit",
    "sandbox/sandbox",
    "tap-chargebee/tap_chargebee",
    "tap-intercom/tap_intercom",
    "target-chartmogul/target_chartmogul",
    "target-intercom/target_intercom",
    "transforms/standpipe_maps",
)


def name_module(path: Path, package: Path) -> str:
    """Return the name under which a file is imported."""
    return ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")


def list_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, which excludes those under TYPE_CHECKING."""
    for statement in body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            continue
        yield statement
        for part in ("body", "orelse", "finalbody"):
            if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from list_statements(getattr(statement, part, []))


def find_imports(path: Path, name: str, modules: set[str]) -> set[str]:
    """Return the modules of the package that a file imports when it is imported, absolutely or relatively."""
    found = set()
    for node in list_statements(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = name.split(".")[: (1 if path.stem == "__init__" else 0) - node.level or None]
            base = ".".join([*(above if node.level else []), *([node.module] if node.module else [])])
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= names & modules or {base}
    return (found & modules) - {name}


def find_circle(package: Path) -> list[str]:
    """Return the modules of a package that import each other in a circle; empty when none do."""
    paths = {name_module(path, package): path for path in package.rglob("*.py") if "_kit" not in path.parts}
    graph = {name: find_imports(path, name, set(paths)) for name, path in paths.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other(package: str) -> None:
    """No module of a package imports itself through other modules."""
    assert find_circle(ROOT / package) == []


@pytest.mark.parametrize("line", ["from package.b import x", "from .b import x", "from . import b", "import package.b"])
def test_a_circle_is_found(line: str, tmp_path: Path) -> None:
    """Every form of import counts. An import under TYPE_CHECKING makes no circle."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "a.py").write_text(f"{line}\n")
    (package / "b.py").write_text("if TYPE_CHECKING:\n    from package.a import y\n")
    assert find_circle(package) == []
    (package / "b.py").write_text("from package.a import y\n")
    assert set(find_circle(package)) == {"package.a", "package.b"}
