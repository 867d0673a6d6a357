"""Changes that Chargebee shows in events but not in lists, https://apidocs.chargebee.com/docs/api/events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_chargebee.streams.entities import is_foreign
from tap_chargebee.streams.resources import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_chargebee._kit.json_types import JsonObject, JsonValue
    from tap_chargebee.streams.resource import Resource
    from tap_chargebee.streams.windows import Window

# Chargebee keeps events for about ninety days. A later run cannot know which ones it missed.
EVENT_RETENTION = 80 * 86_400


def list_event_types(resources: Iterable[Resource]) -> list[str] | None:
    """Return the types of events that matter to these resources; None if all types may matter.

    Child records have few events of their own, and Chargebee adds types with every release. So the children of a record
    are read again after any event that names the record.
    """
    chosen = list(resources)
    if any(resource.parent for resource in chosen):
        return None
    types = {kind for resource in chosen for kind in (*resource.changed_on, resource.deleted_on) if kind}
    return sorted(types)


def build_event_query(types: Iterable[str] | None, window: Window) -> dict[str, str]:
    """Return the parameters for the events of some or all types within a window."""
    query = {"sort_by[asc]": "occurred_at", "occurred_at[between]": f"[{window.start},{window.end}]"}
    if types is None:
        return query
    quoted = ",".join(f'"{kind}"' for kind in types)
    return {**query, "event_type[in]": f"[{quoted}]"}


class EventChanges:
    """The changes in events: updated records, deleted records, and parents whose children may have changed.

    Args:
        resources: the resources whose changes are wanted.
        entity: the business entity whose changes are wanted; empty for the whole site.
    """

    def __init__(self, resources: Iterable[Resource], entity: str = "") -> None:
        self._resources = tuple(resources)
        self._entity = entity
        # The ids are keys of a dict, not members of a set, so that a run requests them in the order of the events.
        self._updated: dict[str, dict[str, None]] = {resource.name: {} for resource in self._resources}
        self._deleted: dict[str, dict[str, JsonObject]] = {resource.name: {} for resource in self._resources}
        self._parents: dict[str, dict[str, None]] = {one.parent: {} for one in self._resources if one.parent}
        self._incomplete_parents: set[str] = set()

    def add_event(self, event: Mapping[str, JsonValue]) -> None:
        """Add one event. Events come in the order of their time."""
        if self._entity and is_foreign(event, self._entity):
            return
        content = event.get("content") or {}
        for resource in self._resources:
            record = content.get(resource.envelope)
            if not isinstance(record, dict) or "id" not in record:
                continue
            if event.get("event_type") in resource.changed_on:
                self._updated[resource.name][record["id"]] = None
            elif event.get("event_type") == resource.deleted_on:
                self._deleted[resource.name][record["id"]] = {**record, "deleted": True}
        for parent, ids in self._parents.items():
            kind = ROWS[parent].envelope
            ids.update(dict.fromkeys(find_ids(content, kind)))
            # An event of a bulk operation names no record, only an address to download their ids.
            if "download" in (content.get(f"impacted_{kind}") or {}):
                self._incomplete_parents.add(parent)

    def list_updated(self, stream: str) -> list[str]:
        """Return the ids of the updated records, in the order of their first update."""
        return list(self._updated.get(stream, {}))

    def list_deleted(self, stream: str) -> list[JsonObject]:
        """Return the deleted records as they were before their deletion."""
        return list(self._deleted.get(stream, {}).values())

    def is_deleted(self, stream: str, record: str, version: int | None) -> bool:
        """Return whether a record that the list still shows was deleted, as a list may lag behind the events.

        A record with a newer version, or without a version, was created again under the same id, so its deletion is
        forgotten. If the list did lag, a later run sends the deletion, because it reads the event once more.

        Args:
            stream: the stream of the record.
            record: its id.
            version: its ``resource_version``.
        """
        deleted = self._deleted.get(stream, {})
        if record in deleted and version is not None and version <= deleted[record].get("resource_version", 0):
            return True
        deleted.pop(record, None)
        return False

    def list_changed_parents(self, parent: str) -> list[str] | None:
        """Return the ids of the records whose children may have changed; None if all may have."""
        return None if parent in self._incomplete_parents else list(self._parents.get(parent, {}))


def find_ids(content: JsonValue, kind: str) -> Iterator[str]:
    """Yield the ids of one kind of record, such as ``customer``, anywhere in an event's content.

    Some come repeatedly.
    """
    if isinstance(content, list):
        for one in content:
            yield from find_ids(one, kind)
    elif isinstance(content, dict):
        for name, value in content.items():
            yield from _find_member_ids(name, value, kind)
            yield from find_ids(value, kind)


def _find_member_ids(name: str, value: JsonValue, kind: str) -> Iterator[str]:
    """Yield the ids in one member, such as ``customer_id``, ``customer``, ``customers`` or ``impacted_customer``."""
    if isinstance(value, str) and name.endswith(f"{kind}_id"):
        yield value
    elif isinstance(value, dict) and name == kind and "id" in value:
        yield value["id"]
    elif isinstance(value, list) and name == f"{kind}s":
        yield from (one["id"] for one in value if isinstance(one, dict) and "id" in one)
    elif isinstance(value, dict) and name == f"impacted_{kind}":
        yield from (one for ids in value.values() if isinstance(ids, list) for one in ids if isinstance(one, str))
