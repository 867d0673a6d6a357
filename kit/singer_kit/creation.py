"""How to create a record only once over a connection that loses replies."""

from __future__ import annotations

from logging import DEBUG
from typing import TYPE_CHECKING, TypeVar

import backoff

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def create_once(attempt: Callable[[bool], T], lost: type[Exception], *, tries: int, longest: float) -> T:
    """Return the result of an attempt. After a lost reply, try again.

    Args:
        attempt: creates the record. Its argument says whether an earlier attempt may have done so, so that it must
            look first.
        lost: the exception for a lost reply.
        tries: the number of attempts.
        longest: the longest pause between two attempts, in seconds.

    Raises:
        Exception: the exception of the last attempt.
    """
    # Before the first attempt nothing can exist, so the call that looks for it is not needed.
    may_exist = False

    def note(_: object) -> None:
        nonlocal may_exist
        may_exist = True

    @backoff.on_exception(
        backoff.expo, lost, max_tries=tries, factor=0.5, max_value=longest, on_backoff=note, giveup_log_level=DEBUG
    )
    def attempt_again() -> T:
        return attempt(may_exist)

    return attempt_again()
