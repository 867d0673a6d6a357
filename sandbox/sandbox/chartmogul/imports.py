"""JSON imports: many customers in one request, done some time later.

https://dev.chartmogul.com/reference/bulk-import/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.chartmogul.errors import no_import

if TYPE_CHECKING:
    from sandbox.chartmogul.sources import Source


@dataclass
class Import:
    """One import; `details` are told by the customers' external ids."""

    id: str
    source: str
    external_id: str
    created_at: int
    updated_at: int
    status: str = "queued"
    details: dict[str, Any] = field(default_factory=dict)

    def finish(self, external_id: str, errors: dict[str, str]) -> None:
        """One customer was imported, or could not be."""
        status = "failed" if errors else "imported"
        told: dict[str, Any] = {"status": status} | ({"errors": errors} if errors else {})
        self.details[external_id] = {"status": status, "customers": told}


class Imports:
    """The imports of one account, by source and id or external id."""

    def __init__(self) -> None:
        self._all: list[Import] = []

    def add(self, one: Import) -> None:
        """A new import; of two with one external id, the later is found."""
        self._all.insert(0, one)

    def get(self, source: Source, name: str) -> Import:
        """The import of that id or external id.

        Raises:
            Refusal: 404, there is none.
        """
        for one in self._all:
            if one.source == source.uuid and name in (one.id, one.external_id):
                return one
        raise no_import()

    def pending(self, source: Source) -> int:
        """How many of a source's imports are not done."""
        return sum(one.source == source.uuid and one.status != "completed" for one in self._all)
