"""The fetch pool's threads: safe when interrupted at any instruction, and no error is lost."""

from __future__ import annotations

import gc
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from singer_kit import fetch_pool, parallel_map, segments
from singer_kit.fetch_pool import FetchPool, ThreadLimitError
from singer_kit.parallel_map import OrderedParallelMap
from singer_kit.segments import Segment, SegmentReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

PATIENCE = 60.0
INTERRUPTIONS = 10_000
TRACED = frozenset({fetch_pool.__file__, segments.__file__, parallel_map.__file__, threading.__file__})
ACTIONS = ("collect", "close", "cancel")


class Numbers(SegmentReader[Segment[int], int]):
    """A list of twelve numbers in pages of two; after the first page it is split into three segments."""

    def __init__(self, pool: FetchPool, key: int) -> None:
        self._places: dict[int, int] = {}
        super().__init__(pool, [Segment(key=(key,))])

    def fetch_answer(self, segment: Segment[int]) -> int:
        """Return the first number of the segment's next page."""
        return self._places.get(id(segment), 0)

    def accept_answer(self, segment: Segment[int], answer: int) -> list[int]:
        """Return a page; after the very first one, split off two further segments."""
        if segment is self._first and answer == 0:
            others = [Segment[int](key=(*segment.key, 1)), Segment[int](key=(*segment.key, 2))]
            self._places |= {id(others[0]): 4, id(others[1]): 8}
            self.insert_segments(segment, others)
        self._places[id(segment)] = answer + 2
        segment.complete = answer % 4 == 2
        return [answer, answer + 1]


class Interruption:
    """Runs a function once, at one instruction of the traced code, in the thread that reaches it."""

    def __init__(self, point: int, act: Callable[[], object]) -> None:
        self._left = point
        self._act = act
        self.happened = False

    def __enter__(self) -> None:
        threading.settrace(self._enter)
        sys.settrace(self._enter)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)  # None removes it, as in the standard library

    def _enter(self, frame: FrameType, _event: str, _value: object) -> Any:
        if self.happened or frame.f_code.co_filename not in TRACED:
            return None
        frame.f_trace_opcodes = True
        return self._step

    def _step(self, _frame: FrameType, _event: str, _value: object) -> Any:
        self._left -= 1
        if self._left < 0 and not self.happened:
            self.happened = True
            self._act()
        return self._step


def read_interrupted(point: int, action: str) -> tuple[list[int], bool, int]:
    """Read a list while another one of the pool ends at an instruction.

    Returns the numbers, whether the instruction was reached, and the number of buffered pages.
    """
    pool = FetchPool(2, 2)
    reader, other = Numbers(pool, 1), Numbers(pool, 0)
    pages = iter(other)
    other.begin()
    next(pages)
    children = iter(OrderedParallelMap(pool, range(3), lambda item: item, key=(0, 9), ahead=2))
    next(children)
    act: Callable[[], object] = {"collect": lambda: gc.collect(0), "close": pages.close, "cancel": reader.close}[action]  # type: ignore[attr-defined] # made by a generator
    interruption = Interruption(point, act)
    cycle: list[object] = [pages, children]
    cycle.append(cycle)
    del cycle, children
    if action == "collect":
        del pages
    with interruption:
        reader.begin()
        numbers = [number for page in reader for number in page]
    if action == "collect":
        gc.collect(0)
    else:
        other.close()
    with pool.changed:
        # Under the lock, this runs the work that finalizers queued.
        pool.wait_for((9,), lambda: not pool.running)
        pool.count_buffered(0)
        return numbers, interruption.happened, pool.buffered_pages


def within_time(work: Callable[[], Any]) -> Any:
    """Return the result or the error of `work`, and fail the test when it hangs."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001 looked at in the test's own thread
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        pytest.fail("the reader hangs")
    return outcome[0]


@pytest.fixture
def no_automatic_collection() -> Iterator[None]:
    """Turn off the garbage collector, so that it runs only where a test calls it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_automatic_collection")
@pytest.mark.parametrize("action", ACTIONS)
def test_a_list_may_end_at_every_point(action: str) -> None:
    """A list can be collected, closed or cancelled at any instruction without a hang, a lost page or a leak."""
    whole = list(range(12))

    point = done = 0
    while done < INTERRUPTIONS // len(ACTIONS):
        outcome = within_time(partial(read_interrupted, point, action))
        assert isinstance(outcome, tuple), (action, point, outcome)
        numbers, happened, buffered = outcome
        assert numbers == (whole[: len(numbers)] if action == "cancel" else whole), (action, point)
        assert buffered == 0, (action, point)
        point, done = (point + 1 if happened else 0), done + happened


def test_an_error_that_a_call_did_not_report_reaches_the_thread_that_waits() -> None:
    """An unexpected error in a worker is raised in the thread that waits for the page."""

    def fail() -> None:
        raise MemoryError("no room for the answer")

    def work() -> None:
        pool = FetchPool(2, 2)
        with pool.changed:
            pool.queue_call((0,), fail)
            pool.wait_for((0,), lambda: False)

    assert repr(within_time(work)) == "MemoryError('no room for the answer')"


def test_an_error_while_a_page_is_stored_reaches_the_reader() -> None:
    """An error while a page is stored is raised to the reader in place of the page."""

    class Broken(Numbers):
        def accept_answer(self, segment: Segment[int], answer: int) -> list[int]:
            if answer == 6:
                raise RecursionError("nested too deeply")
            return super().accept_answer(segment, answer)

    def work() -> None:
        for page in Broken(FetchPool(2, 2), 0):
            numbers.extend(page)

    numbers: list[int] = []
    assert repr(within_time(work)) == "RecursionError('nested too deeply')"
    assert numbers == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()], ids=["threads", "memory"])
def test_a_machine_that_permits_no_further_thread(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the machine refuses a further thread, the reader gets one sentence that names the setting."""
    start, started = threading.Thread.start, [0]

    def start_three(thread: threading.Thread) -> None:
        started[0] += 1
        if started[0] > 3:
            raise error
        start(thread)

    def work() -> None:
        list(OrderedParallelMap(FetchPool(16, 16), range(3), lambda _: go_on.wait(PATIENCE), key=(0,), ahead=3))

    go_on = threading.Event()
    # The test itself starts the first of these threads.
    monkeypatch.setattr(threading.Thread, "start", start_three)
    outcome = within_time(work)
    go_on.set()
    assert isinstance(outcome, ThreadLimitError)
    assert outcome.message == (
        "The machine permits no more than 2 of the 16 threads that `max_concurrency` asks for: lower that setting, "
        "or raise the limit on threads or memory."
    )
