"""What Chargebee's events tell that the lists do not, https://apidocs.chargebee.com/docs/api/events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_chargebee.streams.resources import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_chargebee.streams.resource import Resource
    from tap_chargebee.streams.windows import Window

# Chargebee keeps events for about ninety days; a run that comes later cannot know what it missed.
LIFE = 80 * 86_400


def followed(resources: Iterable[Resource]) -> list[str] | None:
    """The types of event that tell something of these resources, each once; None when any type may.

    What hangs on a customer has few events of its own, and Chargebee adds types with every release. So a child is asked
    for again when whatever event names its parent.
    """
    chosen = list(resources)
    if any(resource.parent for resource in chosen):
        return None
    found = {event for resource in chosen for event in (*resource.changed_on, resource.deleted_on) if event}
    return sorted(found)


def event_query(types: Iterable[str] | None, window: Window) -> dict[str, str]:
    """The parameters of the list of events of some types, or of all, within a window."""
    query = {"sort_by[asc]": "occurred_at", "occurred_at[between]": f"[{window.start},{window.end}]"}
    if types is None:
        return query
    listed = ",".join(f'"{kind}"' for kind in types)
    return {**query, "event_type[in]": f"[{listed}]"}


class News:
    """What the events since the last run say: which records changed unseen, which were deleted, whose parts changed."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._resources = tuple(resources)
        self._changed: dict[str, dict[str, None]] = {resource.name: {} for resource in self._resources}
        self._deleted: dict[str, dict[str, dict[str, Any]]] = {resource.name: {} for resource in self._resources}
        self._named: dict[str, dict[str, None]] = {one.parent: {} for one in self._resources if one.parent}
        self._unnamed: set[str] = set()

    def add(self, event: Mapping[str, Any]) -> None:
        """Take an event in; they come in the order in which they happened."""
        content = event.get("content") or {}
        for resource in self._resources:
            record = content.get(resource.envelope)
            if not isinstance(record, dict) or "id" not in record:
                continue
            if event.get("event_type") in resource.changed_on:
                self._changed[resource.name][record["id"]] = None
            elif event.get("event_type") == resource.deleted_on:
                self._deleted[resource.name][record["id"]] = {**record, "deleted": True}
        for parent, ids in self._named.items():
            kind = ROWS[parent].envelope
            ids.update(dict.fromkeys(named(content, kind)))
            if "download" in (content.get(f"impacted_{kind}") or {}):
                self._unnamed.add(parent)

    def changed(self, stream: str) -> dict[str, None]:
        """The ids of the records that changed, in the order in which they first did."""
        return self._changed.get(stream, {})

    def deleted(self, stream: str) -> list[dict[str, Any]]:
        """The records that were deleted, as they last were."""
        return list(self._deleted.get(stream, {}).values())

    def outlives(self, stream: str, record: str, version: int | None) -> bool:
        """Whether a list still shows a record that was deleted: lists lag behind, and need not lag as events do.

        A newer one took its place, and so may one without a version: it stands, and its deletion is not told of. Should
        the list have lagged, the deletion is told of by a later run, which reads the event once more.
        """
        deleted = self._deleted.get(stream, {})
        if record in deleted and version is not None and version <= deleted[record].get("resource_version", 0):
            return True
        deleted.pop(record, None)
        return False

    def parents(self, stream: str) -> dict[str, None] | None:
        """The ids of the records of a stream whose parts may have changed; None when it may be any of them."""
        return None if stream in self._unnamed else self._named.get(stream, {})


def named(content: Any, kind: str) -> Iterator[str]:
    """The ids of the records of a kind that stand anywhere in an event's content, some more than once.

    Of many that one act concerns, ``impacted_item`` and its like list the ids, or say where to download them.
    """
    if isinstance(content, list):
        for one in content:
            yield from named(one, kind)
    elif isinstance(content, dict):
        for name, value in content.items():
            yield from _named_by(name, value, kind)
            yield from named(value, kind)


def _named_by(name: str, value: Any, kind: str) -> Iterator[str]:
    if isinstance(value, str) and name.endswith(f"{kind}_id"):
        yield value
    elif isinstance(value, dict) and name == kind and "id" in value:
        yield value["id"]
    elif isinstance(value, list) and name == f"{kind}s":
        yield from (one["id"] for one in value if isinstance(one, dict) and "id" in one)
    elif isinstance(value, dict) and name == f"impacted_{kind}":
        yield from (one for ids in value.values() if isinstance(ids, list) for one in ids if isinstance(one, str))
