"""The lock of a target: one run at a time writes, on this machine and with this `memory_dir`.

Meltano and `standpipe run` have locks of their own, which a `kill -9` of them gives back while their target may still
write. This one is the target's own: a `flock` on a file, which the kernel gives back when the target ends, however it
ends.
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

#: The name of its file in `memory_dir`.
LOCK_FILE = "run.lock"
#: How long a run waits for the one before it: an orphan stops when its request under way is answered.
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
        """Give the lock back."""
        self._close()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_holder(descriptor: int) -> None:
    """Note who holds the lock, and since when."""
    content = json.dumps({"pid": os.getpid(), "since": int(time.time())}).encode()
    os.pwrite(descriptor, content, 0)
    os.ftruncate(descriptor, len(content))


def _read_holder(descriptor: int) -> str:
    """Return who holds the lock, in words."""
    try:
        holder = json.loads(os.pread(descriptor, 1000, 0))
        since = datetime.fromtimestamp(holder["since"], UTC)
        return f"process {holder['pid']:d}, since {since:%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, KeyError, TypeError):
        return "a process that has just started"
