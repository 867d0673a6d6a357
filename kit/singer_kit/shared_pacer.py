"""Decides when a request may be sent, where several processes share the rate limit of one account (`limit_url`)."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import Counter, deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .limit_stores import UnreachableError, name_account, open_limit_store
from .rate_limit import MINUTE, CooldownPacer, LimitError
from .shared_limit import SECOND, Grant, Limit, Report, Wait, apply_report, grant_calls, parse_account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .limit_stores import LimitStore
    from .rate_limit import Pacer
    from .shared_limit import Account

PATIENCE = 60.0
"""Seconds to wait for a database that was reached before. A restart takes less."""
_LONGEST_RETRY = 5.0
_MOST_EXPIRED = 50
"""After so many grants in a row that expired before they arrived, the database is too slow to be of use."""


class VendorLimit(NamedTuple):
    """A vendor's window in seconds, and its calls in one, if they are not told otherwise."""

    window: float
    calls: int | None


#: Chargebee's limit depends on the plan. Intercom announces its limit in every answer; this is its lowest one.
VENDOR_LIMITS: Mapping[str, VendorLimit] = {
    "Chargebee": VendorLimit(MINUTE, None),
    "Intercom": VendorLimit(10, 166),
    "ChartMogul": VendorLimit(1, 40),
}


def share_limit(  # noqa: PLR0913 one argument a choice, and the two clocks
    url: str,
    *,
    vendor: str,
    base_url: str,
    owner: str,
    distribution: str,
    calls: int | None = None,
    requests_per_minute: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> SharedPacer:
    """Return the pacer of a process that shares the rate limit of an account.

    Args:
        url: the setting `limit_url`.
        vendor: a vendor of :data:`VENDOR_LIMITS`.
        base_url: the API's base.
        owner: what the limit belongs to: a key, a token or a site.
        distribution: the plugin.
        calls: the calls in a window; for Intercom, until the first answer says how many it permits.
        requests_per_minute: the most calls per minute of this process alone; None for no such bound.
        sleep: waits for a number of seconds.
        clock: returns a monotonic time in seconds.

    Raises:
        LimitError: the setting is wrong, or the driver is missing.
    """
    limit = VENDOR_LIMITS[vendor]
    return SharedPacer(
        open_limit_store(url, name_account(vendor, base_url, owner), distribution),
        CooldownPacer(requests_per_minute, sleep, clock),
        window=limit.window,
        calls=calls or limit.calls or 1,
        logger=logging.getLogger(distribution.removeprefix("standpipe-")),
        sleep=sleep,
        clock=clock,
    )


@dataclass(eq=False, slots=True)
class Slot:
    """One granted call. Its times but `counts_until` are those of the local clock, in seconds."""

    start: float
    expires: float
    counts_until: int
    answered: float | None = None
    is_late: bool = False


class SharedPacer:
    """Sends requests within the limit of an account that other processes use, too.

    Args:
        store: the shared state of the account.
        local: decides for this process alone.
        window: the vendor's window in seconds.
        calls: the calls in a window, until the vendor itself says how many it permits.
        logger: logs when the database cannot be reached.
        sleep: waits for a number of seconds.
        clock: returns a monotonic time in seconds.
    """

    def __init__(  # noqa: PLR0913 one argument a choice, and the two clocks
        self,
        store: LimitStore,
        local: Pacer,
        *,
        window: float,
        calls: int,
        logger: logging.Logger,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._local = store, local
        self._window, self._calls = round(window * SECOND), calls
        self._logger = logger
        self._sleep, self._clock = sleep, clock
        self._holder = uuid.uuid4().hex[:12]
        self._was_reached = False
        self._vendor_limit: int | None = None
        self._pause_until = clock()
        # One thread at a time asks for a grant, for all that wait.
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._waiting = 0
        self._slots: deque[Slot] = deque()
        self._released: Counter[int] = Counter()
        self._sent: list[Slot] = []

    @contextmanager
    def wait_for_turn(self) -> Iterator[None]:
        """Wait until a request may be sent.

        Raises:
            LimitError: the database cannot be used.
        """
        with self._local.wait_for_turn():
            slot = self._wait_for_slot()
            try:
                yield
            finally:
                self._note_answer(slot)

    def pause_requests(self, seconds: float) -> None:
        """Send no request for this many seconds, in any process."""
        self._local.pause_requests(seconds)
        self._pause_until = max(self._pause_until, self._clock() + seconds)
        self._publish()

    def note_limit(self, calls: int) -> None:
        """Use the number of calls in a window that the vendor announces."""
        if calls > 0 and calls != self._vendor_limit:
            self._vendor_limit = calls
            self._publish()

    def _publish(self) -> None:
        """Let the other processes know what the vendor said. If that fails, they learn it with the next call."""
        with self._turn, suppress(UnreachableError, LimitError):
            self._exchange(0)

    def _wait_for_slot(self) -> Slot:
        while True:
            with self._lock:
                self._waiting += 1
            try:
                with self._turn:
                    slot = self._take_slot()
            finally:
                with self._lock:
                    self._waiting -= 1
            if (left := slot.start - self._clock()) > 0:
                self._sleep(left)
            with self._lock:
                if self._clock() <= slot.expires:
                    self._sent.append(slot)
                    return slot
                self._released[slot.counts_until] += 1

    def _take_slot(self) -> Slot:
        """Return the next granted call that has not expired. The caller must have the turn."""
        for _ in range(_MOST_EXPIRED):
            while self._slots:
                slot = self._slots.popleft()
                if self._clock() <= slot.expires:
                    return slot
                with self._lock:
                    self._released[slot.counts_until] += 1
            self._fetch_slots()
        raise LimitError("The database of `limit_url` answers too slowly to share a rate limit: use one that is near.")

    def _note_answer(self, slot: Slot) -> None:
        # Under the lock, as a report of another thread would otherwise find the call late, or drop it.
        with self._lock:
            slot.answered = self._clock()
            if slot.answered <= slot.expires:
                self._sent.remove(slot)

    def _fetch_slots(self) -> None:
        """Ask the database until it grants calls.

        Raises:
            LimitError: the database cannot be used.
        """
        deadline, retry = self._clock() + PATIENCE, 0.1
        while True:
            try:
                answer = self._exchange(self._waiting)
            except UnreachableError as error:
                # If it was never reached, the setting is more likely to be wrong than the database to be down.
                if not self._was_reached or self._clock() + retry > deadline:
                    raise LimitError(_describe_outage(error, waited=self._was_reached)) from None
                self._logger.warning("the database of `limit_url` cannot be reached (%s), waiting", error)
                self._sleep(retry)
                retry = min(2 * retry, _LONGEST_RETRY)
                continue
            if not isinstance(answer, Wait):
                return
            # Another process may change the state meanwhile, so a long wait has several parts.
            self._sleep(min(answer.duration, self._window / 10) / SECOND)
            deadline, retry = self._clock() + PATIENCE, 0.1

    def _exchange(self, wanted: int) -> Grant | Wait | None:
        """Report to the database, and ask for a grant of some calls. The caller must have the turn.

        Raises:
            UnreachableError: the database may come back.
            LimitError: the database cannot be used.
        """
        while True:
            # The local clock is read first, so that a grant never seems to last longer than it does.
            before = self._clock()
            text, now = self._store.read()
            self._was_reached = True
            report = self._take_report(before)
            limit = self._choose_limit(None)
            account = _read_account(text, limit, now)
            apply_report(account, report, limit, now)
            answer = grant_calls(account, self._choose_limit(account.limit), wanted, now) if wanted else None
            if self._store.replace(text, account.format()):
                break
            # Another process changed the state meanwhile, so neither report nor answer holds.
            with self._lock:
                self._released.update(report.released)
        if isinstance(answer, Grant):
            offset = before - now / SECOND
            expires = answer.expires / SECOND + offset
            for place in range(answer.calls):
                start = (answer.start + place * answer.interval) / SECOND + offset
                self._slots.append(Slot(start, expires, answer.counts_until))
        return answer

    def _choose_limit(self, shared: int | None) -> Limit:
        """Return the limit: the vendor's word to this process, to another one, or what holds until it says."""
        return Limit(self._vendor_limit or shared or self._calls, self._window)

    def _take_report(self, now: float) -> Report:
        with self._lock:
            # A late call may have arrived at any time before its answer, so it counts until a window after that.
            window = self._window / SECOND
            self._sent = [slot for slot in self._sent if slot.answered is None or now <= slot.answered + window]
            late = [slot for slot in self._sent if slot.expires < now]
            for slot in late:
                if not slot.is_late:
                    slot.is_late = True
                    self._released[slot.counts_until] += 1
            # A report whose fate is unknown is not repeated, as calls of other processes might be released.
            released, self._released = self._released, Counter()
            pause = max(0, round((self._pause_until - now) * SECOND))
            return Report(self._holder, len(late), released, pause, self._vendor_limit)


def _read_account(text: str | None, limit: Limit, now: int) -> Account:
    try:
        return parse_account(text, limit, now)
    except (ValueError, TypeError):
        raise LimitError(
            "The database of `limit_url` has a state of this account that this version cannot read: run the same "
            "version everywhere, or delete the state while nothing runs."
        ) from None


def _describe_outage(error: UnreachableError, *, waited: bool) -> str:
    lasted = f" for {PATIENCE:g} s" if waited else ""
    return (
        f"The database of `limit_url` could not be reached{lasted} ({error}), and without it no request is sent: check "
        "the database and the setting, then run again."
    )
