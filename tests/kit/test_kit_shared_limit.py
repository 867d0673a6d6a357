"""The calls that processes may make of one account's limit, as the shared database grants them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_kit.shared_limit import (
    LONGEST_PAUSE,
    SECOND,
    Account,
    Grant,
    Limit,
    Report,
    Wait,
    apply_report,
    grant_calls,
    parse_account,
)

INTERCOM = Limit(calls=1667, window=10 * SECOND)
CHARGEBEE = Limit(calls=150, window=60 * SECOND)
CHARTMOGUL = Limit(calls=40, window=1 * SECOND)
NOW = 1_700_000_000 * SECOND


@pytest.mark.parametrize(
    ("limit", "tolerance", "interval", "most"),
    [
        pytest.param(INTERCOM, 500_000, 6_299, 79, id="1,667 calls in ten seconds"),
        pytest.param(CHARGEBEE, 500_000, 403_334, 1, id="150 calls in a minute"),
        pytest.param(CHARTMOGUL, 100_000, 27_500, 3, id="40 calls in a second"),
        pytest.param(Limit(calls=1, window=60 * SECOND), 500_000, 60_500_000, 1, id="a single call"),
    ],
)
def test_calls_are_spread_over_the_window(limit: Limit, tolerance: int, interval: int, most: int) -> None:
    """Calls leave evenly, in grants that last no longer than a call may be late."""
    assert (limit.tolerance, limit.interval, limit.most) == (tolerance, interval, most)


def test_a_grant_counts_until_a_window_after_its_last_call() -> None:
    """Three calls that leave within 82.5 ms, each at most 100 ms late, count for a second after that."""
    account = Account()
    grant = grant_calls(account, CHARTMOGUL, wanted=16, now=NOW)
    assert grant == Grant(calls=3, start=NOW, interval=27_500, expires=NOW + 155_000, counts_until=NOW + 1_175_000)
    assert account == Account(next=NOW + 82_500, granted={NOW + 1_175_000: 3})


def test_nobody_books_far_ahead() -> None:
    """The second process gets the next times, the third one waits, so that a pause reaches everybody soon."""
    account = Account()
    answers = [grant_calls(account, CHARTMOGUL, wanted=16, now=NOW) for _ in range(3)]
    assert answers == [
        Grant(calls=3, start=NOW, interval=27_500, expires=NOW + 155_000, counts_until=NOW + 1_175_000),
        Grant(calls=3, start=NOW + 82_500, interval=27_500, expires=NOW + 237_500, counts_until=NOW + 1_250_000),
        Wait(65_000),
    ]


def test_when_the_limit_is_used_up_the_oldest_grant_has_to_end() -> None:
    """Only as many calls are granted as are left, and then none until the first ones count no longer."""
    account = Account(granted={NOW + 300_000: 30}, late={"other": (9, NOW + 200_000)})
    assert grant_calls(account, CHARTMOGUL, wanted=16, now=NOW) == Grant(
        calls=1, start=NOW, interval=27_500, expires=NOW + 100_000, counts_until=NOW + 1_100_000
    )
    assert grant_calls(account, CHARTMOGUL, wanted=16, now=NOW) == Wait(200_000)


def test_a_report_changes_the_state() -> None:
    """Released calls are free again, late ones count for longer, and a pause and the vendor's limit hold for all."""
    account = Account(granted={NOW + 500_000: 3, NOW + 600_000: 2}, late={"a": (1, NOW + 1), "b": (2, NOW + 2)})
    report = Report("a", late=4, released={NOW + 500_000: 1, NOW + 600_000: 2, NOW + 9: 1}, pause=SECOND, limit=30)
    apply_report(account, report, CHARTMOGUL, NOW)
    assert account == Account(
        resume=NOW + SECOND,
        limit=30,
        granted={NOW + 500_000: 2},
        late={"b": (2, NOW + 2), "a": (4, NOW + 1_100_000)},
    )
    assert grant_calls(account, CHARTMOGUL, wanted=1, now=NOW) == Wait(SECOND)


def test_what_has_ended_is_dropped() -> None:
    """The text of the state is read back without the grants that count no longer."""
    text = Account(NOW + 5, NOW + 6, 40, {NOW: 1, NOW + 7: 2}, {"a": (1, NOW), "b": (2, NOW + 8)}).format()
    assert parse_account(text, CHARTMOGUL, NOW) == Account(NOW + 5, NOW + 6, 40, {NOW + 7: 2}, {"b": (2, NOW + 8)})


def test_a_clock_that_is_set_back_costs_a_few_windows() -> None:
    """Times that are too far ahead were written before the database's clock was set back, and are cut."""
    text = Account(NOW, NOW, 40, {NOW: 39}, {"a": (1, NOW)}).format()
    day_before = NOW - 86_400 * SECOND
    assert parse_account(text, CHARTMOGUL, day_before) == Account(
        day_before + 4 * SECOND,
        day_before + LONGEST_PAUSE,
        40,
        {day_before + 4 * SECOND: 39},
        {"a": (1, day_before + 4 * SECOND)},
    )


@pytest.mark.parametrize(
    ("limit", "wanted", "share"),
    [
        pytest.param(INTERCOM, 32, 0.90, id="Intercom"),
        pytest.param(CHARGEBEE, 16, 0.95, id="Chargebee"),
        pytest.param(CHARTMOGUL, 16, 0.80, id="ChartMogul"),
        pytest.param(CHARTMOGUL, 1, 0.85, id="ChartMogul, one call at a time"),
    ],
)
def test_most_of_the_limit_is_used(limit: Limit, wanted: int, share: float) -> None:
    """When processes always want calls and get their answers in time, most of the limit is used."""
    text, now, calls = None, NOW, 0
    while now < NOW + 20 * limit.window:
        account = parse_account(text, limit, now)
        answer = grant_calls(account, limit, wanted, now)
        text = account.format()
        if isinstance(answer, Grant):
            calls += answer.calls
        else:
            now += answer.duration
    assert share <= calls / 20 / limit.calls <= 1


def test_what_a_dead_process_held_is_free_after_a_window() -> None:
    """A process that takes every call and dies leaves the whole limit to the next one, soon after a window."""
    account = Account()
    while isinstance(answer := grant_calls(account, CHARTMOGUL, 16, max(NOW, account.next)), Grant):
        last = answer.start
    later = parse_account(account.format(), CHARTMOGUL, last + round(1.25 * SECOND))
    assert later.count_calls() == 0


@dataclass
class Call:
    """A call that was sent. `expires` and `answered` are true times."""

    expires: int
    counts_until: int
    answered: int
    is_late: bool = False


@dataclass
class Vendor:
    """What arrives at a vendor, when processes send what the shared state permits.

    The database's clock may be set back. Its distance from the true time is `behind`.
    """

    limit: Limit
    now: int = NOW
    behind: int = 0
    text: str | None = None
    arrivals: list[int] = field(default_factory=list)
    calls: dict[int, list[Call]] = field(default_factory=dict)

    def ask(self, process: int, wanted: int, round_trip: int) -> Grant | Wait | None:
        """Exchange reports and grants with the database, as `SharedPacer` does."""
        clock = self.now - self.behind
        late = [
            one for one in self.calls.get(process, ()) if one.expires < self.now <= one.answered + self.limit.window
        ]
        released = Counter(one.counts_until for one in late if not one.is_late)
        for one in late:
            one.is_late = True
        account = parse_account(self.text, self.limit, clock)
        apply_report(account, Report(str(process), len(late), released), self.limit, clock)
        answer = grant_calls(account, self.limit, wanted, clock) if wanted else None
        self.text = account.format()
        self.now += round_trip
        return answer

    def let_pass(self, duration: int) -> None:
        """Let time pass. A process with a late call asks the database at least once in a window."""
        end = self.now + duration
        while self.now < end:
            self.now += min(end - self.now, self.limit.window // 2)
            for process in self.calls:
                self.ask(process, 0, 0)

    def count_fullest_window(self) -> int:
        """Return the largest number of calls that arrived within a window, wherever it begins."""
        moments = sorted(self.arrivals)
        ends = (bisect_left(moments, moment + self.limit.window) for moment in moments)
        return max((end - place for place, end in enumerate(ends)), default=0)


@st.composite
def steps(draw: st.DrawFn) -> tuple[int, float, int, float, float, float, bool, bool]:
    """Return what happens next, with all durations as shares of a window."""
    return (
        draw(st.integers(0, 3)),  # who asks
        draw(st.sampled_from([0.0, 0.0, 0.01, 0.1, 0.5, 1.2])),  # the time before
        draw(st.integers(1, 9)),  # how many calls it wants
        draw(st.sampled_from([0.0, 0.001, 0.1])),  # how long the database takes
        draw(st.sampled_from([0.0, 0.5, 1.0])),  # when its calls are sent, from the grant to its end
        draw(st.sampled_from([0.0, 0.01, 0.2, 1.0, 2.5])),  # how long they are on their way
        draw(st.booleans()),  # whether it dies after sending them
        draw(st.booleans()),  # whether the database's clock is set back
    )


@given(
    calls=st.sampled_from([1, 2, 7, 40]),
    events=st.lists(steps(), max_size=60),
)
def test_no_window_at_the_vendor_has_too_many_calls(
    calls: int, events: list[tuple[int, float, int, float, float, float, bool, bool]]
) -> None:
    """Whatever the order, delays, deaths of processes and clocks set back, no window has more calls than the limit."""
    limit = Limit(calls, SECOND)
    vendor = Vendor(limit)
    for number, (process, before, wanted, round_trip, moment, way, dies, set_back) in enumerate(events):
        vendor.let_pass(round(before * SECOND))
        asked_at = vendor.now
        answer = vendor.ask(process, wanted, round(round_trip * SECOND))
        if isinstance(answer, Grant):
            # The local clock was read before the database's, so the grant ends no later than it should.
            expires = answer.expires + asked_at - (asked_at - vendor.behind)
            if vendor.now <= expires:
                sent = vendor.now + round(moment * (expires - vendor.now))
                arrival = sent + round(way * SECOND)
                # What a process sent before its death is on its way and arrives soon.
                arrival = min(arrival, expires) if dies else arrival
                vendor.arrivals += [arrival] * answer.calls
                holder = number + 10 if dies else process
                vendor.calls.setdefault(holder, []).extend(
                    Call(expires, answer.counts_until, arrival) for _ in range(answer.calls)
                )
        if set_back:
            vendor.behind += round(0.3 * SECOND)
    vendor.let_pass(3 * SECOND)
    assert vendor.count_fullest_window() <= calls
