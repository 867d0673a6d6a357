"""Which calls are repeated, how often, and after which wait."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import backoff

if TYPE_CHECKING:
    from collections.abc import Iterator

TOO_MANY_REQUESTS = 429
RETRIED = frozenset({408, TOO_MANY_REQUESTS, *range(500, 600)})
"""Temporary statuses. None of them means that the request is wrong."""


@dataclass(frozen=True, kw_only=True)
class RetryTable:
    """Decides which of a vendor's answers lead to another attempt, how many there are, and how long the waits are.

    Args:
        tries: attempts for a call that fails.
        limited_tries: attempts for a call that gets 429 while no other call succeeds.
        unproven_tries: attempts for a call with invalid answers, which are usually either brief or permanent.
        statuses: the temporary statuses.
        shortest_backoff: the upper bound of the first wait in seconds; it doubles with every attempt.
        longest_backoff: the upper bound of any wait that the server does not ask for.
        limited_wait: the wait after a 429 without a time, in seconds; None doubles it as above.
        longest_wait: the longest wait that a server may ask for. A longer one ends the run with a sentence.
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
        """Yield the upper bounds of the waits between attempts."""
        # The first value of `backoff.expo` is None, which only starts the generator.
        return islice(backoff.expo(factor=self.shortest_backoff, max_value=self.longest_backoff), 1, None)


class AttemptCounter:
    """Counts the failed attempts of one call, and says how many of their kind are permitted.

    Args:
        table: the limits.
        tries: attempts for a call that fails; None for the table's number.
        served: the number of calls that were answered so far.
    """

    def __init__(self, table: RetryTable, tries: int | None, served: int) -> None:
        self._table, self._tries = table, table.tries if tries is None else tries
        self._served = served
        self._failed = self._unproven = self._limited = 0

    def count_failure(self, status: int | None, served: int) -> tuple[int, int]:
        """Count a failed attempt, and return how many of its kind there were and how many are permitted.

        Args:
            status: the status of its answer; None if there was no answer.
            served: the number of calls that were answered so far.
        """
        if status == TOO_MANY_REQUESTS:
            # If other calls got answers meanwhile, the rate limit is only busy, so the count starts again.
            self._limited = 1 if served != self._served else self._limited + 1
            self._served = served
            return self._limited, self._table.limited_tries
        if status is None or status in self._table.statuses:
            self._failed += 1
            return self._failed, self._tries
        self._unproven += 1
        return self._unproven, min(self._tries, self._table.unproven_tries)
