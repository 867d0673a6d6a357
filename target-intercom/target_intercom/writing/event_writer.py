"""Sends a data event once, also over a connection that loses replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from requests import codes
from singer_sdk.exceptions import FatalAPIError

from target_intercom._kit.creation import create_once
from target_intercom.api.transport import LostReplyError, RecordRefusedError
from target_intercom.records.data_events import STREAM, build_body, describe_event, is_listed
from target_intercom.reporting.outcomes import Outcome

if TYPE_CHECKING:
    from target_intercom._kit.journal import JournalWriter, Who
    from target_intercom.api.client import IntercomClient
    from target_intercom.records.data_events import DataEvent
    from target_intercom.writing.event_ledger import EventLedger

_MAX_TRIES = 7


class EventWriter:
    """Sends events. Several threads may use it.

    Args:
        client: the connection.
        ledger: knows which events were sent, or may have been.
        journal: the journal of the run.
    """

    def __init__(self, client: IntercomClient, ledger: EventLedger, journal: JournalWriter) -> None:
        self._client, self._ledger, self._journal = client, ledger, journal

    def send(self, event: DataEvent, contact_id: str, who: Who) -> Outcome:
        """Send an event of a contact, unless an earlier run that was interrupted has done so.

        Raises:
            ConfigurationError, FatalAPIError: the whole run must stop. What became of the event may be unknown, so the
                next run looks it up before it sends it again.
        """
        entry = self._journal.begin_write(STREAM, event.event_id, "send", who)
        begun = self._ledger.find(event.event_id)
        if begun and self._is_in_intercom(event, contact_id, begun.second):
            self._ledger.settle(event.event_id)
            entry.settle("sent", "sent_before", remote_id=contact_id)
            return Outcome("sent", "sent_before", contact_id)
        second = begun.second if begun else self._ledger.begin(event, contact_id)
        changes = describe_event(event, second)
        entry.announce(contact_id, changes)

        def attempt(may_exist: bool) -> None:  # noqa: FBT001 the argument of a callback
            if not (may_exist and self._is_in_intercom(event, contact_id, second)):
                self._client.create_event(build_body(event, contact_id, second))

        try:
            create_once(attempt, LostReplyError, tries=_MAX_TRIES, longest=15)
        except LostReplyError as error:
            raise FatalAPIError(
                f"{error} to {_MAX_TRIES} attempts to send an event: no STATE was written, so the next run starts from "
                "the same point, and looks whether Intercom has the event."
            ) from None
        except RecordRefusedError as error:
            self._ledger.forget(event.event_id)
            entry.settle("rejected", error.code, remote_id=contact_id, detail=error.reason)
            return Outcome("rejected", error.code, contact_id, error=error)
        self._ledger.settle(event.event_id)
        entry.settle("sent", remote_id=contact_id, fields=changes)
        return Outcome("sent", "", contact_id, changes)

    def _is_in_intercom(self, event: DataEvent, contact_id: str, second: int) -> bool:
        """Return whether the list of the contact's events has an event.

        Raises:
            FatalAPIError: Intercom does not say, so that sending it might make a second one.
        """
        try:
            return any(
                is_listed(event, second, one.event_name, one.created_at, one.metadata or {})
                for one in self._client.list_events(contact_id)
            )
        except RecordRefusedError as error:
            # A contact that is gone has no events, and sending will be refused in the same way.
            if error.status == codes.not_found:
                return False
            raise FatalAPIError(
                f"Intercom refused to list the events of a contact ({error}), so nobody knows whether it has the event "
                f"{event.event_id}, whose sending was interrupted: no STATE was written, and the event is not sent "
                "again before the list is read; run again later."
            ) from None
