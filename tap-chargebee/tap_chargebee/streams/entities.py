"""The business entity of a run: which records belong to it, and which moved to another one.

https://apidocs.chargebee.com/docs/api/business_entities. The header of a call restricts a list to a business entity.
What the list nevertheless shows of another one is dropped here, so that a proxy that removes the header, or a list that
ignores it, does not mix them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tap_chargebee.streams.extras import EXTRAS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_chargebee._kit.json_types import JsonObject, JsonValue
    from tap_chargebee.api.pages import Item
    from tap_chargebee.streams.resource import Resource

FIELD = "business_entity_id"
MOVES = next(resource for resource in EXTRAS if resource.name == "business_entity_transfers")
_VERSION = "resource_version"
_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")


def is_entity_id(text: str) -> bool:
    """Return whether a text can be the id of a business entity."""
    return bool(_ID.fullmatch(text))


def narrow_resource(resource: Resource, entity: str) -> Resource:
    """Return a resource of which only one business entity's records are read, where it has such records."""
    return replace(resource, entity=entity) if entity and resource.by_entity else resource


def is_foreign(record: Mapping[str, JsonValue], entity: str) -> bool:
    """Return whether a record, or all that an event shows, belongs to another business entity."""
    content = record.get("content")
    shown = [record, *(content.values() if isinstance(content, dict) else ())]
    entities = {one[FIELD] for one in shown if isinstance(one, dict) and one.get(FIELD)}
    return bool(entities) and entity not in entities


def select_own(items: list[Item], resource: Resource) -> list[Item]:
    """Return the records of the resource's business entity; all of them if the run reads the whole site."""
    entity = resource.entity
    if not entity:
        return items
    if resource.by_event:
        return [item for item in items if not is_foreign(item.decode_record(), entity)]
    return [item for item in items if item.members.business_entity_id in {None, entity}]


class Moves:
    """The records that left or entered a business entity.

    Args:
        transfers: Chargebee's records of the transfers.
        entity: the business entity.
    """

    def __init__(self, transfers: Iterable[Mapping[str, JsonValue]] = (), entity: str = "") -> None:
        self._entity = entity
        self._times: dict[str, dict[str, int]] = {}
        for transfer in transfers:
            if entity in {transfer.get(f"source_{FIELD}"), transfer.get(f"destination_{FIELD}")}:
                times, at = self._times.setdefault(str(transfer.get("resource_type")), {}), _read_time(transfer)
                times.update({one: max(at, times.get(one, 0)) for one in _list_ids(transfer)})

    def list_ids(self, kind: str) -> list[str]:
        """Return the ids of the moved records of a kind, such as `customer`."""
        return list(self._times.get(kind, {}))

    def build_record(self, kind: str, record: JsonObject) -> JsonObject:
        """Return a moved record as this business entity has it now: deleted if it left.

        Chargebee does not say that a move changes `resource_version`, and whoever keeps the greatest version of an id
        would keep the record as it was before. So the version is at least the end of the second of the move.

        Args:
            kind: its kind, such as `customer`.
            record: the record as Chargebee shows it to the whole site.
        """
        version, at = record.get(_VERSION), self._times.get(kind, {}).get(str(record.get("id")), 0)
        moved = {**record, _VERSION: max(version if isinstance(version, int) else 0, at * 1000 + 999)}
        return {**moved, "deleted": True} if is_foreign(record, self._entity) else moved


def _read_time(transfer: Mapping[str, JsonValue]) -> int:
    at = transfer.get("created_at")
    return at if isinstance(at, int) else 0


def _list_ids(transfer: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield both ids of a transfer: Chargebee does not say whether the old or the new record keeps the known id."""
    for name in ("resource_id", "active_resource_id"):
        if isinstance(transfer.get(name), str):
            yield transfer[name]
