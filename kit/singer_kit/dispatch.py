"""Parallel work whose results one thread records."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from singer_sdk.exceptions import FatalAPIError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def open_workers(size: int) -> Iterator[Executor]:
    """Start this many threads at once, and end them afterwards.

    An executor starts its threads one by one with the work. If the system refuses a thread, it raises although another
    thread then does the work: a record would be written without a report.
    """
    with ThreadPoolExecutor(size) as executor:
        all_started = Event()
        try:
            for _ in range(size):
                executor.submit(all_started.wait)
        finally:
            all_started.set()
        yield executor


def run_all(  # noqa: PLR0913 - a loop with its parts as arguments, which a class would only rename
    executor: Executor,
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    window: int,
    record: Callable[[Item, Result], None],
    find_stop_reason: Callable[[], str | None],
) -> None:
    """Call `work` for every item, with at most `window` items in progress.

    After an error or a reason to stop, nothing more starts. Work in progress is finished, and `record` is called for
    all of it.

    Args:
        executor: does the work.
        work: called in a worker's thread.
        items: read as needed.
        window: the number of items in progress.
        record: called in this thread, in the order of completion.
        find_stop_reason: called before every item and after every record; a sentence stops the run.

    Raises:
        FatalAPIError: there was a reason to stop. Any error that `work` raises is raised too.
    """
    pending: dict[Future[Result], Item] = {}
    done: SimpleQueue[Future[Result]] = SimpleQueue()
    try:
        for item in items:
            _raise_stop_reason(find_stop_reason)
            future = executor.submit(work, item)
            pending[future] = item
            future.add_done_callback(done.put)
            # The window limits the memory, and the work in progress when the run must stop.
            if len(pending) >= window:
                _collect_result(pending, done, record, find_stop_reason)
        while pending:
            _collect_result(pending, done, record, find_stop_reason)
    finally:
        _drain_pending(pending, record)


def _collect_result(
    pending: dict[Future[Result], Item],
    done: SimpleQueue[Future[Result]],
    record: Callable[[Item, Result], None],
    find_stop_reason: Callable[[], str | None],
) -> None:
    future = done.get()
    result = future.result()
    record(pending.pop(future), result)
    _raise_stop_reason(find_stop_reason)


def _raise_stop_reason(find_stop_reason: Callable[[], str | None]) -> None:
    if reason := find_stop_reason():
        raise FatalAPIError(reason)


def _drain_pending(pending: dict[Future[Result], Item], record: Callable[[Item, Result], None]) -> None:
    # Only calls that did not start are cancelled, as a started one may already have written its record.
    for future in pending:
        future.cancel()
    wait(pending)
    for future, item in pending.items():
        # Another call's error will be raised; successful calls must still get into the reports.
        if not future.cancelled() and future.exception() is None:
            record(item, future.result())
