"""Reads Chargebee's events every few seconds, so that live needs no public address.

It takes one call while nothing happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .chargebee_api import find_latest_event, read_events
from .chargebee_events import parse_event

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from standpipe_console.api.client import Api

    from .inbox import Inbox

#: Events appear in the list slightly out of order, so each poll begins before the last event that was read.
OVERLAP = 60
#: After a pause, and every ten minutes, a poll begins even earlier, for events that appear later than that.
LONG_OVERLAP = 300
#: Seconds between two such polls.
LONG_OVERLAP_EVERY = 600.0
_READ_UNTIL = "chargebee_events_read_until"


class EventsPoller:
    """Reads the events since the last poll into the inbox.

    Args:
        connect: makes the API with the key that is valid now.
        inbox: receives the rings, and stores how far the events were read.
        clock: unix seconds of this machine.
        moments: returns the types of the events that become moments.
    """

    def __init__(
        self,
        connect: Callable[[], Api],
        inbox: Inbox,
        clock: Callable[[], float],
        moments: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._connect = connect
        self._moments = moments
        self._inbox = inbox
        self._clock = clock
        self._long_look_at: float | None = None

    def poll(self) -> int:
        """Put the new events into the inbox; return how many there were.

        Raises:
            ConsoleError: Chargebee does not answer, or an answer does not prove that it is whole. Events read until
                then are kept, and the next poll begins at the same time as this one.
        """
        api = self._connect()
        until: Any = self._inbox.read_fact(_READ_UNTIL)
        if until is None:
            # What happened before live was first started is for the scheduled runs.
            self._inbox.write_fact(_READ_UNTIL, find_latest_event(api))
            return 0
        new = 0
        moments = self._moments()
        for events in read_events(api, max(0, until - self._choose_overlap() - 1), moments):
            new += self._inbox.add([parse_event(one, moments) for one in events], self._clock())
            until = max([until, *(event["occurred_at"] for event in events)])
        # Only a poll that read every page moves the beginning of the next one.
        self._inbox.write_fact(_READ_UNTIL, until)
        return new

    def _choose_overlap(self) -> int:
        now = self._clock()
        if self._long_look_at is not None and 0 <= now - self._long_look_at < LONG_OVERLAP_EVERY:
            return OVERLAP
        self._long_look_at = now
        return LONG_OVERLAP
