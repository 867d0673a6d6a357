"""What ChartMogul holds for the records of a stream: all of it in pages, or one look-up a record when there are few."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError

from target_chartmogul.kinds import CUSTOMER
from target_chartmogul.payloads import CUSTOM, external_ids, held_from, text_of
from target_chartmogul.transport import RecordRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Executor
    from typing import Any

    from target_chartmogul.client import ChartMogulClient
    from target_chartmogul.payloads import Held, Shape
    from target_chartmogul.spool import Row, Spool

#: So many records and more are not looked up one by one: the index costs a call for 200 of the source.
INDEXED_FROM = 100


class Finder:
    """Finds the customers or contacts of one data source by their external ids. `find` is used from several threads.

    Args:
        client: the connection.
        shape: how the records are written.
        source: the uuid of the data source; None while there is none, and nothing in it.
        spool: where what was found is kept.
    """

    def __init__(self, client: ChartMogulClient, shape: Shape, source: str | None, spool: Spool) -> None:
        self._client, self._shape, self._source, self._spool = client, shape, source, spool
        self.indexed = source is None
        self.duplicates = 0  #: contacts whose external id another one has
        self.seen_custom: set[str] = set()  #: custom attributes that somebody has

    def read_index(self, interruption: Callable[[], str | None]) -> None:
        """Read everything that is in the data source, once, until `interruption` gives a sentence.

        Raises:
            FatalAPIError: with that sentence.
        """
        if self.indexed or self._source is None:
            return
        for entries in self._client.listed(self._shape.kind, self._source):
            if sentence := interruption():
                raise FatalAPIError(sentence)
            for entry in entries:
                self._take(entry)
        self.indexed = True

    def prepare(self, rows: Sequence[Row], executor: Executor) -> None:
        """Look the rows up, unless the index says it all."""
        if self.indexed:
            return
        ids = sorted({row.id for row in rows if row.id and not self._spool.knows_place(row.id)})
        list(executor.map(self.find, ids))

    def prepare_places(
        self, ids: Iterable[str | None], executor: Executor, interruption: Callable[[], str | None]
    ) -> None:
        """Look customers up that contacts name, unless it is known who they are; many of them by the index."""
        if self.indexed:
            return
        unknown = sorted({one for one in ids if one and not self._spool.knows_place(one)})
        if len(unknown) >= INDEXED_FROM:
            self.read_index(interruption)
        else:
            list(executor.map(self.find, unknown))

    def find(self, external_id: str) -> Held | None:
        """Ask for what has an external id now; None when nobody has it, or ChartMogul will not even look for it."""
        if self._source is None:
            return None
        try:
            entry = self._client.by_external_id(self._shape.kind, self._source, external_id)
        except RecordRefusedError:
            entry = None
        held = held_from(entry, self._shape, self._source) if entry else None
        self.note(external_id, held)
        return held

    def place(self, external_id: str | None) -> str | None:
        """Give the uuid of an external id, as far as it was found."""
        return self._spool.place(external_id)

    def note(self, external_id: str, held: Held | None) -> None:
        """Keep what has an external id."""
        self._spool.put_place(external_id, held.uuid if held else None)
        self._spool.keep(external_id, held)

    def _take(self, entry: dict[str, Any]) -> None:
        held = held_from(entry, self._shape, self._source or "")
        self.seen_custom.update(name for name in held.values if name.startswith(CUSTOM))
        for external_id in self._ids(entry):
            self.duplicates += self._shape.kind is not CUSTOMER and self._spool.knows_place(external_id)
            self._spool.put_place(external_id, held.uuid)
            if self._spool.has(external_id):
                self._spool.keep(external_id, held)

    def _ids(self, entry: dict[str, Any]) -> list[str]:
        """Give the external ids under which an entry is found; the oldest of several contacts comes last, and stays."""
        if self._shape.kind is CUSTOMER:
            return external_ids(entry, self._source or "")
        found = text_of(entry.get("external_id"))
        return [found] if found else []
