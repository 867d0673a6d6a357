"""The command `sandbox`: a mistake is one sentence that names the option."""

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
    """Exit code 2, as for every misuse of a command."""
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.output.splitlines()[-1]) == (2, sentence)


def test_a_port_in_use_is_named() -> None:
    """Exit code 1, before anything is announced."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(main, ["--customers", "1", "--port", port])
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: --host 127.0.0.1 --port {port} cannot be listened on: Address already")


def test_every_switch_is_an_option() -> None:
    """The names of the settings with hyphens; switches of two states have a no."""
    output = CliRunner().invoke(main, ["--help"]).output
    assert "--list-lag" in output
    assert "--refuse-unknown-fields / --no-refuse-unknown-fields" in output
