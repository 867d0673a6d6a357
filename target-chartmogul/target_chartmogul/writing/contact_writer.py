"""Writing contacts.

https://dev.chartmogul.com/reference/contacts
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.records.object_types import CUSTOMER_ID
from target_chartmogul.records.payloads import contact_body
from target_chartmogul.writing.writer import Writer

if TYPE_CHECKING:
    from target_chartmogul.records.payloads import Held
    from target_chartmogul.writing.writer import Changes, Job

_PLACES = frozenset({"customer_uuid", "data_source_uuid"})  #: where a contact belongs


class ContactWriter(Writer):
    """Writes contacts. What they are to hold goes into one body; an attribute that nobody has defined is dropped."""

    def _body(self, job: Job, changed: Changes) -> dict[str, Any]:
        body = {"data_source_uuid": self._source, "external_id": job.id}
        return body | {"customer_uuid": self._planner.customers.place(job.row.customer)} | contact_body(changed)

    def _find(self, job: Job) -> Held | None:
        """Ask for the contact; where the account keeps no external ids, among those of its customer."""
        if not self._finder.by_person:
            return super()._find(job)
        customer = self._planner.customers.place(job.row.customer)
        return self._finder.find_person(job.row, customer) if customer else None

    def _posted(self, job: Job, changed: Changes) -> Held:
        """Create; a customer that is not there may have been merged since it was found."""
        try:
            return super()._posted(job, changed)
        except RecordRefusedError as error:
            if not job.row.customer or not (error.is_missing or _PLACES.intersection(error.named)):
                raise
            before = self._planner.customers.place(job.row.customer)
            found = self._planner.customers.find(job.row.customer)
            if found is None or found.uuid == before:
                raise
            return super()._posted(job, changed)

    def _send(self, job: Job) -> None:
        body = contact_body(job.todo)
        if CUSTOMER_ID in job.todo:
            body["customer_uuid"] = self._planner.customers.place(job.row.customer)
        self._patch(job, body)
