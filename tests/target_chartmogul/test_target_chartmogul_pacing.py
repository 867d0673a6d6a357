"""The rate limiter, which keeps every second within ChartMogul's limit."""

from __future__ import annotations

import threading
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from heapq import heappop, heappush
from itertools import count, cycle, islice, pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from target_chartmogul.api.rate_limit import WindowRateLimiter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    Record = Callable[..., dict[str, Any]]

CONNECTIONS = 16


class Time:
    """A clock that moves when a thread sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def sent(pace: WindowRateLimiter, time: Time, count: int, taken: float = 0.0) -> list[float]:
    """Send `count` requests one after the other, and return their times."""
    found = []
    for _ in range(count):
        with pace.wait_for_turn():
            found.append(time.now)
            time.now += taken
    return found


def test_requests_leave_evenly() -> None:
    """Forty requests per second are spread evenly, at 97 % of the limit."""
    time = Time()
    moments = sent(WindowRateLimiter(40, time, time.sleep), time, 400)
    gaps = {round(later - earlier, 5) for earlier, later in pairwise(moments)}
    assert gaps == {0.02551, 0.03561}
    assert 399 / moments[-1] == pytest.approx(0.97 * 40, abs=0.05)


class Server:
    """ChartMogul as several workers see it: what is sent arrives after some time, and is answered after some more.

    While the machine is frozen (`stalls`: beginning and end), nothing arrives, and no reply either.
    """

    def __init__(self, stalls: Iterable[tuple[float, float]] = ()) -> None:
        self.now = 0.0
        self.arrivals: list[float] = []
        self.under_way = 0
        self._stalls = sorted(stalls)
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._number = count()

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Advance the time, and run what is due."""
        until = self._after_stalls(self.now + seconds)
        while self._events and self._events[0][0] <= until:
            self.now, _, happen = heappop(self._events)
            happen()
        self.now = until

    def send(self, pace: WindowRateLimiter, way: float, work: float) -> None:
        """Send a request once a connection is free, with this transport time and processing time."""
        while self.under_way == CONNECTIONS:
            self.sleep(0.001)
        request = pace.wait_for_turn()
        request.__enter__()
        self.under_way += 1
        arrival = self._after_stalls(self.now + way)
        self.arrivals.append(arrival)
        self._at(self._after_stalls(arrival + work), partial(self._answer, request))

    def fullest_second(self) -> int:
        """Return the largest number of requests in any second."""
        moments = sorted(self.arrivals)
        return max(bisect_left(moments, moment + 1.0) - place for place, moment in enumerate(moments))

    def _answer(self, request: AbstractContextManager[None]) -> None:
        self.under_way -= 1
        request.__exit__(None, None, None)

    def _at(self, moment: float, happen: Callable[[], object]) -> None:
        heappush(self._events, (moment, next(self._number), happen))

    def _after_stalls(self, moment: float) -> float:
        return next((end for begin, end in self._stalls if begin <= moment < end), moment)


def stalls(parts: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the stalls from pairs of running time before and length of each stall."""
    found, now = [], 0.0
    for goes, stands in parts:
        found.append((now + goes, now + goes + stands))
        now += goes + stands
    return found


def test_no_window_holds_more_than_permitted() -> None:
    """Whatever the delays of requests, no second at the server has more than forty."""
    random, server = Random(1), Server()  # noqa: S311 - the delays are the same in every run
    pace = WindowRateLimiter(40, server, server.sleep)
    for _ in range(2000):
        server.send(pace, 0.001 + (random.random() * 2.0 if random.random() < 0.1 else 0.0), 0.05)
    assert server.fullest_second() <= 40


@example(parts=[(0.109375, 1.0)], delays=[(0.109375, 0.0), (0.0, 0.5)])
@example(parts=[], delays=[(0.171, 0.0)] * 6 + [(0.0, 0.171)] * 6)
@given(
    parts=st.lists(st.tuples(st.floats(0.01, 2.0), st.floats(0.01, 3.0)), max_size=12),
    delays=st.lists(st.tuples(st.floats(0.0, 0.3), st.floats(0.0, 1.0)), min_size=1, max_size=20),
)
def test_a_busy_machine_does_not_exceed_the_limit(
    parts: list[tuple[float, float]], delays: list[tuple[float, float]]
) -> None:
    """Whenever and however long the machine stalls, the server gets at most forty requests per second.

    The first reply has no delay, so that the limiter learns the shortest time of a request. When it has seen only
    delayed replies, one or two requests too many are possible; ChartMogul answers those with 429.
    """
    server = Server(stalls([(0.05 + goes, stands) for goes, stands in parts[:1]] + parts[1:]))
    pace = WindowRateLimiter(40, server, server.sleep)
    server.send(pace, 0.01, 0.01)
    server.sleep(0.03)
    for way, work in islice(cycle(delays), 300):
        server.send(pace, 0.01 + way, 0.01 + work)
    assert server.fullest_second() <= 40


@pytest.mark.parametrize("work", [0.01, 0.15, 0.19])
def test_a_steady_server_is_used_to_the_full(work: float) -> None:
    """When all replies take the same time, more than 95 % of the limit is used."""
    server = Server()
    pace = WindowRateLimiter(40, server, server.sleep)
    for _ in range(400):
        server.send(pace, 0.001, work)
    assert 400 / server.now > 0.95 * 40


def test_a_request_without_an_answer_does_not_stop_the_others() -> None:
    """A request that hangs uses only one place in every second."""
    server = Server()
    pace = WindowRateLimiter(40, server, server.sleep)
    with pace.wait_for_turn():
        for _ in range(400):
            server.send(pace, 0.001, 0.05)
    assert 400 / server.now > 0.9 * 40


def test_a_hold_stops_everybody() -> None:
    """After a 429 no request leaves until the wait is over, and the wait is counted."""
    time = Time()
    pace = WindowRateLimiter(40, time, time.sleep)
    pace.pause_requests(7)
    assert sent(pace, time, 1) == [7.0]
    assert (pace.waits, pace.waited) == (1, 7.0)


def test_a_pause_is_not_made_up_for() -> None:
    """After a quiet minute, unused requests are not sent in a burst."""
    time = Time()
    pace = WindowRateLimiter(40, time, time.sleep)
    sent(pace, time, 1)
    time.now = 60.0
    moments = sent(pace, time, 10)
    assert moments[-1] - moments[0] == pytest.approx(8 * 0.02551, abs=1e-3)


def test_no_request_of_a_run_is_turned_away(account: Any, target: Any, lead: Record, monkeypatch: Any) -> None:
    """With ChartMogul's own limits and calls of 150 ms, no request of a run is refused."""
    monkeypatch.undo()
    account.sandbox.reset(customers=0)
    account.sandbox.fault(api="chartmogul", effect={"delay": 0.15})
    assert target.run([lead(f"c{number}") for number in range(90)], max_concurrency=20).summary["created"] == 90
    assert {status for status in account.answers() if status >= 400} == set()
    assert target.calls["POST /customers"] == 90


def test_never_more_connections_than_permitted(account: Any, target: Any, lead: Record) -> None:
    """At most `max_concurrency` requests are in progress, however many records wait."""
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
