"""The command `sandbox`: a mistake is answered with one sentence that names the option."""

from __future__ import annotations

import socket

import pytest
from click.testing import CliRunner
from sandbox.cli import main


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["--catalog", "3"], "Error: Setting 'catalog' is 1 or 2, not 3.", id="catalog"),
        pytest.param(["--customers", "-5"], "Error: Setting 'customers' is 0 or more, not -5.", id="size"),
        pytest.param(
            ["--seed", "x"], "Error: Invalid value for '--seed': 'x' is not a valid integer.", id="not a number"
        ),
    ],
)
def test_a_wrong_option_is_named(arguments: list[str], sentence: str) -> None:
    """A wrong option ends the command with exit code 2 and a sentence that names it."""
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.output.splitlines()[-1]) == (2, sentence)


def test_a_port_in_use_is_named() -> None:
    """A port in use ends the command with exit code 1 before it prints any address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(main, ["--customers", "1", "--port", port])
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: --host 127.0.0.1 --port {port} cannot be used: Address already")


def test_every_switch_is_an_option() -> None:
    """Settings are options with hyphens instead of underscores; boolean ones also have a --no- form."""
    output = CliRunner().invoke(main, ["--help"]).output
    assert "--list-lag" in output
    assert "--refuse-unknown-fields / --no-refuse-unknown-fields" in output
