"""Data sources, their imports and the names that are taken.

https://dev.chartmogul.com/reference/sources, https://dev.chartmogul.com/reference/bulk-import/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.chartmogul.errors import Invalid, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.json_types import JsonObject

CUSTOM_SYSTEM = "Custom"
"""The system of sources that the API created; customers can be created only in these."""


@dataclass
class Import:
    """Many customers sent in one request and created some time later; `details` are by the customers' external ids."""

    id: str
    external_id: str
    created_at: int
    updated_at: int
    status: str = "queued"
    details: JsonObject = field(default_factory=dict)

    def finish_customer(self, external_id: str, errors: dict[str, str]) -> None:
        """Record that one customer was imported, or why it was not."""
        status = "failed" if errors else "imported"
        customers = {"status": status, "errors": errors} if errors else {"status": status}
        self.details[external_id] = {"status": status, "customers": customers}


@dataclass
class Source:
    """One data source; `processed` and `failed` count the customers imported into it."""

    uuid: str
    name: str
    system: str
    created_at: int
    processed: int = 0
    failed: int = 0
    imports: list[Import] = field(default_factory=list)
    """The imports, newest first; of two with the same external id, the newer is found."""

    @property
    def is_custom(self) -> bool:
        """Whether the API can create customers in it."""
        return self.system == CUSTOM_SYSTEM

    def get_import(self, name: str) -> Import:
        """Return the import of that id or external id.

        Raises:
            Refusal: 404, no import has it; the text was never recorded.
        """
        for one in self.imports:
            if name in (one.id, one.external_id):
                return one
        raise Refusal(404, {"error": "Import not found"})


class Sources:
    """The data sources of one account."""

    def __init__(self) -> None:
        self._by_uuid: dict[str, Source] = {}
        self._being_released: set[str] = set()

    def __iter__(self) -> Iterator[Source]:
        return iter(list(self._by_uuid.values()))

    def __contains__(self, uuid: object) -> bool:
        return uuid in self._by_uuid

    def get(self, uuid: object) -> Source:
        """Return the source with this uuid.

        Raises:
            Refusal: 404, no source has it.
        """
        if not isinstance(uuid, str) or uuid not in self._by_uuid:
            raise Refusal(404, {"error": "Data source not found"})
        return self._by_uuid[uuid]

    def add(self, source: Source) -> Source:
        """Add a new source.

        Raises:
            Invalid: the name is taken, or that of a source whose deletion is not over.
        """
        if source.name in self._being_released or any(one.name == source.name for one in self):
            raise Invalid({"name": "Has already been taken."})
        self._by_uuid[source.uuid] = source
        return source

    def delete(self, source: Source) -> None:
        """Remove a source; its name stays taken until it is released."""
        del self._by_uuid[source.uuid]
        self._being_released.add(source.name)

    def release(self, name: str) -> None:
        """Release a deleted source's name."""
        self._being_released.discard(name)
