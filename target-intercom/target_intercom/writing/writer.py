"""Carrying out what was planned for one row, so that no lag of search and no lost reply makes a second record."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import requests
from singer_sdk.exceptions import FatalAPIError

from target_intercom._kit.creation import create_once
from target_intercom.api.transport import LostReplyError, RecordRefusedError
from target_intercom.matching.candidates import key_of, trimmed
from target_intercom.records.payloads import Change, changes, clearing, create_body, creation, update_body, wanted
from target_intercom.reporting.outcomes import DONE, Cleared, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_intercom.api.client import IntercomClient
    from target_intercom.decisions.planning import Planner
    from target_intercom.matching.candidates import Held
    from target_intercom.records.buffer import Row
    from target_intercom.records.payloads import Shape, Wanted
    from target_intercom.writing.company_attacher import Attacher

_MAX_TRIES = 7


class Writer(ABC):
    """Writes rows. Used from several threads; no two rows of a run concern the same record of Intercom."""

    def __init__(self, client: IntercomClient, shape: Shape, planner: Planner) -> None:
        self._client, self._shape, self._planner = client, shape, planner
        self._unique = {shape.kind.identity, "email"}  #: fields of which Intercom has every value once

    @abstractmethod
    def _put(self, intercom_id: str, body: Mapping[str, Any]) -> object:
        """Change a record of Intercom."""

    @abstractmethod
    def _found_or_created(self, row: Row, want: Wanted) -> tuple[Mapping[str, Any], bool]:
        """Give the record for a row that matched none, and whether this call has created it.

        Every way that sees the latest write comes before the creation. Search would not do: it may not show a record
        for minutes.
        """

    def write(self, row: Row) -> Outcome:
        """Do what was planned for a row; a refusal becomes the outcome `rejected`.

        Raises:
            ConfigurationError, FatalAPIError: the whole run must stop.
        """
        cleared = self.clear(row)
        want = wanted(row.record, row.link, self._shape)
        return replace(self._written(row, want), cleared=cleared)

    def clear(self, row: Row) -> list[Cleared]:
        """Clear the records that a row has left.

        Raises:
            ConfigurationError, FatalAPIError: the whole run must stop.
        """
        return [self._clear(held) for held in row.clear]

    def _written(self, row: Row, want: Wanted) -> Outcome:
        try:
            if row.held is None:
                return self._create(row, want)
            return self._update(row, want, row.held, row.action)
        except RecordRefusedError as error:
            held_id = row.held["id"] if row.held else None
            return Outcome("rejected", error.code, held_id, refused=error, unfit=want.unfit)

    def _clear(self, held: Held) -> Cleared:
        """Take our values and the link off a record that the row was linked to; one that is gone has none."""
        changed = clearing(held, self._shape)
        try:
            if changed:
                self._put(held["id"], update_body(changed))
        except RecordRefusedError as error:
            gone = error.status == requests.codes.not_found
            return Cleared(held["id"], refused=None if gone else error)
        return Cleared(held["id"], changed)

    def _update(self, row: Row, want: Wanted, held: Held, action: str) -> Outcome:
        """Write what differs and attach; what was written before a refusal, or in spite of it, is in the outcome."""
        written: dict[str, Change] = {}
        refused = None
        try:
            want, refused = self._put_changes(want, held, written, convert=action == "convert")
            written |= self._attached(row, held)
        except RecordRefusedError as error:
            refused = error
        if refused:
            return Outcome("rejected", refused.code, held["id"], written, refused, want.unfit)
        reason = "no_users" if held.get("no_users") else ""
        return Outcome(DONE[action] if written else "unchanged", reason, held["id"], written, unfit=want.unfit)

    def _put_changes(
        self, want: Wanted, held: Held, written: dict[str, Change], *, convert: bool
    ) -> tuple[Wanted, RecordRefusedError | None]:
        """Write changes, and note them. What Intercom refuses of a single field costs that field only.

        An identity or address that another record has is withheld, unless a lead is to become a user: it might be the
        second of its customer. A value that a 400 names is withheld too, and cleared where it is an attribute of ours.

        Returns:
            The record as it could be written, and the refusal of the identity or the address.
        """
        withheld: set[str] = set()
        conflict: RecordRefusedError | None = None
        while True:
            wished = changes(want, held, self._shape, convert=convert)
            changed = {name: change for name, change in wished.items() if name not in withheld}
            try:
                if changed:
                    self._put(held["id"], update_body(changed))
            except RecordRefusedError as error:
                taken = self._unique & changed.keys() if error.status == requests.codes.conflict else set()
                named = named_field(error, changed, self._shape)
                if taken and "role" not in changed:
                    conflict = error
                    withheld |= taken
                elif named:
                    # A second refusal of the same attribute means that not even clearing it is permitted.
                    withheld |= {named} if changed[named].after is None or "." not in named else set()
                    want = want.without(named, error.reason)
                else:
                    raise
                continue
            written |= changed
            return want, conflict

    def _attached(self, row: Row, held: Held) -> dict[str, Change]:  # noqa: ARG002 - for those who attach
        """Attach the record to its company, and give the change this was."""
        return {}

    def _create(self, row: Row, want: Wanted) -> Outcome:
        """Create a record, or go on with the one that was there after all; then write what is missing of it."""
        try:
            held, created = self._held_for(row, want)
        except LostReplyError as error:
            raise FatalAPIError(
                f"{error} to {_MAX_TRIES} attempts to create a {self._shape.kind.model}: no STATE was written, so the "
                "next run starts from the same point."
            ) from None
        except RecordRefusedError as error:
            if error.archived:
                return Outcome("skipped", "archived", error.other_id)
            named = named_field(error, creation(want, self._shape), self._shape)
            if not named:
                raise
            return self._create(row, want.without(named, error.reason))
        if not created:
            return self._found_late(row, want, held)
        rest = self._update(row, want, held, "update")
        written = {**creation(want, self._shape), **rest.changed}
        return replace(
            rest if rest.refused else Outcome("created", intercom_id=held["id"], unfit=rest.unfit), changed=written
        )

    def _found_late(self, row: Row, want: Wanted, held: Held) -> Outcome:
        """Decide again, by the same rules, on a record that was not there, or not to be seen, before."""
        decision = self._planner.decide(row, [held])
        if decision.action in {"update", "convert"}:
            return replace(self._update(row, want, held, decision.action), found=held)
        return Outcome("skipped", decision.reason, held["id"], found=held)

    def _held_for(self, row: Row, want: Wanted) -> tuple[Held, bool]:
        """Find or create; after a lost reply, find or create anew.

        Raises:
            LostReplyError: no attempt was answered.
            RecordRefusedError: it cannot be created.
        """

        def attempt(may_exist: bool) -> tuple[Held, bool]:  # noqa: FBT001 the argument of a callback
            record, created = self._found_or_created(row, want)
            ours = may_exist and (record.get("custom_attributes") or {}).get(self._shape.created_by) is True
            return trimmed(record, self._shape), created or ours

        return create_once(attempt, LostReplyError, tries=_MAX_TRIES, longest=15)


def named_field(error: RecordRefusedError, changed: Mapping[str, Change], shape: Shape) -> str | None:
    """Return the changed field whose value a 400 names, if the record can be written without it.

    The vendor documents a member `field`, and does not always send it. A message names a custom attribute anywhere, and
    a standard field, whose name is a common word, in quotes or as its first word.
    """
    if error.status != requests.codes.bad_request:
        return None
    optional = set(shape.kind.standard) - {shape.match_on}
    for name in sorted(changed, key=len, reverse=True):
        _, _, attribute = name.partition(".")
        if not attribute and name not in optional:
            continue
        if error.field and error.field.lower() in {name.lower(), attribute.lower()}:
            return name
        mention = rf"(?<![\w-]){re.escape(attribute)}(?![\w-])" if attribute else rf"^{name}\b|([\"'`]){name}\1"
        if re.search(mention, error.reason, re.IGNORECASE):
            return name
    return None


class ContactWriter(Writer):
    """Writes contacts. The e-mail address is unique by Intercom's own 409, the external id has a consistent read."""

    def __init__(
        self, client: IntercomClient, shape: Shape, planner: Planner, attacher: Attacher | None = None
    ) -> None:
        super().__init__(client, shape, planner)
        self._attacher = attacher

    def _put(self, intercom_id: str, body: Mapping[str, Any]) -> object:
        return self._client.update_contact(intercom_id, body)

    def _attached(self, row: Row, held: Held) -> dict[str, Change]:
        return self._attacher.attach(row, held) if self._attacher else {}

    def _found_or_created(self, row: Row, want: Wanted) -> tuple[Mapping[str, Any], bool]:
        if want.identity and (found := self._client.contact_by_external_id(want.identity)):
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
        if key_of(contact, self._shape) != row.key:
            raise error
        return contact


class CompanyWriter(Writer):
    """Writes companies. A POST changes the company that has the `company_id`, so one is only sent after a 404."""

    def _put(self, intercom_id: str, body: Mapping[str, Any]) -> object:
        return self._client.update_company(intercom_id, body)

    def _found_or_created(self, row: Row, want: Wanted) -> tuple[Mapping[str, Any], bool]:
        if found := self._client.company_by("company_id", row.identity or ""):
            return found, False
        return self._client.create_company(create_body(want, self._shape)), True
