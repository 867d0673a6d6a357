"""Plugins that tests fork from a warm process behave as in their own process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from warm_plugins import VARIABLE, WarmPlugins, install_launcher

if TYPE_CHECKING:
    from collections.abc import Iterator

ENV = {"LANG": "C.UTF-8", "PATH": os.environ["PATH"]}


@pytest.fixture(scope="module")
def tap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an executable of tap-chargebee with a launcher in its place."""
    executable = tmp_path_factory.mktemp("bin") / "tap-chargebee"
    shutil.copy(Path(sys.executable).with_name("tap-chargebee"), executable)
    install_launcher(executable, Path(sys.executable))
    return executable


@pytest.fixture(scope="module")
def warm() -> Iterator[dict[str, str]]:
    """Yield an environment in which the tap starts warm."""
    plugins = WarmPlugins({"tap-chargebee": Path(sys.executable)})
    yield ENV | {VARIABLE: str(plugins.folder)}
    plugins.stop()


@pytest.mark.parametrize(
    "arguments",
    [["--about", "--format=json"], ["--config", "ENV"], ["--no-such-option"]],
    ids=["succeeds", "is refused", "is not understood"],
)
def test_a_plugin_ends_as_in_a_process_of_its_own(
    tap: Path, warm: dict[str, str], arguments: list[str], tmp_path: Path
) -> None:
    """Exit code, output and log are the same except the time of day, whatever ran before."""
    other = {"TAP_CHARGEBEE_SITE": "not a site"}
    alone, *forked = (
        subprocess.run([tap, *arguments], cwd=tmp_path, env=env | other, capture_output=True, text=True, check=False)
        for env in (ENV, warm, warm)
    )
    for one in forked:
        assert (one.returncode, one.stdout) == (alone.returncode, alone.stdout)
        assert [line[24:] for line in one.stderr.splitlines()] == [line[24:] for line in alone.stderr.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["forwarded", "of the launcher"])
def test_a_signal_ends_the_plugin(tap: Path, warm: dict[str, str], number: signal.Signals, tmp_path: Path) -> None:
    """A plugin that is told to stop does so, and one whose launcher is killed is killed too."""
    (tmp_path / "config.json").write_text('{"site": "a", "api_key": "b", "api_url": "http://127.0.0.1:1/"}')
    os.mkfifo(tmp_path / "catalog.json")
    words = [str(tap), "--config=config.json", "--catalog=catalog.json"]
    with (
        subprocess.Popen(words, cwd=tmp_path, env=warm, stderr=subprocess.DEVNULL) as launcher,
        # It can be opened when the plugin has begun, which then waits for its content.
        (tmp_path / "catalog.json").open("w"),
    ):
        plugin = find_plugin(tmp_path)
        launcher.send_signal(number)
        assert launcher.wait(60) != 0
        plugin.wait(60)


def find_plugin(folder: Path) -> psutil.Process:
    """Return the process that reads a folder's catalog."""
    while True:
        for process in psutil.process_iter():
            if reads(process, folder / "catalog.json"):
                return process


def reads(process: psutil.Process, path: Path) -> bool:
    """Return whether a process below this one has opened a file for reading."""
    folder = Path(f"/proc/{process.pid}/fd")
    try:
        return process.pid != os.getpid() and any(one.readlink() == path for one in folder.iterdir())
    except OSError:
        return False
