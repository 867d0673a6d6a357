"""Many rows under way at once, their results taken in by one thread."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TYPE_CHECKING, TypeVar

from singer_sdk.exceptions import FatalAPIError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_all(  # noqa: PLR0913 - a loop with its parts as arguments, which a class would only rename
    executor: Executor,
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    window: int,
    record: Callable[[Item, Result], None],
    objection: Callable[[], str | None],
) -> None:
    """Do `work` for every item, at most `window` handed out at a time.

    Whatever ends it, an error or an objection, nothing more is started, what is under way is finished, and `record` has
    been called for everything that was done.

    Args:
        executor: does the work.
        work: called in a worker's thread.
        items: read as needed.
        window: items in the hands of the executor.
        record: called in this thread, in the order of completion.
        objection: asked before every item and after every record; a sentence stops the run.

    Raises:
        FatalAPIError: there was an objection. Besides, whatever `work` raises.
    """
    pending: dict[Future[Result], Item] = {}
    try:
        for item in items:
            _assert_none(objection)
            pending[executor.submit(work, item)] = item
            if len(pending) >= window:
                _collect(pending, record, objection)
        while pending:
            _collect(pending, record, objection)
    finally:
        _wind_up(pending, record)


def _collect(
    pending: dict[Future[Result], Item],
    record: Callable[[Item, Result], None],
    objection: Callable[[], str | None],
) -> None:
    done, _ = wait(pending, return_when=FIRST_COMPLETED)
    for future in done:
        result = future.result()
        record(pending.pop(future), result)
        _assert_none(objection)


def _assert_none(objection: Callable[[], str | None]) -> None:
    if sentence := objection():
        raise FatalAPIError(sentence)


def _wind_up(pending: dict[Future[Result], Item], record: Callable[[Item, Result], None]) -> None:
    for future in pending:
        future.cancel()
    wait(pending)
    for future, item in pending.items():
        if not future.cancelled() and future.exception() is None:
            record(item, future.result())
