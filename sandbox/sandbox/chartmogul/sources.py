"""Data sources: where customers come from, and which names are taken.

https://dev.chartmogul.com/reference/sources
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.chartmogul.errors import Invalid, no_source

if TYPE_CHECKING:
    from collections.abc import Iterator

CUSTOM_SYSTEM = "Custom"
"""The system of sources made over the API; customers are created in these only."""


@dataclass
class Source:
    """One data source; `processed` and `failed` count what was imported into it."""

    uuid: str
    name: str
    system: str
    created_at: int
    processed: int = 0
    failed: int = 0

    @property
    def is_custom(self) -> bool:
        """Whether customers can be created in it over the API."""
        return self.system == CUSTOM_SYSTEM


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
        """The source of that uuid.

        Raises:
            Refusal: 404, there is none.
        """
        if not isinstance(uuid, str) or uuid not in self._by_uuid:
            raise no_source()
        return self._by_uuid[uuid]

    def add(self, source: Source) -> Source:
        """A new source.

        Raises:
            Invalid: the name is taken, be it by a source whose deletion is not over.
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
        """A deleted source's name can be used again."""
        self._being_released.discard(name)
