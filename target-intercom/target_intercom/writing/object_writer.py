"""Writes custom objects, deletes them, and has contacts refer to them. Every write may safely be repeated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import requests
from singer_sdk.exceptions import ConfigurationError

from target_intercom._kit.changes import Change
from target_intercom.api.transport import RecordRefusedError
from target_intercom.records.subscription_objects import (
    REFERENCES,
    STREAM,
    build_body,
    find_changes,
    find_missing,
    read_references,
)
from target_intercom.reporting.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_intercom._kit.journal import JournalWriter, Who
    from target_intercom.api.client import IntercomClient
    from target_intercom.records.subscription_objects import ObjectOptions, Subscription
    from target_intercom.writing.object_ledger import ObjectLedger, References

#: What a refusal says when an instance was deleted in Intercom; the exact words are not documented.
_NO_INSTANCE = re.compile(r"instance.*(not exist|not found)", re.IGNORECASE)


class ObjectWriter:
    """Writes the objects of a run. Several threads may use it.

    Args:
        client: the connection.
        options: the type of the objects, and the attribute that refers to them.
        ledger: knows what Intercom has.
        journal: the journal of the run.
    """

    def __init__(
        self, client: IntercomClient, options: ObjectOptions, ledger: ObjectLedger, journal: JournalWriter
    ) -> None:
        self._client, self._options, self._ledger, self._journal = client, options, ledger, journal

    def save(self, subscription: Subscription, contact_id: str, who: Who) -> Outcome:
        """Create the instance of a subscription, or change it.

        Raises:
            ConfigurationError, FatalAPIError: the whole run must stop.
        """
        options, key = self._options, subscription.subscription_id
        entry = self._journal.begin_write(STREAM, key, "save", who)
        known = self._ledger.find(key)
        wanted = subscription.custom_attributes
        if known and known.body is not None:
            changes = find_changes(wanted, known.body, options)
        else:
            # After an interrupted write nobody knows what Intercom has, so that nulls are written too.
            changes = {name: Change(None, value) for name, value in wanted.items() if known or value is not None}
        self._ledger.begin(key, subscription.customer_id, contact_id)
        entry.announce(known.instance_id if known else None, changes)
        try:
            instance = self._client.save_object(options.type, build_body(subscription, changes))
        except RecordRefusedError as error:
            entry.settle("rejected", error.code, detail=error.reason)
            self._assert_attributes([one for one in changes if f"'{one}' does not exist" in error.reason])
            self._assert_type(error)
            return Outcome("rejected", error.code, contact_id, error=error)
        entry.settle("saved", remote_id=instance.id, fields=changes)
        self._assert_attributes(find_missing(changes, instance.custom_attributes))
        self._ledger.settle(key, instance.id, wanted)
        return Outcome("saved", "", contact_id, changes)

    def delete(self, subscription_id: str, contact_id: str, instance_id: str | None) -> Outcome:
        """Delete the instance of a subscription. One that is gone already is as well.

        Raises:
            ConfigurationError, FatalAPIError: the whole run must stop.
        """
        entry = self._journal.begin_write(STREAM, subscription_id, "delete")
        entry.announce(instance_id, {})
        try:
            self._client.delete_object(self._options.type, subscription_id)
        except RecordRefusedError as error:
            self._assert_type(error)
            if error.status != requests.codes.not_found:
                entry.settle("rejected", error.code, remote_id=instance_id, detail=error.reason)
                return Outcome("rejected", error.code, contact_id, error=error)
        entry.settle("deleted", remote_id=instance_id)
        self._ledger.forget(subscription_id)
        return Outcome("deleted", "", contact_id)

    def refer(self, references: References) -> Outcome:
        """Have a contact refer to its instances, and to no other.

        It is not documented whether a list replaces the references or adds to them, so that what Intercom then shows is
        compared, and a list that only added is emptied and written again.

        Raises:
            ConfigurationError, FatalAPIError: the whole run must stop.
        """
        contact_id, wanted = references.contact_id, references.wanted
        changes = {self._options.reference: Change(references.known, wanted)}
        entry = self._journal.begin_write(REFERENCES, contact_id, "refer")
        self._ledger.begin_references(contact_id)
        entry.announce(contact_id, changes)
        try:
            shown = self._put(contact_id, wanted)
            if set(shown) - set(wanted):
                shown = self._put(contact_id, None)
                shown = self._put(contact_id, wanted) if wanted and set(shown) - set(wanted) == set() else shown
        except RecordRefusedError as error:
            return self._settle_refusal(references, entry.settle, error)
        if lost := set(wanted) - set(shown):
            entry.settle("rejected", "reference_lost", remote_id=contact_id)
            raise ConfigurationError(
                f"Intercom dropped {len(lost)} of {len(wanted)} references in the attribute "
                f"`{self._options.reference}`: let it reference several `{self._options.type}`."
            )
        # What Intercom does not remove now it will not remove in the next run either.
        self._ledger.settle_references(contact_id, wanted)
        if set(shown) - set(wanted):
            entry.settle("skipped", "reference_kept", remote_id=contact_id, fields=changes)
            return Outcome("skipped", "reference_kept", contact_id, changes)
        entry.settle("referred", remote_id=contact_id, fields=changes)
        return Outcome("referred", "", contact_id, changes)

    def _put(self, contact_id: str, ids: list[str] | None) -> list[str]:
        """Write references, and return those that Intercom then has."""
        contact = self._client.set_references(contact_id, self._options.reference, ids)
        shown = read_references(contact.custom_attributes.get(self._options.reference))
        # A contact may not show them; the list of instances by contact does.
        return self._client.list_object_ids(self._options.type, contact_id) if shown is None else shown

    def _settle_refusal(
        self, references: References, settle: Callable[..., None], error: RecordRefusedError
    ) -> Outcome:
        contact_id = references.contact_id
        if error.status in {requests.codes.not_found, requests.codes.gone}:
            # The contact is gone, and what it refers to with it.
            self._ledger.settle_references(contact_id, references.wanted)
            settle("skipped", "no_contact", remote_id=contact_id, detail=error.reason)
            return Outcome("skipped", "no_contact", contact_id)
        settle("rejected", error.code, remote_id=contact_id, detail=error.reason)
        if self._options.reference in error.reason and not _NO_INSTANCE.search(error.reason):
            raise ConfigurationError(f"Intercom refuses references ({error.reason}): {self._options.describe_setup()}.")
        # An instance may have been deleted in Intercom: the next run writes all of this contact again.
        self._ledger.doubt(contact_id)
        return Outcome("rejected", error.code, contact_id, error=error)

    def _assert_attributes(self, missing: list[str]) -> None:
        if missing:
            raise ConfigurationError(
                f"The custom object `{self._options.type}` lacks the attribute `{missing[0]}`: "
                f"{self._options.describe_setup()}."
            )

    def _assert_type(self, error: RecordRefusedError) -> None:
        if error.status == requests.codes.not_found and "type" in error.reason:
            raise ConfigurationError(f"Intercom has no such custom object: {self._options.describe_setup()}.")
