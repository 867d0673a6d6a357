"""Writes contacts. https://dev.chartmogul.com/reference/contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.records.payloads import Changes, build_contact
from target_chartmogul.records.remote import CUSTOM, CUSTOMER_ID
from target_chartmogul.writing.memory import ANY, OVERRIDDEN, UNDEFINED
from target_chartmogul.writing.writer import Job, Writer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_chartmogul._kit.journal import JournalWriter
    from target_chartmogul._kit.json_types import JsonObject
    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.matching.finder import ContactFinder, Finder
    from target_chartmogul.records.remote import RemoteRecord
    from target_chartmogul.records.values import WriteOptions
    from target_chartmogul.writing.late_creates import CreateGuard
    from target_chartmogul.writing.memory import Memory
    from target_chartmogul.writing.writer import Compare

_PLACE_FIELDS = frozenset({"customer_uuid", "data_source_uuid"})  # connect a contact to its customer


class ContactWriter(Writer):
    """Writes contacts. One body contains everything, and ChartMogul drops undefined attributes.

    See `Writer` for the other arguments.

    Args:
        contacts: finds existing contacts.
        customers: finds the customers of contacts.
    """

    def __init__(  # noqa: PLR0913 - its parts, which a class would only rename
        self,
        client: ChartMogulClient,
        options: WriteOptions,
        *,
        contacts: ContactFinder,
        customers: Finder,
        memory: Memory,
        guard: CreateGuard,
        compare: Compare,
        journal: JournalWriter,
    ) -> None:
        super().__init__(client, options, finder=contacts, memory=memory, guard=guard, compare=compare, journal=journal)
        self._contacts, self._customers = contacts, customers

    def _build_body(self, job: Job, changes: Changes) -> JsonObject:
        body = {"data_source_uuid": self._finder.source, "external_id": job.id}
        return body | {"customer_uuid": self._customers.get_uuid(job.row.customer)} | build_contact(changes)

    def _fetch_remote(self, job: Job) -> RemoteRecord | None:
        if not self._contacts.matches_by_person:
            return super()._fetch_remote(job)
        customer_uuid = self._customers.get_uuid(job.row.customer)
        return self._contacts.fetch_by_person(job.row, customer_uuid) if customer_uuid else None

    def _create_object(self, job: Job, changes: Changes) -> RemoteRecord:
        try:
            return super()._create_object(job, changes)
        except RecordRefusedError as error:
            if not job.row.customer or not (error.is_missing or _PLACE_FIELDS.intersection(error.fields)):
                raise
            # The customer may have been merged since its look-up, and then has another uuid.
            uuid = self._customers.get_uuid(job.row.customer)
            customer = self._customers.fetch_by_id(job.row.customer)
            if customer is None or customer.uuid == uuid:
                raise
            return super()._create_object(job, changes)

    def _send_changes(self, job: Job) -> None:
        body = build_contact(job.to_write)
        if CUSTOMER_ID in job.to_write:
            body["customer_uuid"] = self._customers.get_uuid(job.row.customer)
        self._patch_fields(job, body)

    def _explain_missing(self, job: Job, name: str) -> tuple[str, str]:
        return (ANY, UNDEFINED) if name.startswith(CUSTOM) else (job.id, OVERRIDDEN)

    def _list_defined(self, remote: RemoteRecord, taken: Changes) -> Iterable[str]:  # noqa: ARG002 - the base's
        return remote.values
