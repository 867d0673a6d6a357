"""Selects the records to send: those that changed, and those that the target has not confirmed."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from standpipe_maps.json_schema import format_time
from standpipe_maps.leads import rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from standpipe_maps._kit.json_types import JsonObject
    from standpipe_maps.leads.store import LeadsStore, SentContact

DIGEST = 16
Record: TypeAlias = "JsonObject"


class Sender:
    """Selects what one run sends.

    Args:
        store: the rows of sent records.
        since: the run that the target confirmed; None sends everything.
        now: the Unix seconds of this run.
        deletes: whether contacts that left a company are sent as deleted.
        note: called with a note and the id of its record.
    """

    def __init__(
        self, store: LeadsStore, since: int | None, now: int, *, deletes: bool, note: Callable[[str, str], None]
    ) -> None:
        self._store = store
        self._since = since
        self._now = now
        self._deletes = deletes
        self._note = note

    def select_customers(self, page: Sequence[Record]) -> Iterator[Record]:
        """Yield the customers to send."""
        sent = self._store.sent_customers([one["external_id"] for one in page])
        changes = []
        for record in page:
            key, digest = record["external_id"], _compute_digest(record)
            before = sent.get(key)
            # An unchanged customer is sent again only until the target confirms it.
            if before is None or rules.is_new(digest, before):
                changes.append({"external_id": key, "digest": digest})
            elif not rules.is_due(before, self._since):
                continue
            self._note("customers_out", key)
            yield record
        self._store.note_customers(changes)

    def select_contacts(self, page: Mapping[str, Sequence[Record]]) -> Iterator[Record]:
        """Yield the records of contacts: one per present customer, and one per customer that the contact has left."""
        pairs = self._store.read_sent_contacts(page)
        changes: list[Record] = []
        for contact_id, records in page.items():
            before = pairs.get(contact_id, {})
            yield from self._select_current(contact_id, records, before, changes)
            present = {record["external_id"] for record in records}
            yield from self._select_former(
                contact_id, [pair for key, pair in before.items() if key not in present], changes
            )
        self._store.note_contacts(changes)

    def _select_current(
        self, contact_id: str, records: Sequence[Record], pairs: Mapping[str, SentContact], changes: list[Record]
    ) -> Iterator[Record]:
        for found in records:
            key = found["external_id"]
            before = pairs.get(key)
            is_derived = before is None or before.is_previous_derived
            # An id under which the contact was really sent is kept, whatever its companies are.
            record = found if before is None or is_derived else {**found, "previous_external_id": before.previous}
            digest = _compute_digest(record)
            if before is None or rules.is_new(digest, before.sent):
                changes.append(_build_row(contact_id, record, digest, is_previous_derived=is_derived))
            elif not rules.is_due(before.sent, self._since):
                continue
            self._note("contacts_out", key)
            yield record

    def _select_former(self, contact_id: str, pairs: Sequence[SentContact], changes: list[Record]) -> Iterator[Record]:
        """Yield contacts at customers that they have left."""
        for pair in pairs:
            left_at = pair.sent.left_at
            # The first run that notices it stores the time. Later runs repeat the deletion until it is confirmed.
            if left_at is None:
                self._note("left_company", pair.external_id)
                row = _build_row(
                    contact_id, pair.ids, pair.sent.digest, self._now, is_previous_derived=pair.is_previous_derived
                )
                changes.append(row)
            if self._deletes and (left_at is None or rules.is_due(pair.sent, self._since)):
                self._note("contacts_deleted", pair.external_id)
                yield {**pair.ids, "_sdc_deleted_at": format_time(self._now if left_at is None else left_at)}


def _compute_digest(record: Record) -> bytes:
    return blake2b(msgspec.json.encode(record), digest_size=DIGEST).digest()


def _build_row(
    contact_id: str, ids: JsonObject, digest: bytes, left_at: int | None = None, *, is_previous_derived: bool
) -> Record:
    return {
        "external_id": ids["external_id"],
        "contact_id": contact_id,
        "customer_external_id": ids["customer_external_id"],
        "previous": ids["previous_external_id"],
        "is_previous_derived": int(is_previous_derived),
        "digest": digest,
        "left_at": left_at,
    }
