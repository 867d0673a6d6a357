"""When a worker may send a request: not while the server said to wait, and not above the rate limit."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

MINUTE = 60
# Calls do not arrive as evenly as they are sent: a budget spent to its end would be overdrawn within some minute.
SPENT = 0.98


class Cooldown:
    """The time until which no worker sends a request: one worker's 429 makes all of them wait."""

    def __init__(self, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._sleep = sleep
        self._clock = clock
        self._until = clock()
        self._lock = threading.Lock()

    def extend_wait(self, seconds: float) -> None:
        """Make all workers wait for this many seconds from now."""
        with self._lock:
            # Another worker may have been told to wait longer.
            self._until = max(self._until, self._clock() + seconds)

    def wait(self) -> None:
        """Return as soon as asking is allowed."""
        # Looked at again after the sleep, because another 429 may have extended the wait.
        while (left := self._until - self._clock()) > 0:
            self._sleep(left)


class RateLimiter:
    """So many calls a minute, evenly spaced; None is no limit.

    Args:
        per_minute: the calls that the site may be asked in a minute.
        sleep: waits for so many seconds.
        clock: seconds, from any start, that only grow.
    """

    def __init__(self, per_minute: int | None, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._every = MINUTE / (per_minute * SPENT) if per_minute else 0.0
        self._sleep = sleep
        self._clock = clock
        self._next = clock()
        self._lock = threading.Lock()

    def wait_for_slot(self) -> None:
        """Take the next place in the row, and return when it comes."""
        if not self._every:
            return
        with self._lock:
            # Time that passed unused is not saved up: a burst afterwards would break the limit.
            place = max(self._next, self._clock())
            self._next = place + self._every
        if (left := place - self._clock()) > 0:
            self._sleep(left)


class Pacer(Protocol):
    """Says when a request may go."""

    def wait_for_turn(self) -> AbstractContextManager[None]:
        """Wait for one's turn; what is done inside is one request and its answer."""

    def pause_requests(self, seconds: float) -> None:
        """Let no request go for so long."""


class CooldownPacer:
    """Lets requests pass unless the server asked to wait, and only a limited number per minute."""

    def __init__(
        self, requests_per_minute: int | None, sleep: Callable[[float], None], clock: Callable[[], float]
    ) -> None:
        self._cooldown = Cooldown(sleep, clock)
        self._limiter = RateLimiter(requests_per_minute, sleep, clock)

    @contextmanager
    def wait_for_turn(self) -> Iterator[None]:
        """Wait for one's turn."""
        self._cooldown.wait()
        self._limiter.wait_for_slot()
        yield

    def pause_requests(self, seconds: float) -> None:
        """Let no request go for so long."""
        self._cooldown.extend_wait(seconds)
