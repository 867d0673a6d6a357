"""Concurrent work whose results are taken in by one thread."""

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

    An executor starts a thread when work is handed to it, and where the system refuses that thread it raises although
    another one goes on to do the work: a record would be written, and reported nowhere.
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
    """Do `work` for every item, at most `window` handed out at a time.

    Whatever ends it, an error or a reason to stop, nothing more is started, what is under way is finished, and `record`
    has been called for everything that was done.

    Args:
        executor: does the work.
        work: called in a worker's thread.
        items: read as needed.
        window: items in the hands of the executor.
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
            # The window bounds the memory, and how much is under way when the run must stop.
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
    # What a worker has begun may be written already, so only the calls that did not start are cancelled.
    for future in pending:
        future.cancel()
    wait(pending)
    for future, item in pending.items():
        # An error of another call is on its way already; what succeeded must still get into the reports.
        if not future.cancelled() and future.exception() is None:
            record(item, future.result())
