"""Holding a rate that the server must never see exceeded, however requests are delayed on their way.

https://dev.chartmogul.com/docs/rate-limits
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SECOND = 1.0
_MARGIN = 0.005  # seconds by which a window is kept longer than the server's
_SHARE = 0.98  # of the rate that is aimed at, so that small delays do not fill a window
_MOST_LATE = 0.5  # seconds by which a request is believed to be late at most: it may be the server that is slow


@dataclass(eq=False)
class _Sent:
    """A request: when it left, and how late it arrived, as far as its reply has told."""

    at: float
    late: float | None = None


class Pace:
    """Lets requests go one after the other, evenly, and never more than `per_second` into any second of the server's.

    When a request arrives is not known, but a reply that takes longer than the fastest one may have been late on its
    way there: such a request counts from that much later on. One that was not answered yet counts as that late, too.

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
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._sent: deque[_Sent] = deque(maxlen=per_second)
        self._fastest = float("inf")
        self._next = self._resume_at = 0.0
        self.waits, self.waited = 0, 0.0

    @contextmanager
    def request(self) -> Iterator[None]:
        """Wait for one's turn; what is done inside is one request and its reply."""
        sent = self._take_turn()
        yield
        self._note(sent)

    def hold(self, seconds: float) -> None:
        """Let no request go for so long: the server has said that there were too many."""
        with self._lock:
            self._resume_at = max(self._resume_at, self._clock() + seconds)
            self.waits += 1
            self.waited += seconds

    def _take_turn(self) -> _Sent:
        with self._turn:
            while (pause := self._moment() - self._clock()) > 0:
                self._sleep(pause)
            now = self._clock()
            # An even row of moments, which a thread that woke up late does not push back.
            self._next = max(self._next, now - self._interval) + self._interval
            sent = _Sent(now)
            with self._lock:
                self._sent.append(sent)
            return sent

    def _moment(self) -> float:
        """Give the moment at which the next request may go, as far as is known by now."""
        with self._lock:
            moment = max(self._next, self._resume_at)
            if len(self._sent) == self._sent.maxlen:
                oldest = self._sent[0]
                moment = max(moment, oldest.at + self._lateness(oldest) + _SECOND + _MARGIN)
            return moment

    def _lateness(self, sent: _Sent) -> float:
        taken = self._clock() - sent.at - self._fastest if sent.late is None else sent.late
        return min(max(taken, 0.0), _MOST_LATE)

    def _note(self, sent: _Sent) -> None:
        with self._lock:
            taken = self._clock() - sent.at
            self._fastest = min(self._fastest, taken)
            sent.late = taken - self._fastest
