"""Finds contacts by external id, or, if the account keeps none, by customer, e-mail address and name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_chartmogul.matching.finder import Finder
from target_chartmogul.records.remote import RemoteContact, build_person_key
from target_chartmogul.records.values import parse_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.records.buffer import InputBuffer, Row
    from target_chartmogul.records.fitting import WriteOptions
    from target_chartmogul.records.remote import RemoteObject, RemoteRecord


class ContactFinder(Finder):
    """Finds the contacts of one data source. See `Finder` for the arguments."""

    def __init__(
        self,
        client: ChartMogulClient,
        options: WriteOptions,
        source: str | None,
        buffer: InputBuffer,
        find_stop_reason: Callable[[], str | None],
    ) -> None:
        super().__init__(client, options, source, buffer, find_stop_reason)
        self.matches_by_person = False  #: whether the account keeps no external ids of contacts
        #: The uuids of contacts that already belong to a record, if the account keeps no external ids.
        self._assigned: set[str] = set()

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
