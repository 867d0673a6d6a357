"""Records that are listed and searched: sorted, by cursor, and as they were some seconds ago."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sandbox.intercom.paging import Ask, Found, Key, Order, Orders
from sandbox.intercom.records import Record, Records
from sandbox.intercom.search import read_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox.intercom.search import Document, Node
    from sandbox.json_types import JsonObject, JsonValue


class Searched(Record):
    """A record that searches can find."""

    def __init__(self, document: JsonObject) -> None:
        super().__init__(document)
        self.archived = False
        self.before: list[tuple[int, Document | None]] = []
        """Earlier documents for lagging searches: (time of the write, document before it, or None for a new record)."""


R = TypeVar("R", bound=Searched)


class Store(Records[R]):
    """Records by id.

    Args:
        search_lag: seconds by which searches lag behind writes.
    """

    def __init__(self, search_lag: int, *fields: str) -> None:
        super().__init__(*fields)
        self._lag = search_lag
        self._unsettled: dict[str, None] = {}
        self._orders: Orders[R] = Orders()

    def list_page(self, ask: Ask) -> Found[R]:
        """Return a page of all live records."""
        return self._orders.page(("list", ask.order), lambda: self._place(self.live(), ask.order), ask)

    def search(self, query: Node, name: str, ask: Ask, now: int) -> Found[R]:
        """Return a page of the live records that match, as searches saw them `search_lag` seconds ago.

        `name` stands for the query: the next page of an unchanged workspace needs no new search.
        """
        matching = (
            one
            for one in self._find_candidates(query)
            if not one.archived and (seen := self._find_seen(one, now)) is not None and query.matches(seen)
        )
        return self._orders.page((name, ask.order, now), lambda: self._place(matching, ask.order), ask)

    def read(self, document: Document, field: str) -> JsonValue:
        """Return a document's value by the field's full name."""
        return read_value(document, field)

    def delete(self, record: R) -> None:
        """Delete a record."""
        self._index.remove(record.document)
        del self._by_id[record.id]
        self._unsettled.pop(record.id, None)
        self._orders.clear()

    def _find_candidates(self, _: Node) -> Iterable[R]:
        """Return all possible matches."""
        return list(self._by_id.values())

    def _place(self, found: Iterable[R], order: Order) -> Iterator[tuple[Key, R]]:
        return ((order.make_key(self.read(one.document, order.field), one.id), one) for one in found)

    def _find_seen(self, record: R, now: int) -> Document | None:
        """Return the document that searches see."""
        for written_at, document in record.before:
            if written_at > now - self._lag:
                return document
        record.before.clear()
        self._unsettled.pop(record.id, None)
        return record.document

    def _is_live(self, record: R) -> bool:
        return not record.archived

    def _note_write(self, record: R, before: Document | None, at: int) -> None:
        if self._lag:
            record.before.append((at, before))
            self._unsettled[record.id] = None
        self._orders.clear()
