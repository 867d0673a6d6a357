"""What Chargebee's events tell that the lists do not, https://apidocs.chargebee.com/docs/api/events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_chargebee.resource import Resource
    from tap_chargebee.windows import Window

# Chargebee keeps events for about ninety days; a run that comes later cannot know what it missed.
LIFE = 80 * 86_400


def followed(resources: Iterable[Resource]) -> list[str]:
    """The types of event that tell something of these resources, each once."""
    found = {event for resource in resources for event in (*resource.changed_on, resource.deleted_on) if event}
    return sorted(found)


def event_query(types: Iterable[str], window: Window) -> dict[str, str]:
    """The parameters of the list of events of some types within a window."""
    listed = ",".join(f'"{kind}"' for kind in types)
    return {
        "sort_by[asc]": "occurred_at",
        "occurred_at[between]": f"[{window.start:010},{window.end:010}]",
        "event_type[in]": f"[{listed}]",
    }


class News:
    """What the events since the last run say: which records changed unseen, and which were deleted."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._resources = tuple(resources)
        self._changed: dict[str, dict[str, None]] = {resource.name: {} for resource in self._resources}
        self._deleted: dict[str, dict[str, dict[str, Any]]] = {resource.name: {} for resource in self._resources}

    def add(self, event: Mapping[str, Any]) -> None:
        """Take an event in; they come in the order in which they happened."""
        for resource in self._resources:
            record = (event.get("content") or {}).get(resource.envelope)
            if not isinstance(record, dict) or "id" not in record:
                continue
            if event.get("event_type") in resource.changed_on:
                self._changed[resource.name][record["id"]] = None
            elif event.get("event_type") == resource.deleted_on:
                self._deleted[resource.name][record["id"]] = {**record, "deleted": True}

    def changed(self, stream: str) -> dict[str, None]:
        """The ids of the records that changed, in the order in which they first did."""
        return self._changed.get(stream, {})

    def deleted(self, stream: str) -> list[dict[str, Any]]:
        """The records that were deleted, as they last were."""
        return list(self._deleted.get(stream, {}).values())
