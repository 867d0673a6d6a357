"""Opens Intercom's scroll over the companies. A workspace can have only one at a time.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/scrolloverallcompanies
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from .retries import TOO_MANY_REQUESTS
from .transport import FailedCallError, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def open_scroll(  # noqa: PLR0913 what to call, how often, how long, and the two clocks
    fetch_first_page: Callable[[Callable[[FailedCallError], None]], T],
    *,
    is_taken: Callable[[Exception], bool],
    tries: int,
    patience: float,
    pause: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Return the first page of the scroll; while another scroll is open, wait for its end.

    An open scroll expires when it is not read for a minute.

    Args:
        fetch_first_page: opens the scroll; it reports every failed attempt to the given function.
        is_taken: returns whether an error says that another scroll is open.
        tries: how often an opening may fail and leave a scroll behind.
        patience: how long to wait for the end of other scrolls, seconds.
        pause: the wait between two openings, seconds.
        sleep: waits for a number of seconds.
        clock: returns a monotonic time in seconds.

    Raises:
        NoAnswerError: the openings failed; it names the last failure.
        Exception: what `fetch_first_page` raised, also when another scroll was open for too long.
    """
    deadline = clock() + patience
    failures: list[FailedCallError] = []
    while True:
        attempts: list[FailedCallError] = []
        try:
            return fetch_first_page(attempts.append)
        except Exception as error:
            if not is_taken(error):
                raise
            # If the scroll is taken right after a failed attempt, that attempt opened it, and nobody can read it.
            # Without the count, the run would wait for its end repeatedly and then name a wrong cause.
            failures += [one for one in attempts if one.status != TOO_MANY_REQUESTS][-1:]
            is_late = clock() >= deadline
            if failures and (is_late or len(failures) >= tries):
                raise NoAnswerError(len(failures), failures[-1]) from None
            if is_late:
                raise
        sleep(pause)
