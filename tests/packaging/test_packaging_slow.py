"""tests/slow.txt lists the tests that the daily loop leaves out."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LINES = (TESTS / "slow.txt").read_text(encoding="utf-8").splitlines()[1:]


@pytest.mark.parametrize("line", LINES)
def test_a_slow_test_is_there(line: str) -> None:
    """Each name in the list is an existing test, so a renamed test does not stay under its old name."""
    place, *names = line.split("::")
    path = TESTS.parent / place
    assert path.exists()
    if names:
        found = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
        assert names[-1] in found
