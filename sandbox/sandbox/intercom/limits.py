"""Intercom's rate limit: a number of calls per window of ten seconds of real time.

https://developers.intercom.com/docs/references/rest-api/errors/rate-limiting
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 10


class Window:
    """Counts the calls of the running window.

    Args:
        limit: calls a window.
        monotonic: real time, in seconds.
    """

    def __init__(self, limit: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._monotonic = monotonic
        self._began = monotonic()
        self._used = 0

    def take(self) -> bool:
        """Use one call of the window; return False when none is left."""
        elapsed = self._monotonic() - self._began
        if elapsed >= SECONDS:
            self._began += elapsed - elapsed % SECONDS
            self._used = 0
        if self._used >= self.limit:
            return False
        self._used += 1
        return True

    def make_headers(self, now: int) -> dict[str, str]:
        """Return the headers of every authenticated response; the reset is on the clock whose present is `now`."""
        left = SECONDS - (self._monotonic() - self._began)
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.limit - self._used),
            "X-RateLimit-Reset": str(now + math.ceil(max(left, 0))),
        }
