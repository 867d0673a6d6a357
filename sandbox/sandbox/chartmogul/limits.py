"""ChartMogul's limits: requests in a second of real time, and requests at once.

https://dev.chartmogul.com/docs/rate-limits
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sandbox.chartmogul.errors import Refusal, build_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Gate:
    """Admits requests.

    Args:
        per_second: how many in any second, wherever it begins.
        at_once: how many at the same time.
        monotonic: real time, in seconds.
    """

    def __init__(self, per_second: int, at_once: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._monotonic = monotonic
        self._admitted: deque[float] = deque()
        self._inside = 0

    @contextmanager
    def enter(self) -> Iterator[Refusal | None]:
        """Serve one request within this context, and yield the refusal of one that is not admitted."""
        self._inside += 1
        try:
            yield self._refuse()
        finally:
            self._inside -= 1

    def _refuse(self) -> Refusal | None:
        if self._inside > self._at_once:
            # The text has not been recorded from the vendor.
            return build_refusal(503, "Too many simultaneous connections.")
        now = self._monotonic()
        while self._admitted and self._admitted[0] <= now - 1:
            self._admitted.popleft()
        if len(self._admitted) >= self._per_second:
            return build_refusal(429, "Your request rate has exceeded our rate limit.")
        self._admitted.append(now)
        return None
