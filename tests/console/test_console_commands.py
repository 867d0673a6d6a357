"""The commands of `standpipe` are imported only when they run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from standpipe_console.cli import PLACES, main

HEAVY = {"questionary", "starlette", "uvicorn"}


@pytest.mark.parametrize("name", PLACES)
def test_a_command_stands_where_the_group_looks_for_it(name: str) -> None:
    """The group finds each command under its name."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name


def test_help_lists_every_command() -> None:
    """The list includes commands that are not imported yet."""
    printed = CliRunner().invoke(main, ["--help"]).output
    listed = {line.split()[0] for line in printed.partition("Commands:")[2].splitlines() if line.strip()}
    assert {*PLACES, "clean", "doctor", "erase", "explain", "status", "unlink"} <= listed


def test_a_check_imports_no_web_server_and_no_prompts() -> None:
    """Commands for which a person waits import only what they need."""
    looked = "import sys, standpipe_console.cli; print(*sys.modules)"
    printed = subprocess.run([Path(sys.executable), "-c", looked], capture_output=True, text=True, check=True).stdout
    assert HEAVY & set(printed.split()) == set()
