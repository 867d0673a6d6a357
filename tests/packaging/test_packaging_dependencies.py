"""A distribution declares exactly the dependencies that it imports."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "console": "standpipe_console",
    "demo": "standpipe_demo",
    "sandbox": "sandbox",
    "tap-chargebee": "tap_chargebee",
    "tap-intercom": "tap_intercom",
    "target-chartmogul": "target_chartmogul",
    "target-intercom": "target_intercom",
    "transforms": "standpipe_maps",
}
KIT = ROOT / "kit/singer_kit"
DISTRIBUTIONS = {
    "backoff": "python-backoff",
    "dotenv": "python-dotenv",
    "sandbox": "standpipe-sandbox",
    "singer_sdk": "singer-sdk",
    "yaml": "pyyaml",
}
UNSEEN = {"tzdata", "httptools", "uvloop"}
"""Needed without being imported: Python's time zones, where the system has none, and what uvicorn is fast with."""


@pytest.mark.parametrize(("folder", "module"), FOLDERS.items(), ids=list(FOLDERS))
def test_imports_and_dependencies_are_the_same(folder: str, module: str) -> None:
    """What comes only through somebody else's dependency may go with it."""
    project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    declared = read_names(project["dependencies"])
    # What only an extra needs may be imported where it is used.
    extras = {name for extra in project.get("optional-dependencies", {}).values() for name in read_names(extra)}
    imported = {
        DISTRIBUTIONS.get(name, name)
        for path in own_and_kit(ROOT / folder / module)
        for name in third_party(path, module)
    }
    assert declared - UNSEEN == imported - extras


def read_names(dependencies: list[str]) -> set[str]:
    """Return the names of dependencies without versions and extras."""
    return {re.split(r"[\[<>=~! ]", dependency)[0] for dependency in dependencies}


def own_and_kit(package: Path) -> set[Path]:
    """Return a package's files and the kit's modules that they need, directly or through each other."""
    own = {path for path in package.rglob("*.py") if "_kit" not in path.parts}
    needed = {name for path in own for name in kit_imports(path, f"{package.name}._kit")}
    while more := {name for known in needed for name in kit_imports(KIT / f"{known}.py", "")} - needed:
        needed |= more
    return own | {KIT / f"{name}.py" for name in needed}


def kit_imports(path: Path, prefix: str) -> set[str]:
    """Return the modules of the kit that a file imports: `from PACKAGE._kit.NAME` or, within the kit, `from .NAME`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level and not prefix:
            names |= {node.module} if node.module else {alias.name for alias in node.names}
        elif prefix and node.module == prefix:
            names |= {alias.name for alias in node.names}
        elif prefix and (node.module or "").startswith(f"{prefix}."):
            names.add(str(node.module).removeprefix(f"{prefix}."))
    return {str(name) for name in names}


def third_party(path: Path, own: str) -> set[str]:
    """Return the imported packages that are neither the file's own nor Python's."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names - {own} - set(sys.stdlib_module_names)
