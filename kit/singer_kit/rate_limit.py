"""When a worker may send a request: after the server's wait, and within the rate limit."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

MINUTE = 60
# Calls do not arrive as evenly as they are sent, so using the whole limit would exceed it in some minutes.
SPENT = 0.98


class LimitError(Exception):
    """A rate limit that processes share cannot be used, so no request is sent."""


class Cooldown:
    """The time until which no worker sends a request. A 429 for one worker makes all workers wait."""

    def __init__(self, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._sleep = sleep
        self._clock = clock
        self._until = clock()
        self._lock = threading.Lock()

    def extend_wait(self, seconds: float) -> None:
        """Make all workers wait for this many seconds from now."""
        with self._lock:
            # The server may have asked another worker for a longer wait.
            self._until = max(self._until, self._clock() + seconds)

    def wait(self) -> None:
        """Return as soon as requests are allowed."""
        # The check is repeated after the sleep, because another 429 may have extended the wait.
        while (left := self._until - self._clock()) > 0:
            self._sleep(left)


class RateLimiter:
    """Allows a number of calls per minute, evenly spaced; None means no limit.

    Args:
        per_minute: the number of calls per minute.
        sleep: waits for a number of seconds.
        clock: returns a monotonic time in seconds.
    """

    def __init__(self, per_minute: int | None, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._every = MINUTE / (per_minute * SPENT) if per_minute else 0.0
        self._sleep = sleep
        self._clock = clock
        self._next = clock()
        self._lock = threading.Lock()

    def wait_for_slot(self) -> None:
        """Take the next slot, and return when its time comes."""
        if not self._every:
            return
        with self._lock:
            # Unused slots expire, as a later burst would exceed the limit.
            place = max(self._next, self._clock())
            self._next = place + self._every
        if (left := place - self._clock()) > 0:
            self._sleep(left)


class Pacer(Protocol):
    """Decides when a request may be sent."""

    def wait_for_turn(self) -> AbstractContextManager[None]:
        """Wait until a request may be sent. The body of the `with` statement is one request and its answer."""

    def pause_requests(self, seconds: float) -> None:
        """Send no request for this many seconds."""

    def note_limit(self, calls: int) -> None:
        """Note how many calls the vendor says that it permits in a window."""


class CooldownPacer:
    """Sends requests unless the server asked to wait, and only a limited number per minute."""

    def __init__(
        self, requests_per_minute: int | None, sleep: Callable[[float], None], clock: Callable[[], float]
    ) -> None:
        self._cooldown = Cooldown(sleep, clock)
        self._limiter = RateLimiter(requests_per_minute, sleep, clock)

    @contextmanager
    def wait_for_turn(self) -> Iterator[None]:
        """Wait until a request may be sent."""
        self._cooldown.wait()
        self._limiter.wait_for_slot()
        yield

    def pause_requests(self, seconds: float) -> None:
        """Send no request for this many seconds."""
        self._cooldown.extend_wait(seconds)

    def note_limit(self, calls: int) -> None:
        """Do nothing: the answers themselves say when to wait."""
