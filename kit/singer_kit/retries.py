"""Which calls are made again, how often, and after what wait."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import backoff

if TYPE_CHECKING:
    from collections.abc import Iterator

TOO_MANY_REQUESTS = 429
RETRIED = frozenset({408, TOO_MANY_REQUESTS, *range(500, 600)})
"""The statuses that may pass: all of them say that nothing is wrong with the request."""


@dataclass(frozen=True, kw_only=True)
class RetryTable:
    """Which answers of a vendor are asked for again, how often and how long; nothing else decides.

    Args:
        tries: attempts at a call that fails.
        limited_tries: attempts at a call that is answered 429 while no other call succeeds.
        unproven_tries: attempts at a call whose answers prove nothing: that passes soon, or stays.
        statuses: what may pass.
        shortest_backoff: the upper bound of the first wait, seconds; it doubles with every attempt.
        longest_backoff: the upper bound of any wait that the server does not ask for.
        limited_wait: the wait after a 429 that tells none, seconds; None doubles it as above.
        longest_wait: the longest wait that a server may ask for: a run ends in a sentence when it asks for more.
    """

    tries: int
    limited_tries: int
    unproven_tries: int = 4
    statuses: frozenset[int] = RETRIED
    shortest_backoff: float = 1.0
    longest_backoff: float = 60.0
    limited_wait: float | None = None
    longest_wait: float = 300.0

    def generate_backoffs(self) -> Iterator[float]:
        """Yield the upper bounds of the waits between two attempts."""
        # The generator's first value starts it.
        return islice(backoff.expo(factor=self.shortest_backoff, max_value=self.longest_backoff), 1, None)
