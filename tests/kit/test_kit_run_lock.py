"""A target allows one run at a time. A second run waits for an orphan, and then names the process that has the lock."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from singer_kit.run_lock import LOCK_FILE, RunLock
from singer_sdk.exceptions import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_run_ends_with_a_sentence(tmp_path: Path) -> None:
    """After its patience, the error names the process and its start. Later the lock is free again."""
    first = RunLock(tmp_path)
    pauses: list[float] = []
    with pytest.raises(ConfigurationError) as raised:
        RunLock(tmp_path, patience=2, sleep=pauses.append)
    assert sum(pauses) == pytest.approx(2, abs=0.2)
    assert re.fullmatch(
        rf"Another run of \S+ is under way \(process {os.getpid()}, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC\): "
        r"no STATE was written, so run again when it has ended, or end that process first\.",
        str(raised.value),
    )
    first.release()
    first.release()
    RunLock(tmp_path, sleep=pauses.append).release()
    assert (tmp_path / LOCK_FILE).stat().st_mode & 0o777 == 0o600


def test_a_run_goes_on_when_the_one_before_it_has_stopped(tmp_path: Path) -> None:
    """The first run was an orphan that finished its last request."""
    first = RunLock(tmp_path)
    RunLock(tmp_path, sleep=lambda _: first.release()).release()


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    """It is released in any case, and leaves nothing for a person to remove."""
    child = os.fork()
    if child == 0:
        RunLock(tmp_path)
        os._exit(9)
    os.waitpid(child, 0)
    RunLock(tmp_path, patience=0).release()


def test_a_holder_that_is_not_named_yet(tmp_path: Path) -> None:
    """The lock file may be empty for a moment, or damaged."""
    first = RunLock(tmp_path)
    (tmp_path / LOCK_FILE).write_text("{")
    with pytest.raises(ConfigurationError, match=r"under way \(a process that has just started\)"):
        RunLock(tmp_path, patience=0)
    first.release()


def test_a_folder_that_cannot_be_locked(tmp_path: Path) -> None:
    """The error names the folder and its setting."""
    (tmp_path / LOCK_FILE).mkdir()
    with pytest.raises(ConfigurationError, match=r"of `memory_dir` cannot be locked \(Is a directory\)"):
        RunLock(tmp_path)
