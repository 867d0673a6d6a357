"""From a row and what Intercom holds for it to a plan: gathers the facts that `rules` decides on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from target_intercom.decisions.rules import Candidate, Decision, Match, decide, holds
from target_intercom.matching.candidates import Found, is_lead, linked_to
from target_intercom.records.object_types import COMPANY
from target_intercom.records.payloads import MAX_STRING, UnfitRecordError, changes, creation, overlong, wanted
from target_intercom.reporting.outcomes import DONE, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from target_intercom.decisions.change_guard import BlastRadius
    from target_intercom.matching.candidates import Held
    from target_intercom.records.buffer import Row, Spool
    from target_intercom.records.payloads import Change, Shape, Wanted
    from target_intercom.settings import Settings
    from target_intercom.writing.company_attacher import Attacher


@dataclass(frozen=True)
class Plan:
    """What is to become of a row; `action` is empty when nothing is to be written."""

    outcome: Outcome  #: what a sync would report
    action: str = ""
    held: Held | None = None
    cut: int = 0  #: strings that were too long
    records: Sequence[Held] = ()  #: what was found for the row
    was_on: Sequence[Held] = ()  #: other records of Intercom that carry the row's link
    clear: Sequence[Held] = ()  #: those of them that lose link and values before the match gets them


@dataclass(frozen=True)
class Planner:
    """Plans rows, and keeps two rows of a run from writing the same record. `decide` is used from several threads."""

    settings: Settings
    shape: Shape
    spool: Spool
    guard: BlastRadius
    known_archived: Callable[[Row, Shape], str | None]
    left_behind: Callable[[Row, Shape], Collection[str]]
    attacher: Attacher | None = None

    def plan(self, row: Row, found: Found) -> Plan:
        """Decide on a row, and compare it with what was found."""
        if found.refused:
            return Plan(Outcome("rejected", found.refused.code, refused=found.refused))
        found = self._set_aside(row, found)
        records = found.holders or found.records
        if name := overlong(row.record, row.link, self.shape):
            reason = f"the value of `{name}` is longer than {MAX_STRING} characters"
            return Plan(Outcome("rejected", reason), records=records)
        decision = self.decide(row, found.records, email_taken=bool(found.holders))
        own = self._set_aside(row, Found(found.elsewhere))
        if decision.reason == "claimed" and len(own.records) == 1:
            # Its match is another row's, but a single record carries its own link: that one is the match.
            found = own
            decision, records = self.decide(row, found.records), found.records
        if decision.action == "skip":
            return Plan(Outcome("skipped", decision.reason, _concerned(decision, found)), records=records)
        try:
            want = wanted(row.record, row.link, self.shape)
        except UnfitRecordError as error:
            return Plan(Outcome("rejected", str(error)), records=records)
        if decision.action == "create" or decision.match is None:
            changed = creation(want, self.shape) | self._lacking(row, None)
            outcome = Outcome(DONE["create"], decision.reason, None, changed, unfit=want.unfit)
            return Plan(outcome, "create", cut=want.cut, records=records)
        held = next(one for one in found.records if one["id"] == decision.match.id)
        return self._plan_update(row, found, want, held, decision)

    def _plan_update(self, row: Row, found: Found, want: Wanted, held: Held, decision: Decision) -> Plan:
        changed = changes(want, held, self.shape, convert=decision.action == "convert")
        self._note(row, held, changed)
        changed |= self._lacking(row, held)
        outcome = Outcome(
            DONE[decision.action] if changed else "unchanged", decision.reason, held["id"], changed, unfit=want.unfit
        )
        clear = [one for one in found.elsewhere if self.settings.clear_moved and self.spool.claim(_slot_of(one), row)]
        action = decision.action if changed or clear else ""
        return Plan(outcome, action, held, want.cut, found.records, found.elsewhere, clear)

    def _set_aside(self, row: Row, found: Found) -> Found:
        return found.without_left_behind(row, self.left_behind(row, self.shape), self.shape)

    def find_left_behind(self, found: Found) -> list[Held]:
        """Return which of the records that carry the link of a row that is not sent no row of this run writes to."""
        return [one for one in found.records if not self.spool.is_claimed(_slot_of(one))]

    def would_create(self, row: Row, found: Found) -> bool:
        """Say whether a row is about to be created, as far as other rows let it."""
        if found.refused:
            return False
        return decide(self._candidate(row), self._matches(row, found.records), self.settings.rules).action == "create"

    def decide(self, row: Row, records: Sequence[Mapping[str, Any]], *, email_taken: bool = False) -> Decision:
        """Decide what is done with a row, given every record of Intercom that matches it."""
        candidate = replace(self._candidate(row), email_taken=email_taken)
        matches = self._matches(row, records)
        decision = decide(candidate, matches, self.settings.rules)
        if decision.action != "skip" and not self.spool.claim(self._slot(row, decision), row):
            return decide(replace(candidate, claimed=True), matches, self.settings.rules)
        if decision.action == "create" and row.email and not self.spool.claim(f"email {row.email}", row):
            return decide(replace(candidate, email_taken=True), matches, self.settings.rules)
        return decision

    def _matches(self, row: Row, records: Sequence[Mapping[str, Any]]) -> list[Match]:
        return [self._match(row, record) for record in records] or self._archived(row)

    def _candidate(self, row: Row) -> Candidate:
        settings, kind = self.settings, self.shape.kind
        return Candidate(
            identified=row.key is not None,
            superseded=not self.spool.is_last(row),
            cancelled=holds(settings.of_kind(settings.cancelled_when, kind), row.record),
            deleted=holds(settings.of_kind(settings.deleted_when, kind), row.record),
            placeable=kind is not COMPANY or row.identity is not None,
        )

    def _match(self, row: Row, held: Mapping[str, Any]) -> Match:
        linked = linked_to(held, self.shape)
        return Match(
            id=held["id"],
            role="lead" if is_lead(held) else "user",
            claimed=linked != row.link and self.spool.has_link(linked),
            no_users=held.get("no_users", False),
            doubtful=held.get("doubtful", False),
        )

    def _archived(self, row: Row) -> list[Match]:
        """Give the match that only a refused create could show, if the last run met it."""
        known = self.known_archived(row, self.shape)
        return [Match(known, archived=True)] if known else []

    def _slot(self, row: Row, decision: Decision) -> str:
        """Name what a row writes to: a record of Intercom, or the place of one to be made for its match value."""
        if decision.match and decision.action != "create":
            return _slot_of({"id": decision.match.id})
        return f"new {row.key}"

    def _lacking(self, row: Row, held: Held | None) -> dict[str, Change]:
        return self.attacher.lacking(row, held) if self.attacher else {}

    def _note(self, row: Row, held: Mapping[str, Any], changed: Mapping[str, Change]) -> None:
        if row.link and linked_to(held, self.shape) == row.link:
            self.guard.note(alarming=is_alarming(changed, self.shape))


def _slot_of(held: Mapping[str, Any]) -> str:
    return f"id {held['id']}"


def _concerned(decision: Decision, found: Found) -> str | None:
    """Give Intercom's id of the one record that a skip is about."""
    if found.holders:
        return found.holders[0]["id"] if len(found.holders) == 1 else None
    return decision.match.id if decision.match else None


def is_alarming(changed: Mapping[str, Change], shape: Shape) -> bool:
    """Say whether changes of a linked record alarm: its MRR or a status changes, or an owned value is lost."""
    attributes = {name.partition(".")[2]: change for name, change in changed.items()}
    return any(
        change.before is not None and (change.after is None or name.endswith(("_mrr", "_status")))
        for name, change in attributes.items()
        if shape.owns(name)
    )
