"""From a row and what Intercom holds for it to a plan: gathers the facts that `rules` decides on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from target_intercom.matching import linked_to
from target_intercom.outcomes import DONE, Outcome
from target_intercom.payloads import UnfitValueError, changes, match_value, wanted
from target_intercom.rules import Candidate, Decision, Match, decide, holds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_intercom.limits import BlastRadius
    from target_intercom.matching import Contact, Found
    from target_intercom.payloads import Change, Shape
    from target_intercom.settings import Settings
    from target_intercom.spool import Row, Spool


@dataclass(frozen=True)
class Plan:
    """What is to become of a row; `action` is empty when nothing is to be written."""

    outcome: Outcome  #: what a sync would report
    action: str = ""
    contact: Contact | None = None
    cut: int = 0  #: strings that were too long


class Planner:
    """Plans rows, and keeps two rows of a run from writing the same contact. `decide` is used from several threads."""

    def __init__(
        self,
        settings: Settings,
        shape: Shape,
        spool: Spool,
        guard: BlastRadius,
        known_archived: Callable[[str | None, str | None], str | None],
    ) -> None:
        self._settings, self._shape, self._spool, self._guard = settings, shape, spool, guard
        self._known_archived = known_archived

    def plan(self, row: Row, found: Found) -> Plan:
        """Decide on a row, and compare it with what was found."""
        if found.refused:
            return Plan(Outcome("rejected", found.refused.code, refused=found.refused))
        decision = self.decide(row, found.contacts)
        if decision.action == "skip":
            return Plan(Outcome("skipped", decision.reason, decision.match.id if decision.match else None))
        try:
            want = wanted(row.record, row.link, self._shape)
        except UnfitValueError as error:
            return Plan(Outcome("rejected", str(error)))
        if decision.action == "create" or decision.match is None:
            return Plan(Outcome(DONE["create"], decision.reason), "create", cut=want.cut)
        contact = next(one for one in found.contacts if one["id"] == decision.match.id)
        changed = changes(want, contact, self._shape, convert=decision.action == "convert")
        self._note(row, contact, changed)
        outcome = Outcome(DONE[decision.action] if changed else "unchanged", decision.reason, contact["id"], changed)
        return Plan(outcome, decision.action if changed else "", contact, want.cut)

    def decide(self, row: Row, contacts: Sequence[Mapping[str, Any]]) -> Decision:
        """Decide what is done with a row, given every contact that matches it."""
        candidate = self._candidate(row)
        matches = [self._match(row, contact) for contact in contacts] or self._archived(row)
        decision = decide(candidate, matches, self._settings.rules)
        if decision.action == "skip" or self._spool.claim(self._slot(row, decision), row):
            return decision
        return decide(replace(candidate, claimed=True), matches, self._settings.rules)

    def _candidate(self, row: Row) -> Candidate:
        return Candidate(
            identified=row.key is not None,
            superseded=not self._spool.is_last(row),
            cancelled=holds(self._settings.cancelled_when, row.record),
            deleted=holds(self._settings.deleted_when, row.record),
        )

    def _match(self, row: Row, contact: Mapping[str, Any]) -> Match:
        linked = linked_to(contact, self._shape)
        return Match(
            id=contact["id"],
            role="user" if contact["role"] == "user" else "lead",
            claimed=linked != row.link and self._spool.has_link(linked),
        )

    def _archived(self, row: Row) -> list[Match]:
        """Give the match that only a refused create could show, if the last run met it."""
        contact_id = self._known_archived(row.id, match_value(row.record, self._shape.match_on))
        return [Match(contact_id, archived=True)] if contact_id else []

    def _slot(self, row: Row, decision: Decision) -> str:
        """Name what a row writes to: a contact, or the place of the one to be created for its match value."""
        if decision.match and decision.action != "create":
            return f"id {decision.match.id}"
        return f"new {row.key}"

    def _note(self, row: Row, contact: Mapping[str, Any], changed: Mapping[str, Change]) -> None:
        if row.link and linked_to(contact, self._shape) == row.link:
            self._guard.note(alarming=is_alarming(changed, self._shape))


def is_alarming(changed: Mapping[str, Change], shape: Shape) -> bool:
    """Say whether changes of a linked contact alarm: its MRR or a status changes, or an owned value is lost."""
    attributes = {name.partition(".")[2]: change for name, change in changed.items()}
    return any(
        change.before is not None and (change.after is None or name.endswith(("_mrr", "_status")))
        for name, change in attributes.items()
        if shape.owns(name)
    )
