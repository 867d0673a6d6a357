"""A rate limiter whose requests never exceed the limit at the server, however they are delayed.

https://dev.chartmogul.com/docs/rate-limits
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SECOND = 1.0
_MARGIN = 0.005  # seconds that a window lasts longer than the server's
_SHARE = 0.98  # the used share of the rate, so that small delays do not fill a window
_LONGEST_TRUSTED = 0.2  # seconds; the rest of a longer reply time may be a delay of the request
_POLL = 0.01  # seconds between two checks whether any reply has come


class WindowRateLimiter:
    """Sends requests evenly, with at most `per_second` in any second at the server.

    The arrival of a request is not known: it lies between its sending and its reply, and either machine may be busy and
    delay it. So a request counts from its sending until a second after its reply. The duration of the fastest reply is
    subtracted, as the next requests need that time, too. This holds after the first reply without a delay. Before that,
    a few requests too many are possible, and ChartMogul answers them with 429.

    Args:
        per_second: the number of requests that the server permits.
        clock: returns a monotonic time in seconds.
        sleep: waits this many seconds; by default `time.sleep`.
    """

    def __init__(
        self,
        per_second: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self._clock, self._sleep = clock, sleep or time.sleep
        self._interval = _SECOND / (per_second * _SHARE)
        self._max_in_window = max(1, round(per_second * _SHARE))
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._unanswered = 0
        self._replies: deque[float] = deque()  #: the times of the replies to requests that still count
        self._fastest: float | None = None
        self._next = self._resume_at = 0.0
        self.waits, self.waited = 0, 0.0

    @contextmanager
    def wait_for_turn(self) -> Iterator[None]:
        """Wait until a request may be sent. The body of the `with` statement is that request and its reply."""
        sent_at = self._wait_for_turn()
        try:
            yield
        finally:
            with self._lock:
                now = self._clock()
                self._unanswered -= 1
                self._replies.append(now)
                fastest = _LONGEST_TRUSTED if self._fastest is None else self._fastest
                self._fastest = min(fastest, now - sent_at)

    def pause_requests(self, seconds: float) -> None:
        """Send no request for this many seconds, as the server answered that there were too many."""
        with self._lock:
            self._resume_at = max(self._resume_at, self._clock() + seconds)
            self.waits += 1
            self.waited += seconds

    def note_limit(self, calls: int) -> None:
        """Do nothing, as ChartMogul does not say how many requests it permits."""

    def _wait_for_turn(self) -> float:
        with self._turn:
            while (pause := self._find_next_moment() - self._clock()) > 0:
                self._sleep(pause)
            now = self._clock()
            # The times are evenly spaced, and a thread that wakes up late does not delay the next ones.
            self._next = max(self._next, now - self._interval) + self._interval
            with self._lock:
                self._unanswered += 1
            return now

    def _find_next_moment(self) -> float:
        """Return the time of the next request, or the time at which it can be known."""
        with self._lock:
            now = self._clock()
            window = _SECOND + _MARGIN - (self._fastest or 0.0)
            while self._replies and self._replies[0] + window <= now:
                self._replies.popleft()
            moment = max(self._next, self._resume_at)
            if self._unanswered + len(self._replies) < self._max_in_window:
                return moment
            # The window is full. It has room after its oldest reply leaves it, or after another reply comes.
            return max(moment, self._replies[0] + window if self._replies else now + _POLL)
