"""Chargebee's limits: so many calls a minute, and so many reads at once, https://apidocs.chargebee.com/docs/api#api_limits.

A breach of either is a 429 with ``Retry-After``.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sandbox.chargebee.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.settings import Settings

MINUTE = 60
_MESSAGE = "Sorry, your API request limit has been reached. Please try again after some time."


class Limits:
    """A site's limits, and how much of them is used.

    Args:
        settings: calls per minute and concurrent reads; 0 for no limit.
        monotonic: real time, in seconds.
    """

    def __init__(self, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = settings.chargebee_requests_per_minute
        self._max_gets = settings.chargebee_max_concurrent_gets
        self._monotonic = monotonic
        self._began = monotonic()
        self._used = 0
        self._reading = 0

    @contextmanager
    def admit(self, method: str) -> Iterator[tuple[RefusedError, dict[str, str]] | None]:
        """Count one call within this context, and yield the refusal and its headers when it is over a limit."""
        elapsed = self._monotonic() - self._began
        if elapsed >= MINUTE:
            self._began += elapsed - elapsed % MINUTE
            self._used = 0
        self._used += 1
        self._reading += method == "GET"
        try:
            yield self._refuse(method)
        finally:
            self._reading -= method == "GET"

    def _refuse(self, method: str) -> tuple[RefusedError, dict[str, str]] | None:
        if self._per_minute and self._used > self._per_minute:
            seconds = max(1, math.ceil(MINUTE - (self._monotonic() - self._began)))
        elif self._max_gets and method == "GET" and self._reading > self._max_gets:
            seconds = 1
        else:
            return None
        return RefusedError(429, "api_request_limit_exceeded", _MESSAGE), {"Retry-After": str(seconds)}
