"""Makes a plan for a row and ChartMogul's record: collects the facts for `rules`, and compares values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from target_chartmogul.decisions.rules import RecordFacts, decide
from target_chartmogul.records.object_types import DELETED_AT
from target_chartmogul.records.payloads import Change, Changes, find_changes, list_initial_changes
from target_chartmogul.records.remote import CUSTOMER_ID, EXTERNAL_ID
from target_chartmogul.records.values import fit_record
from target_chartmogul.writing.memory import ANY
from target_chartmogul.writing.outcomes import Outcome

if TYPE_CHECKING:
    from target_chartmogul.decisions.rules import Action, Decision
    from target_chartmogul.matching.finder import ContactFinder, Finder
    from target_chartmogul.records.buffer import InputBuffer, Row
    from target_chartmogul.records.remote import RemoteRecord
    from target_chartmogul.records.values import Wanted, WriteOptions
    from target_chartmogul.writing.memory import Memory


@dataclass(frozen=True)
class Plan:
    """The plan for a row. `outcome` is what a sync would report if ChartMogul accepts everything."""

    action: Action
    outcome: Outcome
    want: Wanted
    remote: RemoteRecord | None = None

    @property
    def writes(self) -> bool:
        """Whether there is something to write."""
        return self.outcome.kind in {"created", "updated", "deleted"}


class Difference(NamedTuple):
    """The changes to write, and those that would be written if ChartMogul were not known to override them."""

    to_write: Changes
    overridden: Changes


class Planner:
    """Plans the rows of customers. Several threads use `compare`.

    Args:
        options: the options for writing records.
        buffer: the rows with their matches.
        memory: knows what ChartMogul overrides.
    """

    def __init__(self, options: WriteOptions, buffer: InputBuffer, memory: Memory) -> None:
        self._options, self._buffer, self._memory = options, buffer, memory

    def plan(self, row: Row) -> Plan:
        """Decide on a row, and compare it with its match."""
        remote = self._find_remote(row)
        decision = decide(self._collect_facts(row, remote))
        want = fit_record(row.record, self._options)
        uuid = remote.uuid if remote else None
        if decision.action == "skip":
            outcome = Outcome("skipped", decision.reason, uuid)
        elif decision.action == "delete":
            outcome = Outcome("deleted", uuid=uuid)
        else:
            outcome = self._predict_outcome(row, want, remote, decision)
        return Plan(decision.action, outcome, want, remote)

    def compare(self, row: Row, want: Wanted, remote: RemoteRecord | None) -> Difference:
        """Compare the wanted values with ChartMogul's; None if it has no record yet."""
        if remote is None:
            return self._split_overridden(row, list_initial_changes(want))
        return self._split_overridden(row, find_changes(want, remote, self._options))

    def _find_remote(self, row: Row) -> RemoteRecord | None:
        return self._buffer.get_remote(row.id)

    def _collect_facts(self, row: Row, remote: RemoteRecord | None) -> RecordFacts:
        return RecordFacts(
            has_id=row.id is not None,
            is_superseded=not self._buffer.is_latest(row),
            is_gone=bool(row.record.get(DELETED_AT)),
            is_deletable=self._options.object_type.is_deletable,
            is_found=remote is not None,
            is_leading=remote is None or remote.external_id == row.id,
        )

    def _predict_outcome(self, row: Row, want: Wanted, remote: RemoteRecord | None, decision: Decision) -> Outcome:
        to_write, overridden = self.compare(row, want, remote)
        if remote is None:
            kind = "created"
        elif to_write:
            kind = "updated"
        else:
            kind = "held" if overridden else "unchanged"
        return Outcome(kind, decision.reason, remote.uuid if remote else None, to_write, overridden, want.unfit)

    def _split_overridden(self, row: Row, changes: Changes) -> Difference:
        stream = self._options.object_type.stream
        overridden = {
            name: change
            for name, change in changes.items()
            if self._memory.is_overridden(stream, row.id or ANY, name, change)
        }
        return Difference({name: one for name, one in changes.items() if name not in overridden}, overridden)


class ContactPlanner(Planner):
    """Plans the rows of contacts, which may move to another customer or have an earlier external id.

    Args:
        options: the options for writing records.
        buffer: the rows with their matches.
        memory: knows what ChartMogul overrides.
        contacts: knows whether the account keeps external ids.
        customers: knows the customers of contacts.
    """

    def __init__(
        self,
        options: WriteOptions,
        buffer: InputBuffer,
        memory: Memory,
        contacts: ContactFinder,
        customers: Finder,
    ) -> None:
        super().__init__(options, buffer, memory)
        self._contacts, self._customers = contacts, customers
        #: By uuid, the rows that were found under a previous id.
        self._taken: dict[str, str] = {}
        #: By uuid, further contacts of a row that was found under a previous id.
        self.left_under_previous_ids: set[str] = set()

    def compare(self, row: Row, want: Wanted, remote: RemoteRecord | None) -> Difference:
        """Compare the wanted values with ChartMogul's, including the customer and the external id."""
        if remote is None:
            # Everything is sent, as the attributes that ChartMogul drops are still undefined.
            return Difference(list_initial_changes(want), {})
        changes = find_changes(want, remote, self._options)
        customer = remote.values.get(CUSTOMER_ID)
        if row.customer not in {None, customer}:
            # A merged customer has several external ids but one uuid, so the contact is at the right customer.
            uuid = self._customers.get_uuid(row.customer)
            if uuid not in {None, remote.customer_uuid}:
                changes[CUSTOMER_ID] = Change(customer, row.customer)
        if not self._contacts.matches_by_person and remote.external_id and remote.external_id != row.id:
            changes[EXTERNAL_ID] = Change(remote.external_id, row.id)
        return self._split_overridden(row, changes)

    def _find_remote(self, row: Row) -> RemoteRecord | None:
        """Return the match of a row, or else the oldest contact under one of its previous ids."""
        if (remote := super()._find_remote(row)) or row.id is None:
            return remote
        # A contact that is, or belongs to, another row is not this row's match.
        ids = [one for one in self._buffer.list_previous_ids(row.id) if not self._buffer.has_record(one)]
        found = sorted(filter(None, map(self._buffer.get_remote, ids)), key=lambda one: one.position)
        free = [one for one in found if self._taken.get(one.uuid, row.id) == row.id]
        if not free:
            return None
        self._taken[free[0].uuid] = row.id
        self.left_under_previous_ids.update(one.uuid for one in free[1:])
        return free[0]

    def _collect_facts(self, row: Row, remote: RemoteRecord | None) -> RecordFacts:
        return RecordFacts(
            has_id=row.id is not None,
            is_superseded=not self._buffer.is_latest(row),
            is_gone=bool(row.record.get(DELETED_AT)),
            is_deletable=self._options.object_type.is_deletable,
            has_customer=self._customers.get_uuid(row.customer) is not None,
            is_found=remote is not None,
        )
