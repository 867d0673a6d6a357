"""A distribution declares what it imports, and nothing that it does not."""

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
    "sandbox": "sandbox",
    "tap-chargebee": "tap_chargebee",
    "tap-intercom": "tap_intercom",
    "target-chartmogul": "target_chartmogul",
    "target-intercom": "target_intercom",
    "transforms": "standpipe_maps",
}
DISTRIBUTIONS = {"backoff": "python-backoff", "dotenv": "python-dotenv", "singer_sdk": "singer-sdk", "yaml": "pyyaml"}
UNSEEN = {"tzdata"}
"""Needed without being imported: Python's time zones, where the system has none."""


@pytest.mark.parametrize(("folder", "module"), FOLDERS.items(), ids=list(FOLDERS))
def test_imports_and_dependencies_are_the_same(folder: str, module: str) -> None:
    """What comes only through somebody else's dependency may go with it."""
    project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[\[<>=~! ]", dependency)[0] for dependency in project["dependencies"]}
    imported = {
        DISTRIBUTIONS.get(name, name)
        for path in (ROOT / folder / module).rglob("*.py")
        for name in third_party(path, module)
    }
    assert declared - UNSEEN == imported


def third_party(path: Path, own: str) -> set[str]:
    """The packages that a file imports and that are neither its own nor Python's."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names - {own} - set(sys.stdlib_module_names)
