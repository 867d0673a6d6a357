"""Carries out the plan of one row, so that neither a late search nor a lost reply creates a second record."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

import requests
from singer_sdk.exceptions import ConfigurationError, FatalAPIError

from target_intercom._kit.creation import create_once
from target_intercom._kit.parent import OrphanedError
from target_intercom._kit.rate_limit import LimitError
from target_intercom.api.transport import LostReplyError, RecordRefusedError
from target_intercom.records.payloads import (
    build_create_body,
    build_update_body,
    find_changes,
    find_clearing_changes,
    find_creation_changes,
)
from target_intercom.reporting.outcomes import DONE, Cleared, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_intercom._kit.journal import JournaledWrite, JournalWriter
    from target_intercom._kit.json_types import JsonObject
    from target_intercom.api.client import IntercomClient
    from target_intercom.decisions.rules import Decision
    from target_intercom.records.buffer import Row
    from target_intercom.records.payloads import Changes
    from target_intercom.records.remote import RemoteCompany, RemoteContact, RemoteRecord
    from target_intercom.records.values import WantedRecord
    from target_intercom.records.write_options import WriteOptions

_MAX_TRIES = 7


class Writer(ABC):
    """Writes rows. Several threads may use it, as no two rows of a run concern the same record of Intercom.

    Args:
        client: the connection.
        options: the settings and the attributes.
        decide_again: decides on a row again when a record appeared before its creation.
        attach: attaches a contact to its company, and returns the change.
    """

    def __init__(
        self,
        client: IntercomClient,
        options: WriteOptions,
        decide_again: Callable[[Row, Sequence[RemoteRecord]], Decision],
        attach: Callable[[Row, RemoteRecord, JournaledWrite], Changes],
        journal: JournalWriter,
    ) -> None:
        self._client, self._options, self._journal = client, options, journal
        self._decide_again, self._attach = decide_again, attach
        self._unique = {options.object_type.identity, "email"}  # fields whose values are unique in Intercom

    @abstractmethod
    def _put(self, intercom_id: str, body: JsonObject) -> None:
        """Change a record of Intercom."""

    @abstractmethod
    def _find_or_create(self, row: Row, wanted: WantedRecord, entry: JournaledWrite) -> tuple[RemoteRecord, bool]:
        """Return the record for a row without a match, and whether this call created it.

        All reads that see the latest write come before the creation. A search is not enough, as it may not show a
        record for minutes.
        """

    def write(self, row: Row) -> Outcome:
        """Carry out the plan of a row. A refusal becomes the outcome `rejected`.

        Raises:
            ConfigurationError, FatalAPIError: the whole run must stop.
        """
        cleared = self.clear(row)
        planned = row.planned
        if planned is None or planned.wanted is None:
            raise RuntimeError("A row must be planned before it is written.")
        remote, wanted = planned.remote, planned.wanted
        entry = self._begin_entry(row, row.action)
        try:
            outcome = (
                self._update(row, wanted, remote, row.action, entry) if remote else self._create(row, wanted, entry)
            )
        except RecordRefusedError as error:
            intercom_id = remote.id if remote else None
            outcome = Outcome("rejected", error.code, intercom_id, error=error, unfit=wanted.unfit)
        except (ConfigurationError, FatalAPIError, OrphanedError, LimitError):
            if not self._client.may_have_written:
                entry.settle("not_reached")
            raise
        detail = outcome.error.reason if outcome.error else ""
        entry.settle(outcome.kind, outcome.reason, remote_id=outcome.intercom_id, fields=outcome.changes, detail=detail)
        return replace(outcome, cleared=cleared)

    def clear(self, row: Row) -> list[Cleared]:
        """Remove our values and the link from the records that a row left.

        Raises:
            ConfigurationError, FatalAPIError: the whole run must stop.
        """
        cleared = []
        for remote in row.planned.clear if row.planned else ():
            changes = find_clearing_changes(remote, self._options)
            entry = self._begin_entry(row, "clear")
            try:
                if changes:
                    entry.announce(remote.id, changes)
                    self._put(remote.id, build_update_body(changes))
                    entry.settle("cleared", remote_id=remote.id, fields=changes)
                cleared.append(Cleared(remote.id, changes))
            except RecordRefusedError as error:
                # A deleted record has no values either.
                is_gone = error.status == requests.codes.not_found
                kind, reason = ("cleared", "gone") if is_gone else ("rejected", error.code)
                entry.settle(kind, reason, remote_id=remote.id, detail=error.reason)
                cleared.append(Cleared(remote.id, error=None if is_gone else error))
        return cleared

    def _begin_entry(self, row: Row, action: str) -> JournaledWrite:
        who = row.find_who(self._options.prefix)
        return self._journal.begin_write(self._options.stream, row.label, action, who)

    def _update(
        self, row: Row, wanted: WantedRecord, remote: RemoteRecord, action: str, entry: JournaledWrite
    ) -> Outcome:
        """Write the differences and attach. The outcome contains what was written, even after a refusal."""
        written: Changes = {}
        error: RecordRefusedError | None = None
        try:
            wanted, error = self._put_changes(wanted, remote, written, entry, convert=action == "convert")
            written |= self._attach(row, remote, entry)
        except RecordRefusedError as refusal:
            error = refusal
        if error:
            return Outcome("rejected", error.code, remote.id, written, error, wanted.unfit)
        reason = "no_users" if remote.has_no_users else ""
        return Outcome(DONE[action] if written else "unchanged", reason, remote.id, written, unfit=wanted.unfit)

    def _put_changes(
        self, wanted: WantedRecord, remote: RemoteRecord, written: Changes, entry: JournaledWrite, *, convert: bool
    ) -> tuple[WantedRecord, RecordRefusedError | None]:
        """Write changes, and note them. If Intercom refuses one field, only that field is left out.

        An identity or address that another record has is withheld, unless a lead is to become a user: it might be the
        second of its customer. A value that a 400 names is withheld too, and cleared where it is an attribute of ours.

        Returns:
            The record as it could be written, and the refusal of the identity or the address.
        """
        withheld: set[str] = set()
        conflict: RecordRefusedError | None = None
        while True:
            wished = find_changes(wanted, remote, self._options, convert=convert)
            changes = {name: change for name, change in wished.items() if name not in withheld}
            try:
                if changes:
                    entry.announce(remote.id, changes)
                    self._put(remote.id, build_update_body(changes))
            except RecordRefusedError as error:
                taken = self._unique & changes.keys() if error.status == requests.codes.conflict else set()
                field = find_refused_field(error, changes, self._options)
                if taken and "role" not in changes:
                    conflict = error
                    withheld |= taken
                elif field:
                    # A second refusal of the same attribute means that it cannot even be cleared.
                    withheld |= {field} if changes[field].after is None or "." not in field else set()
                    wanted = wanted.drop_value(field, error.reason)
                else:
                    raise
                continue
            written |= changes
            return wanted, conflict

    def _create(self, row: Row, wanted: WantedRecord, entry: JournaledWrite) -> Outcome:
        """Create a record, or use one that already exists; then write what it lacks."""

        def attempt(may_exist: bool) -> tuple[RemoteRecord, bool]:  # noqa: FBT001 the argument of a callback
            record, is_created = self._find_or_create(row, wanted, entry)
            # After a lost reply, a record with our mark is the one that the lost request created.
            is_ours = may_exist and record.custom_attributes.get(self._options.created_by) is True
            return self._options.trim_remote(record), is_created or is_ours

        creation = find_creation_changes(wanted, self._options)
        try:
            remote, is_created = create_once(attempt, LostReplyError, tries=_MAX_TRIES, longest=15)
        except LostReplyError as error:
            raise FatalAPIError(
                f"{error} to {_MAX_TRIES} attempts to create a {self._options.object_type.model}: no STATE was "
                "written, so the next run starts from the same point."
            ) from None
        except RecordRefusedError as error:
            if error.archived:
                # No read of Intercom shows an archived contact. Only this refusal names it.
                return Outcome("skipped", "archived", error.other_id)
            field = find_refused_field(error, creation, self._options)
            if not field:
                raise
            return self._create(row, wanted.drop_value(field, error.reason), entry)
        if not is_created:
            # It did not exist, or was not visible, when the row was planned, so the same rules decide again.
            decision = self._decide_again(row, [remote])
            if decision.action in {"update", "convert"}:
                return replace(self._update(row, wanted, remote, decision.action, entry), late_match=remote)
            return Outcome("skipped", decision.reason, remote.id, late_match=remote)
        # The update adds an identity that the creation left out, and the company.
        rest = self._update(row, wanted, remote, "update", entry)
        outcome = rest if rest.error else Outcome("created", intercom_id=remote.id, unfit=rest.unfit)
        return replace(outcome, changes={**creation, **rest.changes})

    def _announce_creation(self, wanted: WantedRecord, entry: JournaledWrite) -> None:
        entry.announce(None, find_creation_changes(wanted, self._options))


class ContactWriter(Writer):
    """Writes contacts. Intercom's own 409 makes the e-mail address unique, and reads by external id are consistent."""

    def _put(self, intercom_id: str, body: JsonObject) -> None:
        self._client.update_contact(intercom_id, body)

    def _find_or_create(self, row: Row, wanted: WantedRecord, entry: JournaledWrite) -> tuple[RemoteContact, bool]:
        if wanted.identity and (contact := self._client.find_contact_by_external_id(wanted.identity)):
            return contact, False
        self._announce_creation(wanted, entry)
        try:
            return self._client.create_contact(build_create_body(wanted, self._options)), True
        except RecordRefusedError as error:
            if error.other_id is None or error.archived:
                raise
            # The contact in a 409 is the match only if it has this row's match value.
            contact = self._client.read_contact(error.other_id)
            if self._options.read_remote_key(contact) != row.key:
                raise
            return contact, False


class CompanyWriter(Writer):
    """Writes companies. A POST changes an existing company with the `company_id`, so it is sent only after a 404."""

    def _put(self, intercom_id: str, body: JsonObject) -> None:
        self._client.update_company(intercom_id, body)

    def _find_or_create(self, row: Row, wanted: WantedRecord, entry: JournaledWrite) -> tuple[RemoteCompany, bool]:
        if company := self._client.find_company("company_id", row.lookup_id or ""):
            return company, False
        self._announce_creation(wanted, entry)
        return self._client.create_company(build_create_body(wanted, self._options)), True


def find_refused_field(error: RecordRefusedError, changes: Changes, options: WriteOptions) -> str | None:
    """Return the changed field with the value that a 400 refuses, if the record can be written without it.

    The vendor documents a member `field`, but does not always send it. A message may name a custom attribute anywhere.
    It names a standard field, whose name is a common word, in quotes or as its first word.
    """
    if error.status != requests.codes.bad_request:
        return None
    optional = set(options.object_type.standard) - {options.match_key.field}
    for name in sorted(changes, key=len, reverse=True):
        _, _, attribute = name.partition(".")
        if not attribute and name not in optional:
            continue
        if error.field and error.field.lower() in {name.lower(), attribute.lower()}:
            return name
        mention = rf"(?<![\w-]){re.escape(attribute)}(?![\w-])" if attribute else rf"^{name}\b|([\"'`]){name}\1"
        if re.search(mention, error.reason, re.IGNORECASE):
            return name
    return None
