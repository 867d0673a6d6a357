"""The lock of a job: only one run at a time on this machine, scheduled runs before live ones.

A lock is a `flock` on a file. The kernel releases it when its last holder dies, in whatever way.
"""

from __future__ import annotations

import fcntl
import time
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_POLL_SECONDS = 0.5


class JobLock:
    """The lock of one job.

    Args:
        folder: the folder of the lock files, created if it is missing.
        job: the name of the job.
    """

    def __init__(self, folder: Path, job: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / f"{job}.lock"
        self._queue_path = folder / f"{job}.next"

    @contextmanager
    def hold(
        self, seconds: float, *, gives_way: bool = False, sleep: Callable[[float], None] = time.sleep
    ) -> Iterator[IO[str] | None]:
        """Wait for the lock and hold it; yield None if it did not become free in time.

        Only one run waits. Another one gives up at once, because the waiting run will read everything that it would
        read.

        Args:
            seconds: how long to wait.
            gives_way: let other runs that wait go first. Live runs set this, so scheduled runs go before them.
            sleep: how to wait.
        """
        with ExitStack() as stack:
            lock = stack.enter_context(self._path.open("a"))
            queue = stack.enter_context(self._queue_path.open("a"))
            if gives_way:
                taken = self._wait_behind(lock, queue, seconds, sleep)
            else:
                taken = _try_lock(lock) or (
                    # A run that gives way holds the queue only briefly, so a single refusal means nothing.
                    _wait_for(queue, min(seconds, 2.0), sleep) and _wait_for(lock, seconds, sleep)
                )
                fcntl.flock(queue, fcntl.LOCK_UN)
            yield lock if taken else None

    def is_free(self) -> bool:
        """Return whether the lock is free now."""
        with self._path.open("a") as lock:
            return _try_lock(lock)

    def is_queue_free(self) -> bool:
        """Return whether no run is waiting for the lock now."""
        with self._queue_path.open("a") as queue:
            return _try_lock(queue)

    def _wait_behind(self, lock: IO[str], queue: IO[str], seconds: float, sleep: Callable[[float], None]) -> bool:
        """Take the lock only while no other run is waiting for it."""
        for _ in range(1 + int(seconds / _POLL_SECONDS)):
            if _try_lock(queue):
                taken = _try_lock(lock)
                fcntl.flock(queue, fcntl.LOCK_UN)
                if taken:
                    return True
            sleep(_POLL_SECONDS)
        return False


def _wait_for(lock: IO[str], seconds: float, sleep: Callable[[float], None]) -> bool:
    for _ in range(int(seconds / _POLL_SECONDS)):
        if _try_lock(lock):
            return True
        sleep(_POLL_SECONDS)
    return False


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
