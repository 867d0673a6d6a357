"""The poller turns Chargebee's events into rings: each once, without losses, and with one call when idle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from standpipe_console.api import vendors
from standpipe_console.errors import ConsoleError
from standpipe_console.live.chargebee_events import RINGING_TYPES, parse_event
from standpipe_console.live.inbox import Inbox
from standpipe_console.live.poller import LONG_OVERLAP_EVERY, EventsPoller
from standpipe_console.live.rings import Subject
from standpipe_console.project.plugin_facts import PluginFacts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.testing import RunningSandbox


class Clock:
    """A clock that the test sets."""

    now = 1_000.0

    def __call__(self) -> float:
        """Return Unix seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that does not advance."""
    return Clock()


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    """Yield an empty inbox."""
    opened = Inbox(f"sqlite:///{tmp_path}/inbox.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def poller(sandbox: RunningSandbox, inbox: Inbox, clock: Clock) -> EventsPoller:
    """Return a poller over the sandbox."""
    settings = {"api_key": "sandbox_key", "api_url": sandbox.chargebee_url}
    return EventsPoller(lambda: vendors.connect_chargebee(settings, PluginFacts()), inbox, clock)


def read_all_events(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    """Return all events of the relevant types, read without the poller."""
    events, offset = [], None
    while True:
        params = {"limit": 100} | ({"offset": offset} if offset else {})
        url = f"{sandbox.chargebee_url}/events"
        page = requests.get(url, params=params, auth=("sandbox_key", ""), timeout=30).json()
        events += [one["event"] for one in page["list"] if one["event"]["event_type"] in RINGING_TYPES]
        offset = page.get("next_offset")
        if offset is None:
            return events


def waiting_ids(inbox: Inbox) -> set[str]:
    """Return the ids of waiting customers."""
    return {one.target.id for one in inbox.list_waiting("sync")}


def customers_of(events: list[dict[str, Any]]) -> set[str]:
    """Return the ids of the customers in the events."""
    return {target.id for event in events for target in parse_event(event).targets}


def test_what_was_before_is_for_the_scheduled_runs(poller: EventsPoller, inbox: Inbox) -> None:
    """The first poll stores the position in the events, and nothing waits."""
    assert poller.poll() == 0
    assert inbox.list_waiting("sync") == []


def test_every_event_since_the_last_look_rings_once(
    sandbox: RunningSandbox, poller: EventsPoller, inbox: Inbox
) -> None:
    """The events fill several pages, and consecutive polls overlap."""
    poller.poll()
    before = {event["id"] for event in read_all_events(sandbox)}
    sandbox.advance(days=40)
    since = [event for event in read_all_events(sandbox) if event["id"] not in before]
    assert len(since) > 100
    assert poller.poll() >= len(since)
    assert waiting_ids(inbox) >= customers_of(since)
    assert poller.poll() == 0

    inbox.settle(inbox.list_waiting("sync"), 1_000)
    known = {event["id"] for event in read_all_events(sandbox)}
    sandbox.advance(days=1)
    today = [event for event in read_all_events(sandbox) if event["id"] not in known]
    assert poller.poll() == len(today) > 0
    assert waiting_ids(inbox) == customers_of(today)


def test_the_events_of_moments_are_read_and_wait_themselves(
    sandbox: RunningSandbox, inbox: Inbox, clock: Clock
) -> None:
    """Types that are only moments are requested too, and every event of a moment waits in addition to its customer."""
    settings = {"api_key": "sandbox_key", "api_url": sandbox.chargebee_url}
    moments = ["card_expiry_reminder", "payment_succeeded"]
    poller = EventsPoller(lambda: vendors.connect_chargebee(settings, PluginFacts()), inbox, clock, lambda: moments)
    poller.poll()
    known = len(sandbox.world.business.events.records)
    sandbox.advance(days=40)
    poller.poll()
    events = {one.id for one in sandbox.world.business.events.records[known:] if one.event_type in moments}
    waiting = {one.target.id for one in inbox.list_waiting("sync") if one.target.subject is Subject.EVENT}
    assert waiting == events != set()


def test_a_look_while_nothing_happens_is_one_call(sandbox: RunningSandbox, poller: EventsPoller, clock: Clock) -> None:
    """An hour with a poll every 15 seconds costs 240 calls."""
    poller.poll()
    sandbox.clear_calls()
    for _ in range(240):
        clock.now += 15
        poller.poll()
    assert sandbox.calls()["total"] == 240


def test_a_failed_look_is_made_again(sandbox: RunningSandbox, poller: EventsPoller, inbox: Inbox) -> None:
    """A failed poll raises one sentence. The next poll starts from the same position."""
    poller.poll()
    sandbox.advance(days=40)
    sandbox.fault(api="chargebee", method="GET", path="/events", **{"from": 2}, effect={"status": 401})
    with pytest.raises(ConsoleError, match="Chargebee does not answer /events"):
        poller.poll()
    part = waiting_ids(inbox)
    sandbox.clear_faults()
    poller.poll()
    assert waiting_ids(inbox) > part > set()


def test_an_event_that_appears_late_is_found(
    sandbox: RunningSandbox, poller: EventsPoller, inbox: Inbox, clock: Clock
) -> None:
    """Polls go back one minute. The first one, and one every ten minutes, go back five minutes."""
    sandbox.advance(days=20)
    times = sorted(event["occurred_at"] for event in read_all_events(sandbox))
    until = times[-40] + 100

    def count_seen_again(seconds: float) -> int:
        clock.now += seconds
        inbox.prune(1e12)  # so that every event counts as new
        inbox.write_fact("chargebee_events_read_until", until)
        return poller.poll()

    short = sum(time >= until - 60 for time in times)
    long = sum(time >= until - 300 for time in times)
    assert short < long
    assert [count_seen_again(seconds) for seconds in (0, 15, 15, LONG_OVERLAP_EVERY)] == [long, short, short, long]
