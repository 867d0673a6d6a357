"""Holding a rate that the server must never see exceeded, however requests are delayed on their way.

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
_MARGIN = 0.005  # seconds by which a window is kept longer than the server's
_SHARE = 0.98  # of the rate that is aimed at, so that small delays do not fill a window
_MOST_USUAL = 0.2  # seconds: what a reply takes longer than this may always have been a delay on the way there
_POLL = 0.01  # seconds between two looks at whether any reply has come


class Pace:
    """Lets requests go one after the other, evenly, and never more than `per_second` into any second of the server's.

    Nobody tells when a request arrived. It was between its leaving and its reply, and a busy machine, this one or the
    server's, may have kept it anywhere between. So a request may arrive now until it is answered, and fills the window
    for a second from its reply on. What the fastest reply took is taken off: the next requests need that time, too.

    Args:
        per_second: how many the server lets in.
        clock: seconds of a clock that never goes back.
        sleep: waits so many seconds; `time.sleep` if not given.
    """

    def __init__(
        self,
        per_second: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self._clock, self._sleep = clock, sleep or time.sleep
        self._interval = _SECOND / (per_second * _SHARE)
        self._most = max(1, round(per_second * _SHARE))
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._unanswered = 0
        self._replies: deque[float] = deque()  #: when the replies came whose requests fill the window
        self._fastest: float | None = None
        self._next = self._resume_at = 0.0
        self.waits, self.waited = 0, 0.0

    @contextmanager
    def request(self) -> Iterator[None]:
        """Wait for one's turn; what is done inside is one request and its reply."""
        left = self._take_turn()
        try:
            yield
        finally:
            self._note_reply(left)

    def hold(self, seconds: float) -> None:
        """Let no request go for so long: the server has said that there were too many."""
        with self._lock:
            self._resume_at = max(self._resume_at, self._clock() + seconds)
            self.waits += 1
            self.waited += seconds

    def _take_turn(self) -> float:
        with self._turn:
            while (pause := self._moment() - self._clock()) > 0:
                self._sleep(pause)
            now = self._clock()
            # An even row of moments, which a thread that woke up late does not push back.
            self._next = max(self._next, now - self._interval) + self._interval
            with self._lock:
                self._unanswered += 1
            return now

    def _moment(self) -> float:
        """Return the moment at which the next request may go, or at which that can be said."""
        with self._lock:
            now = self._clock()
            kept = _SECOND + _MARGIN - (self._fastest or 0.0)
            while self._replies and self._replies[0] + kept <= now:
                self._replies.popleft()
            moment = max(self._next, self._resume_at)
            if self._unanswered + len(self._replies) < self._most:
                return moment
            return max(moment, self._replies[0] + kept if self._replies else now + _POLL)

    def _note_reply(self, left: float) -> None:
        with self._lock:
            now = self._clock()
            self._unanswered -= 1
            self._replies.append(now)
            fastest = _MOST_USUAL if self._fastest is None else self._fastest
            self._fastest = min(fastest, now - left)
