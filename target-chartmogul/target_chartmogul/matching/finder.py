"""What ChartMogul holds for the records of a stream: all of it in pages, or one look-up each, whichever is cheaper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError

from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.records.object_types import CUSTOMER
from target_chartmogul.records.payloads import CUSTOM, external_ids, held_from, person_key, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Executor
    from typing import Any

    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.records.buffer import Row, Spool
    from target_chartmogul.records.payloads import Held, Shape

    Interruption = Callable[[], str | None]

#: Where nobody tells how many pages there are, one is read for so many look-ups that they may save.
_LOOK_UPS_A_PAGE = 4
_MOST_READINGS = 4  # times that the index is read, because something was created while it was


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
        self.by_person = (
            False  #: the account keeps no external ids of contacts: customer, e-mail and name stand for them
        )
        self.filters = True  #: the account answers a look-up with what was asked for alone
        self.is_short = False  #: something was found that the index lacks
        self.is_empty = False  #: everything was read, and there was nothing
        self.duplicates = 0  #: contacts whose external id another one has
        self.seen_custom: set[str] = set()  #: custom attributes that somebody has
        self._claimed: set[str] = set()
        self._pages: int | None = None
        self._readings = 0

    def read_index(self, interruption: Interruption) -> None:
        """Read everything that is in the data source, once, until `interruption` gives a sentence.

        Raises:
            FatalAPIError: with that sentence.
        """
        if not self.indexed:
            self._read(interruption, lambda _: True)

    def read_cheaper_index(self, look_ups: int, interruption: Interruption) -> None:
        """Read everything if that costs less than so many look-ups, which its first pages may tell.

        Raises:
            FatalAPIError: with a sentence of `interruption`.
        """
        if self.indexed or (look_ups <= 1 and self.filters and not self.by_person):
            return
        if self.by_person or not self.filters:
            self._read(interruption, lambda _: True)
        elif self._pages is None or self._pages <= look_ups:
            self._read(interruption, lambda read: self._is_cheaper(read, look_ups))

    def read_again(self, interruption: Interruption) -> None:
        """Read the index once more, for it was short: something arrived after it had been read.

        Raises:
            FatalAPIError: with a sentence of `interruption`.
        """
        self.is_short = False
        if self.indexed and self._readings < _MOST_READINGS:
            self._read(interruption, lambda _: True)

    def find_by_person(self, interruption: Interruption) -> None:
        """Read the index once more: the account keeps no external ids of contacts."""
        self.by_person = True
        self._read(interruption, lambda _: True)

    @property
    def source(self) -> str:
        """The uuid of the data source; empty while there is none."""
        return self._source or ""

    def _is_cheaper(self, read: int, look_ups: int) -> bool:
        """Say whether it is cheaper to read on after so many pages."""
        if self._pages is not None:
            return self._pages - read <= look_ups
        return read <= look_ups // _LOOK_UPS_A_PAGE

    def _read(self, interruption: Interruption, goes_on: Callable[[int], bool]) -> None:
        self._readings += 1
        self.duplicates = 0
        for number, page in enumerate(self._client.pages(self._shape.kind, self.source), 1):
            if sentence := interruption():
                raise FatalAPIError(sentence)
            self.is_empty = page.is_last and number == 1 and not page.entries
            for entry in page.entries:
                self._take(entry)
            self._pages = page.total or self._pages
            if not page.is_last and not goes_on(number):
                return
        self.indexed = True

    def prepare(self, rows: Sequence[Row], executor: Executor, interruption: Interruption) -> None:
        """Look the rows up, and those that are not there under their earlier ids, unless the index says it all."""
        self._look_up(sorted({row.id for row in rows if row.id}), executor, interruption)
        absent = [row.id for row in rows if row.id and self._spool.held(row.id) is None]
        self._look_up(sorted({one for row_id in absent for one in self._spool.earlier(row_id)}), executor, interruption)

    def prepare_places(self, ids: Iterable[str], executor: Executor, interruption: Interruption) -> None:
        """Look customers up that contacts name, unless it is known who they are; many of them by the index."""
        unknown = sorted({one for one in ids if not self._spool.knows_place(one)})
        self.read_cheaper_index(len(unknown), interruption)
        self._look_up(unknown, executor, interruption)

    def _look_up(self, ids: Sequence[str], executor: Executor, interruption: Interruption) -> None:
        """Look up what is not known yet: one alone, to see whether the account filters, and then the others."""
        unknown = [one for one in ids if not self._spool.knows_place(one)]
        if self.indexed or not unknown:
            return
        first, *others = unknown
        self.find(first)
        if self.filters:
            list(executor.map(self.find, others))
        elif others:
            self.read_index(interruption)

    def find(self, external_id: str) -> Held | None:
        """Ask for what has an external id now; None when nobody has it, or ChartMogul will not even look for it."""
        if self._source is None:
            return None
        try:
            found = self._client.look_up(self._shape.kind, self._source, external_id)
        except RecordRefusedError:
            entry = None
        else:
            entry, self.filters = found.entry, self.filters and found.filtered
        held = held_from(entry, self._shape, self._source) if entry else None
        self.note(external_id, held)
        return held

    def find_person(self, row: Row, customer: str) -> Held | None:
        """Ask for the contact of a customer that has a row's e-mail address and name."""
        wanted = person_key(customer, row.record)
        for entries in self._client.contacts_of(customer):
            for entry in entries:
                is_ours = entry.get("data_source_uuid") == self._source and entry["uuid"] not in self._claimed
                if is_ours and person_key(customer, entry) == wanted:
                    self.claim(entry["uuid"])
                    return held_from(entry, self._shape, self.source)
        return None

    def claim(self, uuid: str) -> None:
        """Note that a contact is somebody's, where external ids do not tell."""
        self._claimed.add(uuid)

    def match_person(self, row: Row, customer: str | None) -> None:
        """Note for a row the contact in the index that has its customer, e-mail address and name."""
        while row.id and customer and (held := self._spool.take_person(person_key(customer, row.record))):
            if held.uuid not in self._claimed:
                self.claim(held.uuid)
                self._spool.keep(row.id, held)
                return

    def place(self, external_id: str | None) -> str | None:
        """Give the uuid of an external id, as far as it was found."""
        return self._spool.place(external_id)

    def note(self, external_id: str, held: Held | None) -> None:
        """Keep what has an external id."""
        self._spool.put_place(external_id, held.uuid if held else None)
        self._spool.keep(external_id, held)
        if self.by_person and held:
            self.claim(held.uuid)

    def _take(self, entry: dict[str, Any]) -> None:
        held = held_from(entry, self._shape, self.source)
        self.seen_custom.update(name for name in held.values if name.startswith(CUSTOM))
        if self.by_person:
            self._spool.put_person(person_key(held.customer, entry), held)
            return
        for external_id in self._ids(entry):
            is_known = self._spool.reading(external_id) == self._readings
            self.duplicates += self._shape.kind is not CUSTOMER and is_known
            self._spool.put_place(external_id, held.uuid, self._readings)
            if self._spool.has(external_id):
                self._spool.keep(external_id, held)

    def _ids(self, entry: dict[str, Any]) -> list[str]:
        """Give the external ids under which an entry is found; the oldest of several contacts comes last, and stays."""
        if self._shape.kind is CUSTOMER:
            return external_ids(entry, self.source)
        found = text_of(entry.get("external_id"))
        return [found] if found else []
