"""Data events: what happened to a contact, sent by other systems. They can neither be changed nor deleted.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-events
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.clock import DAY
from sandbox.intercom.errors import parameter_invalid

if TYPE_CHECKING:
    from sandbox.json_types import JsonObject
    from sandbox.settings import Settings

RETENTION = 90 * DAY
"""How long events are listed, in seconds."""


@dataclass(frozen=True)
class DataEvent:
    """One event of a contact; times in unix seconds of the business clock."""

    id: str
    name: str
    created_at: int
    metadata: JsonObject
    arrived_at: int


class DataEvents:
    """All events of a workspace, by contact."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._by_contact: dict[str, list[DataEvent]] = {}
        self._names: set[str] = set()
        self._count = 0

    def add(self, contact_id: str, name: str, created_at: int, metadata: JsonObject, now: int) -> None:
        """Store an event, unless the contact has one with the same name and second, as the vendor may do."""
        known = self._by_contact.setdefault(contact_id, [])
        if self._settings.intercom_events_deduplicate and (name, created_at) in {
            (one.name, one.created_at) for one in known
        }:
            return
        if name not in self._names and len(self._names) >= self._settings.intercom_event_names:
            raise parameter_invalid(
                f"The workspace has reached the limit of {self._settings.intercom_event_names} events", "event_name"
            )
        self._names.add(name)
        self._count += 1
        # Keys beyond the limit are ignored, and the first ones count.
        kept = dict(list(metadata.items())[: self._settings.intercom_event_metadata_keys])
        known.append(DataEvent(f"{self._count:08x}-data-event", name, created_at, kept, now))

    def list_visible(self, contact_id: str, now: int) -> list[DataEvent]:
        """Return the contact's events that the list shows, the newest first."""
        visible = [
            one
            for one in self._by_contact.get(contact_id, ())
            if one.arrived_at <= now - self._settings.intercom_events_lag and one.created_at > now - RETENTION
        ]
        return sorted(visible, key=lambda one: (one.created_at, one.id), reverse=True)

    def list_all(self) -> list[tuple[str, DataEvent]]:
        """Return every event with the id of its contact, whatever the list shows."""
        return [(contact_id, one) for contact_id, events in self._by_contact.items() for one in events]
