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
    """What a site's plan allows, and how much of it is used up.

    Args:
        settings: calls a minute and reads at once; 0 for no limit.
        monotonic: real time, in seconds.
    """

    def __init__(self, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._a_minute = settings.chargebee_requests_per_minute
        self._at_once = settings.chargebee_max_concurrent_gets
        self._monotonic = monotonic
        self._began = monotonic()
        self._used = 0
        self._reading = 0

    @contextmanager
    def admit(self, method: str) -> Iterator[tuple[RefusedError, dict[str, str]] | None]:
        """Serve one call within this context; or the refusal and its headers, when it is one too many."""
        self._turn()
        self._used += 1
        self._reading += method == "GET"
        try:
            yield self._refusal(method)
        finally:
            self._reading -= method == "GET"

    def _turn(self) -> None:
        elapsed = self._monotonic() - self._began
        if elapsed >= MINUTE:
            self._began += elapsed - elapsed % MINUTE
            self._used = 0

    def _refusal(self, method: str) -> tuple[RefusedError, dict[str, str]] | None:
        left = math.ceil(MINUTE - (self._monotonic() - self._began))
        if self._a_minute and self._used > self._a_minute:
            return _refused(left)
        if self._at_once and method == "GET" and self._reading > self._at_once:
            return _refused(1)
        return None


def _refused(seconds: int) -> tuple[RefusedError, dict[str, str]]:
    return RefusedError(429, "api_request_limit_exceeded", _MESSAGE), {"Retry-After": str(max(seconds, 1))}
