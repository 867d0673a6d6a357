"""From a row and what ChartMogul holds for it to a plan: gathers the facts that `rules` decides on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_chartmogul.decisions.rules import Candidate, Decision, decide
from target_chartmogul.records.object_types import CONTACT, CUSTOMER_ID, DELETED_AT, EXTERNAL_ID
from target_chartmogul.records.payloads import Change, changes, creation, wanted
from target_chartmogul.writing.memory import ANY
from target_chartmogul.writing.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_chartmogul.decisions.rules import Action
    from target_chartmogul.matching.finder import Finder
    from target_chartmogul.records.buffer import Row, Spool
    from target_chartmogul.records.payloads import Held, Shape, Wanted
    from target_chartmogul.writing.memory import Memory


@dataclass(frozen=True)
class Plan:
    """What is to become of a row; `outcome` is what a sync would report if ChartMogul takes everything."""

    action: Action
    outcome: Outcome
    want: Wanted
    held: Held | None = None

    @property
    def writes(self) -> bool:
        """Say whether there is something to be written."""
        return self.outcome.kind in {"created", "updated", "deleted"}


@dataclass(frozen=True)
class Planner:
    """Plans rows. `todo` and `first` are used from several threads.

    Args:
        shape: how the records are written.
        spool: the rows, and what was found for them.
        customers: knows the customers of contacts.
        memory: knows what ChartMogul holds back.
        keeps_ids: says whether the account keeps external ids of contacts.
    """

    shape: Shape
    spool: Spool
    customers: Finder
    memory: Memory
    keeps_ids: Callable[[], bool]
    left: set[str] = field(default_factory=set)  #: contacts beside one that was found under an earlier id, by uuid
    _taken: dict[str, str] = field(default_factory=dict)  #: by uuid, the record that was found under an earlier id

    def plan(self, row: Row) -> Plan:
        """Decide on a row, and compare it with what was found."""
        held = self.spool.held(row.id) or self._find_earlier(row)
        decision = decide(self._candidate(row, held))
        want = wanted(row.record, self.shape)
        uuid = held.uuid if held else None
        if decision.action == "skip":
            return Plan("skip", Outcome("skipped", decision.reason, uuid), want, held)
        if decision.action == "delete":
            return Plan("delete", Outcome("deleted", uuid=uuid), want, held)
        return Plan(decision.action, self._outcome(row, want, held, decision), want, held)

    def todo(self, row: Row, want: Wanted, held: Held) -> tuple[dict[str, Change], dict[str, Change]]:
        """Give what is to be written, and what would be if ChartMogul were not known to hold it back."""
        return self._parted(row, changes(want, held, self.shape) | self._move(row, held) | self._rename(row, held))

    def first(self, row: Row, want: Wanted) -> tuple[dict[str, Change], dict[str, Change]]:
        """Give what a creation writes, in the form of `todo`; contacts tell by it whether an attribute is defined."""
        found = creation(want)
        return (found, {}) if self.shape.kind is CONTACT else self._parted(row, found)

    def _outcome(self, row: Row, want: Wanted, held: Held | None, decision: Decision) -> Outcome:
        if held is None:
            todo, kept = self.first(row, want)
            return Outcome("created", decision.reason, None, todo, kept, want.unfit)
        todo, kept = self.todo(row, want, held)
        kind = "updated" if todo else "held" if kept else "unchanged"
        return Outcome(kind, decision.reason, held.uuid, todo, kept, want.unfit)

    def _parted(self, row: Row, found: Mapping[str, Change]) -> tuple[dict[str, Change], dict[str, Change]]:
        stream = self.shape.kind.stream
        kept = {name for name, change in found.items() if self.memory.is_held(stream, row.id or ANY, name, change)}
        return (
            {name: change for name, change in found.items() if name not in kept},
            {name: change for name, change in found.items() if name in kept},
        )

    def _move(self, row: Row, held: Held) -> dict[str, Change]:
        """Give the change that brings a contact to its customer, if it is another's."""
        before = held.values.get(CUSTOMER_ID)
        if self.shape.kind is not CONTACT or row.customer is None or before == row.customer:
            return {}
        uuid = self.customers.place(row.customer)
        return {} if uuid in {None, held.customer} else {CUSTOMER_ID: Change(before, row.customer)}

    def _rename(self, row: Row, held: Held) -> dict[str, Change]:
        """Give the change that brings a contact under its external id, if it has an earlier one."""
        if self.shape.kind is not CONTACT or not self.keeps_ids() or not held.owner or held.owner == row.id:
            return {}
        return {EXTERNAL_ID: Change(held.owner, row.id)}

    def _find_earlier(self, row: Row) -> Held | None:
        """Return the oldest contact under an earlier id of a row; what another row is, or has taken, is not its."""
        if row.id is None or self.shape.kind is not CONTACT:
            return None
        ids = [one for one in self.spool.earlier(row.id) if not self.spool.is_row(one)]
        found = sorted(filter(None, map(self.spool.held, ids)), key=lambda held: held.position)
        free = [one for one in found if self._taken.get(one.uuid, row.id) == row.id]
        if not free:
            return None
        self._taken[free[0].uuid] = row.id
        self.left.update(one.uuid for one in free[1:])
        return free[0]

    def _candidate(self, row: Row, held: Held | None) -> Candidate:
        contact = self.shape.kind is CONTACT
        return Candidate(
            identified=row.id is not None,
            superseded=not self.spool.is_last(row),
            deleted=bool(row.record.get(DELETED_AT)),
            deletable=contact,
            placeable=not contact or self.customers.place(row.customer) is not None,
            found=held is not None,
            speaks=contact or held is None or held.owner == row.id,
        )
