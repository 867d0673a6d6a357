"""Creating what must not be created twice, over a connection that loses replies."""

from __future__ import annotations

from logging import DEBUG
from typing import TYPE_CHECKING, TypeVar

import backoff

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def create_once(attempt: Callable[[bool], T], lost: type[Exception], *, tries: int, longest: float) -> T:
    """Return what an attempt returns; after a lost reply attempt it again.

    Args:
        attempt: creates; its argument says whether an earlier attempt may have done so, and then it looks first.
        lost: what is raised when a reply is lost.
        tries: how many attempts are made.
        longest: the longest pause between two of them, in seconds.

    Raises:
        Exception: the one of the last attempt.
    """
    # Before the first attempt nothing can exist, so the look that costs a call is spared.
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
