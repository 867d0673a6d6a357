"""The rate limit that a user sets for tap-chargebee, and its progress in the log."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import pytest
from tap_chargebee._kit.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox


def test_a_budget_keeps_within_the_sites_limit(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, truth: Callable[..., Any]
) -> None:
    """`requests_per_minute: 600` spaces calls by a tenth of a second, so that none is refused."""
    sandbox.reset(customers=60, seed=7, chargebee_requests_per_minute=600)
    began = time.monotonic()
    run = run_tap(requests_per_minute=600, page_size=20)
    took = time.monotonic() - began
    assert run.records == truth()
    (answer,) = sandbox.answers()["answers"]
    assert (answer["api"], answer["status"]) == ("chargebee", 200)
    assert answer["count"] > 20
    assert took >= (answer["count"] - 1) * 60 / 600


class Clock:
    """A clock that moves only when a test sets it."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that does not move."""
    return Clock()


def test_a_long_read_tells_every_half_minute_how_far_it_is(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """A long read logs its records, pages, rate and share of the time window every half minute."""
    caplog.set_level("INFO")
    progress = Progress(logging.getLogger("tap"), until=2000, clock=clock.read)
    for at in (1000, 1250, 1500):
        clock.now += 12
        progress.count_page(100, at)
    clock.now += 12
    progress.count_page(50, 1600)
    clock.now += 30
    progress.count_page(100, None)
    assert caplog.messages == [
        "300 records in 3 pages, 8 records/s, 50% of the time window",
        "450 records in 5 pages, 6 records/s",
    ]


def test_a_list_in_no_order_of_time_has_no_share(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """For a list that is not sorted by time, the log leaves out the share."""
    caplog.set_level("INFO")
    progress = Progress(logging.getLogger("tap"), until=None, clock=clock.read)
    clock.now += 31
    progress.count_page(10, None)
    assert caplog.messages == ["10 records in 1 pages, 0 records/s"]


def test_a_run_tells_of_its_progress(
    run_tap: Callable[..., Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stream logs its progress under its own name while it is read."""
    monkeypatch.setattr("tap_chargebee._kit.progress.EVERY", 0.0)
    caplog.set_level("INFO")
    run_tap(page_size=20)
    told = [one.message for one in caplog.records if one.name == "tap-chargebee.invoices" and "pages" in one.message]
    assert told[0].startswith("20 records in 1 pages, ")
    assert told[0].endswith(" of the time window")
    assert len(told) >= 12
