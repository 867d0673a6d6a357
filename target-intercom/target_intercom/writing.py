"""Carrying out what was planned for one row, so that no lag of search and no lost reply makes a second contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import backoff
from singer_sdk.exceptions import FatalAPIError

from target_intercom.client import LostReplyError, RecordRefusedError
from target_intercom.matching import trimmed
from target_intercom.outcomes import DONE, Outcome
from target_intercom.payloads import changes, create_body, creation, match_key, update_body, wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_intercom.client import IntercomClient
    from target_intercom.matching import Contact
    from target_intercom.payloads import Shape, Wanted
    from target_intercom.planning import Planner
    from target_intercom.spool import Row

_MAX_TRIES = 7


class Writer:
    """Writes rows to contacts. Used from several threads; no two rows of a run concern the same contact."""

    def __init__(self, client: IntercomClient, shape: Shape, planner: Planner) -> None:
        self._client, self._shape, self._planner = client, shape, planner

    def write(self, row: Row) -> Outcome:
        """Do what was planned for a row; a refusal becomes the outcome `rejected`.

        Raises:
            ConfigurationError, FatalAPIError: the whole run must stop.
        """
        want = wanted(row.record, row.link, self._shape)
        try:
            if row.contact is None:
                return self._create(row, want)
            return self._update(want, row.contact, row.action)
        except RecordRefusedError as error:
            contact_id = row.contact["id"] if row.contact else None
            return Outcome("rejected", error.code, contact_id, refused=error)

    def _update(self, want: Wanted, contact: Mapping[str, Any], action: str) -> Outcome:
        changed = changes(want, contact, self._shape, convert=action == "convert")
        if not changed:
            return Outcome("unchanged", contact_id=contact["id"])
        self._client.update_contact(contact["id"], update_body(changed))
        return Outcome(DONE[action], contact_id=contact["id"], changed=changed)

    def _create(self, row: Row, want: Wanted) -> Outcome:
        """Create a contact, or go on with the one that was there after all; then write what is missing of it."""
        try:
            contact, created = self._contact_for(row, want)
        except LostReplyError as error:
            raise FatalAPIError(
                f"{error} to {_MAX_TRIES} attempts to create a contact: nothing is acknowledged."
            ) from None
        except RecordRefusedError as error:
            if error.archived:
                return Outcome("skipped", "archived", error.other_id)
            raise
        if not created:
            return self._found_late(row, want, contact)
        rest = self._update(want, contact, "update")
        return Outcome("created", contact_id=contact["id"], changed={**creation(want, self._shape), **rest.changed})

    def _found_late(self, row: Row, want: Wanted, contact: Contact) -> Outcome:
        """Decide again, by the same rules, on a contact that search did not show."""
        decision = self._planner.decide(row, [contact])
        if decision.action in {"update", "convert"}:
            return self._update(want, contact, decision.action)
        return Outcome("skipped", decision.reason, contact["id"])

    def _contact_for(self, row: Row, want: Wanted) -> tuple[Contact, bool]:
        """Give a contact for a row that matched none, and whether this run has created it.

        After a lost reply both checks are made again before anything is created: the external id by a strongly
        consistent read, the e-mail address by Intercom's own uniqueness, which answers the POST with 409 and the id.
        Search would not do: it may not show the contact for minutes.

        Raises:
            LostReplyError: no attempt was answered.
            RecordRefusedError: it cannot be created.
        """
        lost = False

        def noted(_: object) -> None:
            nonlocal lost
            lost = True

        @backoff.on_exception(
            backoff.expo, LostReplyError, max_tries=_MAX_TRIES, factor=0.5, max_value=15, on_backoff=noted
        )
        def attempt() -> tuple[Contact, bool]:
            contact, created = self._found_or_created(row, want)
            ours = lost and (contact.get("custom_attributes") or {}).get(self._shape.created_by) is True
            return trimmed(contact, self._shape), created or ours

        return attempt()

    def _found_or_created(self, row: Row, want: Wanted) -> tuple[Mapping[str, Any], bool]:
        if want.external_id and (found := self._client.contact_by_external_id(want.external_id)):
            return found, False
        try:
            return self._client.create_contact(create_body(want, self._shape)), True
        except RecordRefusedError as error:
            if error.other_id is None or error.archived:
                raise
            return self._named_by(error, row), False

    def _named_by(self, error: RecordRefusedError, row: Row) -> dict[str, Any]:
        """Read the contact that a 409 names; it is the match only if it carries this row's match value."""
        contact = self._client.contact(error.other_id or "")
        match_on = self._shape.match_on
        if match_key(str(contact.get(match_on) or ""), match_on) != row.key:
            raise error
        return contact
