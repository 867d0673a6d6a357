"""Records that are listed and searched: in an order, by cursor, and as searches saw them some seconds ago."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sandbox.intercom.paging import Ask, Found, Key, Order, Orders
from sandbox.intercom.records import Record
from sandbox.intercom.search import value_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox.intercom.search import Document, Node


class Searched(Record):
    """A record that searches find."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(document)
        self.archived = False
        self.before: list[tuple[int, Document | None]] = []
        """What searches that lag still see: (written at, the document until then); None stands for "was not there"."""


R = TypeVar("R", bound=Searched)


class Store(Generic[R]):
    """Records by id.

    Args:
        search_lag: seconds by which searches lag behind writes.
    """

    def __init__(self, search_lag: int) -> None:
        self._lag = search_lag
        self._by_id: dict[str, R] = {}
        self._unsettled: dict[str, None] = {}
        self._orders: Orders[R] = Orders()

    def __len__(self) -> int:
        return sum(not one.archived for one in self._by_id.values())

    def live(self) -> Iterator[R]:
        """Every record that is not archived, oldest first."""
        return (one for one in self._by_id.values() if not one.archived)

    def live_among(self, ids: Iterable[str]) -> Iterator[R]:
        """Those of the records with these ids that are not archived."""
        return (self._by_id[one] for one in ids if one in self._by_id and not self._by_id[one].archived)

    def listed(self, ask: Ask) -> Found[R]:
        """A page of all live records."""
        return self._orders.page(("list", ask.order), lambda: self._placed(self.live(), ask.order), ask)

    def search(self, query: Node, name: str, ask: Ask, now: int) -> Found[R]:
        """A page of the live records that match, as searches saw them `search_lag` seconds ago.

        `name` stands for the query: the next page of an unchanged workspace needs no new search.
        """
        matching = self._matching(query, now)
        return self._orders.page((name, ask.order, now), lambda: self._placed(matching, ask.order), ask)

    def read(self, document: Document, field: str) -> Any:
        """A document's value by the field's full name."""
        return value_of(document, field)

    def _matching(self, query: Node, now: int) -> Iterator[R]:
        for one in self._candidates(query):
            seen = None if one.archived else self._seen(one, now)
            if seen is not None and query.matches(seen):
                yield one

    def _candidates(self, _: Node) -> Iterable[R]:
        """All that can match, and maybe more."""
        return list(self._by_id.values())

    def _placed(self, found: Iterable[R], order: Order) -> Iterator[tuple[Key, R]]:
        return ((order.key(self.read(one.document, order.field), one.id), one) for one in found)

    def _seen(self, record: R, now: int) -> Document | None:
        """The document as searches know it."""
        for written_at, document in record.before:
            if written_at > now - self._lag:
                return document
        record.before.clear()
        self._unsettled.pop(record.id, None)
        return record.document

    def _written(self, record: R, before: Document | None, at: int) -> None:
        if self._lag:
            record.before.append((at, before))
            self._unsettled[record.id] = None
        self._orders.clear()

    def _forget(self, record: R) -> None:
        del self._by_id[record.id]
        self._unsettled.pop(record.id, None)
        self._orders.clear()
