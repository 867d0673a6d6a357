"""Finds ChartMogul's records for a stream: reads all records or makes one look-up per record, whichever is cheaper.

Customers and contacts are found by external id, or contacts, if the account keeps none, by customer, e-mail address and
name.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError

from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.records.object_types import parse_id
from target_chartmogul.records.remote import CUSTOM, RemoteContact, build_person_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from concurrent.futures import Executor

    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.records.buffer import InputBuffer, Row
    from target_chartmogul.records.remote import RemoteObject, RemoteRecord
    from target_chartmogul.records.values import WriteOptions

# If the number of pages is unknown, one page is read per this many look-ups that it may save.
_LOOK_UPS_PER_PAGE = 4
_MAX_READINGS = 4  # readings of the index, if records are created meanwhile


class Finder:
    """Finds the customers or contacts of one data source by their external ids. Several threads use `fetch_by_id`.

    The buffer stores what is found.

    Args:
        client: the connection.
        options: the options for writing records.
        source: the uuid of the data source; None while it does not exist.
        buffer: the rows with their matches.
        find_stop_reason: returns a sentence when the run is to stop.
    """

    def __init__(
        self,
        client: ChartMogulClient,
        options: WriteOptions,
        source: str | None,
        buffer: InputBuffer,
        find_stop_reason: Callable[[], str | None],
    ) -> None:
        self._client, self._options, self._source, self._buffer = client, options, source, buffer
        self._find_stop_reason = find_stop_reason
        self.is_indexed = source is None  #: whether everything in the data source was read
        self.filter_works = True  #: whether a look-up returns only the requested id
        self.is_outdated = False  #: whether something was found that the index lacks
        self.source_is_empty = False  #: whether everything was read and nothing was found
        self.duplicates = 0  #: contacts with the external id of another contact
        self.seen_attributes: set[str] = set()  #: custom attributes that at least one record has
        self._pages: int | None = None
        self._readings = 0

    @property
    def source(self) -> str:
        """The uuid of the data source; empty while it does not exist."""
        return self._source or ""

    @property
    def needs_index(self) -> bool:
        """Whether look-ups find nothing in this account, so that the index must be read."""
        return not self.filter_works

    def read_index(self) -> None:
        """Read everything in the data source once.

        Raises:
            FatalAPIError: the run is to stop.
        """
        if not self.is_indexed:
            self._read_index()

    def read_index_if_cheaper(self, look_ups: int) -> None:
        """Read everything if that costs fewer calls than this many look-ups. The first pages may show it.

        Raises:
            FatalAPIError: the run is to stop.
        """
        if self.is_indexed:
            return
        if self.needs_index:
            self._read_index()
        elif look_ups > 1 and (self._pages is None or self._pages <= look_ups):
            self._read_index(look_ups)

    def refresh_index(self) -> None:
        """Read the index once more, because a record arrived after its reading.

        Raises:
            FatalAPIError: the run is to stop.
        """
        self.is_outdated = False
        if self.is_indexed and self._readings < _MAX_READINGS:
            self._read_index()

    def look_up_rows(self, rows: Sequence[Row], executor: Executor) -> None:
        """Look up rows, and missing ones under their previous ids, unless the index has everything."""
        self.look_up_ids({row.id for row in rows if row.id}, executor)
        absent = [row.id for row in rows if row.id and self._buffer.get_remote(row.id) is None]
        self.look_up_ids({one for row_id in absent for one in self._buffer.list_previous_ids(row_id)}, executor)

    def find_ids(self, ids: Collection[str], executor: Executor) -> None:
        """Find external ids in the index if that costs less than look-ups."""
        self.read_index_if_cheaper(sum(not self._buffer.is_looked_up(one) for one in ids))
        self.look_up_ids(ids, executor)

    def look_up_ids(self, ids: Iterable[str], executor: Executor) -> None:
        """Look up unknown external ids, several at once."""
        unknown = sorted(one for one in ids if not self._buffer.is_looked_up(one))
        if self.is_indexed or not unknown:
            return
        # The first look-up is sent alone, as it shows whether the account filters at all.
        first, *others = unknown
        self.fetch_by_id(first)
        if self.filter_works:
            list(executor.map(self.fetch_by_id, others))
        elif others:
            self.read_index()

    def fetch_by_id(self, external_id: str) -> RemoteRecord | None:
        """Ask ChartMogul for the record with an external id; None if there is none, or if ChartMogul refuses the id."""
        if self._source is None:
            return None
        try:
            found = self._client.look_up(self._options.object_type, self._source, external_id)
        except RecordRefusedError:
            # ChartMogul refused to look for the id, so no record has it.
            entry = None
        else:
            entry, self.filter_works = found.entry, self.filter_works and found.is_filtered
        remote = self._to_record(entry) if entry else None
        self.store(external_id, remote)
        return remote

    def get_uuid(self, external_id: str | None) -> str | None:
        """Return the uuid of an external id, if it was found."""
        return self._buffer.get_uuid(external_id)

    def store(self, external_id: str, remote: RemoteRecord | None) -> None:
        """Store the records with an external id."""
        self._buffer.put_uuid(external_id, remote.uuid if remote else None)
        self._buffer.put_remote(external_id, remote)

    def _read_index(self, look_ups: int | None = None) -> None:
        """Read page by page. Stop early if this many look-ups are cheaper."""
        self._readings += 1
        self.duplicates = 0
        for number, page in enumerate(self._client.read_pages(self._options.object_type, self.source), 1):
            if sentence := self._find_stop_reason():
                raise FatalAPIError(sentence)
            self.source_is_empty = page.is_last and number == 1 and not page.entries
            for entry in page.entries:
                self._index_entry(entry)
            self._pages = page.total or self._pages
            if look_ups is None or page.is_last:
                continue
            # The number of pages is known for customers only.
            if self._pages is None:
                is_cheaper = number <= look_ups // _LOOK_UPS_PER_PAGE
            else:
                is_cheaper = self._pages - number <= look_ups
            if not is_cheaper:
                return
        self.is_indexed = True

    def _index_entry(self, entry: RemoteObject) -> None:
        remote = self._to_record(entry)
        for external_id in entry.list_index_ids(self.source):
            self._buffer.put_uuid(external_id, remote.uuid, self._readings)
            # The index may be far larger than the input, so only possible matches are stored.
            if self._buffer.mentions_id(external_id):
                self._buffer.put_remote(external_id, remote)

    def _to_record(self, entry: RemoteObject) -> RemoteRecord:
        remote = entry.to_record(self.source, self._options.types)
        self.seen_attributes.update(name for name in remote.values if name.startswith(CUSTOM))
        return remote


class ContactFinder(Finder):
    """Finds the contacts of one data source. See `Finder` for the arguments."""

    matches_by_person = False  #: whether the account keeps no external ids of contacts

    @cached_property
    def _assigned(self) -> set[str]:
        """The uuids of contacts that already belong to a record, if the account keeps no external ids."""
        return set()

    @property
    def needs_index(self) -> bool:
        """Whether look-ups find nothing in this account, so that the index must be read."""
        return self.matches_by_person or super().needs_index

    def match_by_person(self, created_uuid: str) -> None:
        """Read the index once more, because the account keeps no external ids.

        Args:
            created_uuid: the contact whose creation showed that.
        """
        self.matches_by_person = True
        self._read_index()
        self._assigned.add(created_uuid)

    def assign_by_person(self, row: Row, customer_uuid: str | None) -> None:
        """Store for a row the contact in the index with its customer, e-mail address and name."""
        # The index also has contacts that this run created or looked up, but they belong to other rows.
        key = _build_row_key(row, customer_uuid)
        while row.id and customer_uuid and (remote := self._buffer.take_person(key)):
            if remote.uuid not in self._assigned:
                self._assigned.add(remote.uuid)
                self._buffer.put_remote(row.id, remote)
                return

    def fetch_by_person(self, row: Row, customer_uuid: str) -> RemoteRecord | None:
        """Ask ChartMogul for the contact of a customer with a row's e-mail address and name."""
        key = _build_row_key(row, customer_uuid)
        for contact in self._client.read_contacts_of(customer_uuid):
            is_free = contact.data_source_uuid == self._source and contact.uuid not in self._assigned
            if is_free and contact.person_key == key:
                self._assigned.add(contact.uuid)
                return self._to_record(contact)
        return None

    def store(self, external_id: str, remote: RemoteRecord | None) -> None:
        """Store the records with an external id."""
        super().store(external_id, remote)
        if self.matches_by_person and remote:
            self._assigned.add(remote.uuid)

    def _index_entry(self, entry: RemoteObject) -> None:
        if self.matches_by_person and isinstance(entry, RemoteContact):
            self._buffer.put_person(entry.person_key, self._to_record(entry))
            return
        # The oldest of several contacts comes last, so it stays in the buffer.
        ids = entry.list_index_ids(self.source)
        self.duplicates += sum(self._buffer.get_reading(one) == self._readings for one in ids)
        super()._index_entry(entry)


def _build_row_key(row: Row, customer_uuid: str | None) -> str:
    texts = (parse_id(row.record.get(name)) for name in ("email", "first_name", "last_name"))
    return build_person_key(customer_uuid, *texts)
