"""How processes share the calls that a vendor permits to one account. Pure: all times are the shared database's.

A process asks for a grant of some calls, and sends them at the grant's evenly spaced times. A grant counts until a
window after its last call may have arrived. The calls that count are never more than the limit, so no window at the
vendor has more, wherever it begins. A process that dies gives nothing back, and its grants end by themselves.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SECOND = 1_000_000
"""All times are whole microseconds, so that nothing is lost by rounding."""
LONGEST_PAUSE = 300 * SECOND
_MOST_WINDOWS = 4
"""No grant counts for as long as this. A later time was written before the database's clock was set back."""
_STEPS = 40
"""Grants are counted together when they end in the same of so many parts of a window, so the state stays small."""


@dataclass(frozen=True)
class Limit:
    """The calls that a vendor permits in any window.

    Args:
        calls: the number of calls.
        window: the window in microseconds.
    """

    calls: int
    window: int

    @property
    def tolerance(self) -> int:
        """How late a call may be sent, and how late its answer may come without counting for longer."""
        return min(self.window // 10, SECOND // 2)

    @property
    def interval(self) -> int:
        """The time between two calls."""
        return -(-(self.window + self.tolerance) // self.calls)

    @property
    def most(self) -> int:
        """The most calls of one grant. A small grant leaves the next turn to another process."""
        return max(1, self.tolerance // self.interval)


@dataclass(frozen=True)
class Grant:
    """The permission to send some calls.

    Args:
        calls: the number of calls.
        start: the time of the first one.
        interval: the time between two calls.
        expires: the time after which none may be sent.
        counts_until: the time until which they count.
    """

    calls: int
    start: int
    interval: int
    expires: int
    counts_until: int


@dataclass(frozen=True)
class Wait:
    """No call is free for this time."""

    duration: int


@dataclass(frozen=True)
class Report:
    """What a process reports when it asks for a grant.

    Args:
        holder: the process.
        late: the calls without an answer when their grant expired. They count until a window after their answer.
        released: the granted calls that were not sent, or are late from now on, by the time until which they counted.
        pause: the time for which the vendor asked everybody to wait.
        limit: the vendor's own word on the number of calls in a window.
    """

    holder: str
    late: int = 0
    released: Mapping[int, int] = field(default_factory=dict)
    pause: int = 0
    limit: int | None = None


@dataclass
class Account:
    """The state of one account.

    Args:
        next: the time of the next call.
        resume: the time before which the vendor wants no call.
        limit: the vendor's own word on the number of calls in a window; None if it did not say.
        granted: the number of calls by the time until which they count.
        late: by process, the number of late calls, and the time until which they count.
    """

    next: int = 0
    resume: int = 0
    limit: int | None = None
    granted: dict[int, int] = field(default_factory=dict)
    late: dict[str, tuple[int, int]] = field(default_factory=dict)

    def count_calls(self) -> int:
        """Return the number of calls that count."""
        return sum(self.granted.values()) + sum(calls for calls, _ in self.late.values())

    def format(self) -> str:
        """Return the state as text."""
        return json.dumps([self.next, self.resume, self.limit, list(self.granted.items()), list(self.late.items())])


def parse_account(text: str | None, limit: Limit, now: int) -> Account:
    """Return the state from its text, without what has ended.

    Args:
        text: the text; None for an account that nobody has used.
        limit: the limit.
        now: the time.
    """
    if text is None:
        return Account()
    upcoming, resume, told, granted, late = json.loads(text)
    latest = now + _MOST_WINDOWS * limit.window
    account = Account(min(upcoming, latest), min(resume, now + LONGEST_PAUSE), told)
    for until, calls in granted:
        if until > now:
            account.granted[min(until, latest)] = account.granted.get(min(until, latest), 0) + calls
    account.late = {holder: (calls, min(until, latest)) for holder, (calls, until) in late if until > now}
    return account


def apply_report(account: Account, report: Report, limit: Limit, now: int) -> None:
    """Enter a report into the state."""
    account.limit = report.limit or account.limit
    account.resume = max(account.resume, now + min(report.pause, LONGEST_PAUSE)) if report.pause else account.resume
    account.late.pop(report.holder, None)
    if report.late:
        account.late[report.holder] = (report.late, now + limit.window + limit.tolerance)
    for until, calls in report.released.items():
        left = account.granted.pop(until, 0) - calls
        if left > 0:
            account.granted[until] = left


def grant_calls(account: Account, limit: Limit, wanted: int, now: int) -> Grant | Wait:
    """Grant up to `wanted` calls, and enter them into the state; or return how long there are none.

    Args:
        account: the state, without what has ended.
        limit: the limit.
        wanted: the number of calls that could be sent at once; at least 1.
        now: the time.
    """
    # Times are not taken long before they come, so that each process has its turn, and nothing is lost with one.
    if (ahead := max(account.resume, account.next - limit.tolerance) - now) > 0:
        return Wait(ahead)
    calls = min(wanted, limit.most, limit.calls - account.count_calls())
    if calls < 1:
        ends = [*account.granted, *(until for _, until in account.late.values())]
        return Wait(min(ends) - now)
    start = max(account.next, now)
    account.next = start + calls * limit.interval
    expires = account.next - limit.interval + limit.tolerance
    step = max(limit.window // _STEPS, 1)
    until = -(-(expires + limit.window) // step) * step
    account.granted[until] = account.granted.get(until, 0) + calls
    return Grant(calls, start, limit.interval, expires, until)
