"""ChartMogul's limits: requests in a second of real time, and requests at once.

https://dev.chartmogul.com/docs/rate-limits
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sandbox.chartmogul.errors import Refusal, too_fast, too_many_connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Gate:
    """Lets requests in.

    Args:
        per_second: how many in any second, wherever it begins.
        at_once: how many at the same time.
        monotonic: real time, in seconds.
    """

    def __init__(self, per_second: int, at_once: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._monotonic = monotonic
        self._let_in: deque[float] = deque()
        self._inside = 0

    @contextmanager
    def enter(self) -> Iterator[Refusal | None]:
        """One request, from its arrival to its answer; gives the refusal when it is not let in."""
        self._inside += 1
        try:
            yield too_many_connections() if self._inside > self._at_once else self._too_fast()
        finally:
            self._inside -= 1

    def _too_fast(self) -> Refusal | None:
        now = self._monotonic()
        while self._let_in and self._let_in[0] <= now - 1:
            self._let_in.popleft()
        if len(self._let_in) >= self._per_second:
            return too_fast()
        self._let_in.append(now)
        return None
