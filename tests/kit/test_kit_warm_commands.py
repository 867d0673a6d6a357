"""Commands that tests fork from a warm process behave as in their own process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from warm_commands import CommandServer, run_command

TAP = Path(sys.executable).with_name("tap-chargebee")


@pytest.mark.parametrize(
    "arguments",
    [["--about", "--format=json"], ["--config", "ENV"], ["--no-such-option"]],
    ids=["succeeds", "is refused", "is not understood"],
)
def test_a_command_ends_as_in_a_process_of_its_own(arguments: list[str], tmp_path: Path) -> None:
    """Exit code, output and log are the same except the time of day, whatever ran before."""
    env = {"TAP_CHARGEBEE_SITE": "not a site", "LANG": "C.UTF-8"}
    command = [str(TAP), *arguments]
    alone = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    for _ in range(2):
        warm = run_command(command, cwd=tmp_path, env=env)
        assert (warm.returncode, warm.stdout) == (alone.returncode, alone.stdout)
        assert [line[24:] for line in warm.stderr.splitlines()] == [line[24:] for line in alone.stderr.splitlines()]


def test_the_server_is_started_again_after_its_end() -> None:
    """A command starts a new server after the old one was stopped."""
    server = CommandServer()
    assert server.run([TAP, "--version"]).stdout.startswith("tap-chargebee v")
    server.stop()
    assert server.run([TAP, "--version"]).stdout.startswith("tap-chargebee v")
    server.stop()
