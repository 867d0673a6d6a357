"""How an undo reads, compares and writes contacts and companies, see `_kit.undo_run`.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import requests

from target_intercom._kit.journal import Who
from target_intercom._kit.undo_run import GONE, Remote, Restorer
from target_intercom.api.transport import RecordRefusedError
from target_intercom.records.data_events import STREAM as EVENTS
from target_intercom.records.match_keys import COMPANY_ID, EMAIL
from target_intercom.records.object_types import COMPANY, CONTACT, OBJECT_TYPES
from target_intercom.records.payloads import build_update_body, is_same
from target_intercom.records.remote import RemoteCompany, RemoteContact
from target_intercom.records.subscription_objects import REFERENCES
from target_intercom.records.subscription_objects import STREAM as OBJECTS
from target_intercom.writing.attribute_creator import ATTRIBUTES_STREAM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_intercom._kit.changes import Change
    from target_intercom._kit.json_types import JsonValue
    from target_intercom._kit.undo import Written
    from target_intercom.api.client import IntercomClient
    from target_intercom.records.remote import RemoteRecord

_CUSTOM = "custom_attributes."
_MISSING = {requests.codes.not_found, requests.codes.gone}


class RecordRestorer(Restorer):
    """Restores fields of contacts and companies. Several threads may use it.

    Args:
        client: the connection.
    """

    #: A company can be archived only after the contacts that the run attached to it are detached.
    streams: ClassVar[Sequence[str]] = (CONTACT.stream, COMPANY.stream)
    final_streams: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            ATTRIBUTES_STREAM: "an attribute that the run created stays: archive it in Intercom's settings",
            OBJECTS: "the custom object of a subscription stays as the run left it",
            REFERENCES: "a contact keeps the custom objects that it refers to",
            EVENTS: "an event stays in Intercom, which can neither change nor delete one",
        }
    )

    def __init__(self, client: IntercomClient) -> None:
        self._client = client
        self._companies: dict[str, str | None] = {}  # Intercom's ids, by `company_id`
        self._attributes = {
            (object_type.stream, one.name): one
            for object_type in OBJECT_TYPES.values()
            for one in client.list_attributes(object_type.model)
            if one.is_custom
        }

    def fetch(self, stream: str, remote_id: str) -> HeldRecord | None:
        """Read a contact or company; None if Intercom no longer shows it."""
        read = self._client.read_contact if stream == CONTACT.stream else self._client.read_company
        try:
            return HeldRecord(read(remote_id), self._find_company_id, self._client)
        except RecordRefusedError as error:
            if error.status in _MISSING:
                return None
            raise

    def is_same(self, stream: str, name: str, value: JsonValue, other: JsonValue) -> bool:
        """Compare as a run does: 49 equals 49.0, dates equal to the second, "" is empty.

        Addresses ignore letter case.
        """
        if name == EMAIL.field and isinstance(value, str) and isinstance(other, str):
            return EMAIL.normalise(value) == EMAIL.normalise(other)
        return is_same(self._find_type(stream, name), None if value == "" else value, other)

    def find_obstacle(self, stream: str, name: str, change: Change) -> str | None:
        """Return why Intercom can no longer store the earlier value of a field."""
        if name == "role":
            return "Intercom cannot turn a user into a lead"
        if name.startswith(_CUSTOM):
            attribute = self._attributes.get((stream, name.removeprefix(_CUSTOM)))
            if attribute is None or attribute.is_archived:
                return "the attribute is archived in Intercom"
            return "Intercom's API does not write this attribute" if attribute.is_read_only else None
        # Neither is marked as nullable (API description 2.16, 2026-08-21).
        if change.before is None and name in {CONTACT.identity, EMAIL.field}:
            return "Intercom cannot clear this field"
        return None

    def restore(self, written: Written, changes: Mapping[str, Change]) -> dict[str, str]:
        """Write the earlier values. Return the reason for each field that Intercom refused."""
        rest, refused = dict(changes), dict[str, str]()
        if written.stream == CONTACT.stream and COMPANY_ID.field in rest:
            refused |= self._move(written, rest.pop(COMPANY_ID.field))
        # A lead may refuse every null, but the other values are still written.
        for is_null in (False, True):
            refused |= self._put(written, {name: one for name, one in rest.items() if (one.after is None) is is_null})
        return refused

    def archive(self, written: Written, remote: Remote) -> str:
        """Archive a contact or company. A company with users stays, as its deletion would detach them."""
        record = remote.record if isinstance(remote, HeldRecord) else None
        if isinstance(record, RemoteCompany) and record.user_count:
            return "it has users now"
        archive = self._client.archive_contact if written.stream == CONTACT.stream else self._client.delete_company
        try:
            archive(written.remote_id or "")
        except RecordRefusedError as error:
            return "" if error.status in _MISSING else f"Intercom refused: {error.reason}"
        return ""

    def _put(self, written: Written, changes: Mapping[str, Change]) -> dict[str, str]:
        """Write these fields in one call. If Intercom refuses them together, write each alone."""
        if not changes:
            return {}
        update = self._client.update_contact if written.stream == CONTACT.stream else self._client.update_company
        try:
            update(written.remote_id or "", build_update_body(changes))
        except RecordRefusedError as error:
            reason = GONE if error.status in _MISSING else f"Intercom refused: {error.reason}"
            if len(changes) == 1 or error.status in _MISSING:
                return dict.fromkeys(changes, reason)
            return self._put_each(written, changes, reason)
        return {}

    def _put_each(self, written: Written, changes: Mapping[str, Change], reason: str) -> dict[str, str]:
        """Write each field alone, after a refusal of all of them."""
        first, *others = changes
        refused = self._put(written, {first: changes[first]})
        if changes[first].after is None and refused == {first: reason} and first.rpartition(".")[2] not in reason:
            # The message names no field, as it is about null, which a lead refuses.
            return dict.fromkeys(changes, reason)
        for name in others:
            refused |= self._put(written, {name: changes[name]})
        return refused

    def _move(self, written: Written, change: Change) -> dict[str, str]:
        """Attach a contact to its company again, or detach it."""
        company = self._find_company_id(change.before or change.after)
        write = self._client.attach_contact if change.after else self._client.detach_contact
        try:
            write(written.remote_id or "", company or "")
        except RecordRefusedError as error:
            return {COMPANY_ID.field: f"Intercom refused: {error.reason}"}
        return {}

    def _find_company_id(self, company_id: str) -> str | None:
        """Return Intercom's id of the company with this `company_id`; None if it no longer exists."""
        if company_id not in self._companies:
            company = self._client.find_company(COMPANY_ID.field, company_id)
            self._companies[company_id] = company.id if company else None
        return self._companies[company_id]

    def _find_type(self, stream: str, name: str) -> str:
        if name.startswith(_CUSTOM):
            attribute = self._attributes.get((stream, name.removeprefix(_CUSTOM)))
            return attribute.data_type if attribute else "string"
        return OBJECT_TYPES[stream].standard.get(name, "string")


class HeldRecord(Remote):
    """A contact or company in its present state.

    Args:
        record: the contact or company.
        companies: finds Intercom's id of a company.
        client: lists the companies of a contact with more than ten.
    """

    def __init__(
        self, record: RemoteRecord, find_company_id: Callable[[str], str | None], client: IntercomClient
    ) -> None:
        self.record, self._find_company_id, self._client = record, find_company_id, client

    @property
    def who(self) -> Who:
        """Its name, and the e-mail address of a contact."""
        return Who(str(self.record.get_field("name") or ""), getattr(self.record, EMAIL.field, None) or "")

    def read_fields(self, fields: Mapping[str, Change]) -> dict[str, JsonValue]:
        """Return the present values of these fields.

        A contact's `company_id` is the company if it is still attached.
        """
        return {name: self._read_field(name, change) for name, change in fields.items()}

    def _read_field(self, name: str, change: Change) -> JsonValue:
        if name.startswith(_CUSTOM):
            return self.record.custom_attributes.get(name.removeprefix(_CUSTOM))
        if name == COMPANY_ID.field and isinstance(self.record, RemoteContact):
            company_id = change.after or change.before
            return company_id if self._is_attached(self.record, str(company_id)) else None
        return getattr(self.record, name, None)

    def _is_attached(self, contact: RemoteContact, company_id: str) -> bool:
        company = self._find_company_id(company_id)
        if company is None or company in contact.company_ids:
            return company is not None
        # A contact's record contains at most ten of its companies.
        return contact.has_more_companies and company in self._client.list_companies_of(contact.id)
