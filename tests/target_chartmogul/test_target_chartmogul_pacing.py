"""The rate that ChartMogul must never see exceeded."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from target_chartmogul.pacing import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]


class Time:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def sent(pace: Pace, time: Time, count: int, taken: float = 0.0) -> list[float]:
    """Make so many requests, one after the other, and give when each left."""
    found = []
    for _ in range(count):
        with pace.request():
            found.append(time.now)
            time.now += taken
    return found


def test_requests_leave_evenly() -> None:
    """Forty a second are spread over the second, at 98 % of what is permitted."""
    time = Time()
    moments = sent(Pace(40, time, time.sleep), time, 400)
    gaps = {round(later - earlier, 5) for earlier, later in pairwise(moments)}
    assert gaps == {0.02551}


def test_no_window_holds_more_than_permitted() -> None:
    """However long requests are delayed on their way, no second of the server's has more than forty."""
    random, time = Random(1), Time()  # noqa: S311 - the delays are the same in every run
    pace = Pace(40, time, time.sleep)
    arrived: deque[float] = deque()
    for _ in range(2000):
        with pace.request():
            time.now += 0.001 + (random.random() * 0.4 if random.random() < 0.1 else 0.0)
            arrived.append(time.now)
    assert all(later - earlier > 1.0 for earlier, later in zip(arrived, list(arrived)[40:], strict=False))


def test_a_request_without_an_answer_counts_as_late() -> None:
    """The fortieth request after one without an answer leaves as if that one had arrived half a second late."""
    time = Time()
    pace = Pace(40, time, time.sleep)
    sent(pace, time, 1, 0.01)
    with pace.request():
        start = time.now
        sent(pace, time, 39)
        (last,) = sent(pace, time, 1)
    assert last - start == pytest.approx(1.505)


def test_a_hold_stops_everybody() -> None:
    """After a 429 nothing leaves until the time is over, and the wait is counted."""
    time = Time()
    pace = Pace(40, time, time.sleep)
    pace.hold(7)
    assert sent(pace, time, 1) == [7.0]
    assert (pace.waits, pace.waited) == (1, 7.0)


def test_a_pause_is_not_made_up_for() -> None:
    """What was not sent during a quiet minute does not come all at once afterwards."""
    time = Time()
    pace = Pace(40, time, time.sleep)
    sent(pace, time, 1)
    time.now = 60.0
    moments = sent(pace, time, 10)
    assert moments[-1] - moments[0] == pytest.approx(8 * 0.02551, abs=1e-3)


def test_no_request_of_a_run_is_turned_away(account: Any, target: Any, lead: Record, monkeypatch: Any) -> None:
    """With ChartMogul's own limits of 40 a second and 20 at once, at 150 ms a call, nothing is refused."""
    monkeypatch.undo()
    account.sandbox.reset(customers=0)
    account.sandbox.fault(api="chartmogul", effect={"delay": 0.15})
    assert target.run([lead(f"c{number}") for number in range(90)], max_concurrency=20).summary["created"] == 90
    assert {status for status in account.answers() if status >= 400} == set()
    assert target.calls["POST /customers"] == 90


def test_never_more_connections_than_permitted(account: Any, target: Any, lead: Record) -> None:
    """However many records wait, no more requests are under way than `max_concurrency`."""
    gate = account.sandbox.world.chartmogul_gate
    account.sandbox.fault(api="chartmogul", effect={"delay": 0.05})
    most, ended = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not ended.wait(0.001):
            most = max(most, gate._inside)  # noqa: SLF001 - what the sandbox counts and does not tell

    with ThreadPoolExecutor(1) as executor:
        executor.submit(watch)
        target.run([lead(f"c{number}") for number in range(60)], max_concurrency=5)
        ended.set()
    assert most == 5
