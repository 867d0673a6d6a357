"""The lock of a target: on this machine and with this `memory_dir`, only one run writes at a time.

Meltano and `standpipe run` have their own locks, but a `kill -9` releases them while their target may still write. This
lock belongs to the target: a `flock` on a file, which the kernel releases when the target ends in any way.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import weakref
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from singer_sdk.exceptions import ConfigurationError

from .private_files import PLUGIN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: The name of the lock file in `memory_dir`.
LOCK_FILE = "run.lock"
#: Seconds that a run waits for the run before it, as an orphan stops after its current request.
PATIENCE = 30.0
_PAUSE = 0.1


class RunLock:
    """Held from the creation of this object until `release`, or until the process ends.

    Args:
        folder: the memory folder.
        patience: how long to wait for another run, in seconds.
        sleep: how to wait.

    Raises:
        ConfigurationError: another run holds it, or the file cannot be written.
    """

    def __init__(self, folder: Path, patience: float = PATIENCE, sleep: Callable[[float], None] = time.sleep) -> None:
        path = folder / LOCK_FILE
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._close = weakref.finalize(self, os.close, descriptor)
            for _ in range(1 + int(patience / _PAUSE)):
                if _try_lock(descriptor):
                    _write_holder(descriptor)
                    return
                sleep(_PAUSE)
        except OSError as error:
            raise ConfigurationError(
                f"The file {path} of `memory_dir` cannot be locked ({error.strerror}): set `memory_dir` to a folder on "
                "a local disk that can be written to."
            ) from None
        holder = _read_holder(descriptor)
        raise ConfigurationError(
            f"Another run of {PLUGIN} is under way ({holder}): no STATE was written, so run again when it has ended, "
            "or end that process first."
        )

    def release(self) -> None:
        """Release the lock."""
        self._close()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_holder(descriptor: int) -> None:
    """Note which process has the lock, and since when."""
    content = json.dumps({"pid": os.getpid(), "since": int(time.time())}).encode()
    os.pwrite(descriptor, content, 0)
    os.ftruncate(descriptor, len(content))


def _read_holder(descriptor: int) -> str:
    """Return in words which process has the lock."""
    try:
        holder = json.loads(os.pread(descriptor, 1000, 0))
        since = datetime.fromtimestamp(holder["since"], UTC)
        return f"process {holder['pid']:d}, since {since:%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, KeyError, TypeError):
        return "a process that has just started"
