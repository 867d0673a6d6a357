"""Slow answers: computed in the background, kept for a while, so that a page shows progress instead of waiting."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

#: How long an answer is kept, in seconds, and how many are.
KEEP, MOST = 60.0, 50
_WORKERS = 2


@dataclass(frozen=True)
class _Entry:
    future: Future[Any]
    started_at: float


class BackgroundResults:
    """Computes answers side by side, at most `_WORKERS` at a time.

    Args:
        clock: seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._executor = ThreadPoolExecutor(_WORKERS, thread_name_prefix="page")
        self._entries: dict[Hashable, _Entry] = {}

    def get(self, key: Hashable, compute: Callable[[], Any], *, patience: float = 0.3) -> Any | None:
        """Return the answer, or None while it is being computed.

        Raises:
            Exception: what `compute` raised.
        """
        now = self._clock()
        entry = self._entries.get(key)
        if entry is None or (entry.future.done() and now - entry.started_at > KEEP):
            self._forget_old(now)
            entry = self._entries[key] = _Entry(self._executor.submit(compute), now)
        try:
            return entry.future.result(patience)
        except FutureTimeoutError:
            if entry.future.done():
                raise  # it is the answer's own
            return None

    def forget(self, key: Hashable) -> None:
        """Forget an answer, so that it is computed again."""
        self._entries.pop(key, None)

    def close(self) -> None:
        """Cancel what has not started yet."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _forget_old(self, now: float) -> None:
        done = [key for key, entry in self._entries.items() if entry.future.done()]
        for key in done:
            if now - self._entries[key].started_at > KEEP or len(self._entries) > MOST:
                del self._entries[key]
