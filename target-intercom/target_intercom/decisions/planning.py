"""Makes a plan for a row and its candidates: collects the facts for `rules`, and compares values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from target_intercom.decisions.change_guard import is_alarming
from target_intercom.decisions.rules import Decision, Facts, Match, decide, is_condition_met
from target_intercom.matching.candidates import Candidates
from target_intercom.records.payloads import find_changes, find_creation_changes
from target_intercom.records.values import UnfitRecordError, build_wanted
from target_intercom.records.write_options import MAX_STRING, read_attributes
from target_intercom.reporting.outcomes import DONE, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from target_intercom.decisions.change_guard import ChangeGuard
    from target_intercom.decisions.rules import Rules
    from target_intercom.records.buffer import RecordBuffer, Row
    from target_intercom.records.payloads import Changes
    from target_intercom.records.remote import RemoteRecord
    from target_intercom.records.values import WantedRecord
    from target_intercom.records.write_options import WriteOptions
    from target_intercom.settings import Condition


@dataclass(frozen=True)
class Plan:
    """The plan for a row. `action` is empty if there is nothing to write."""

    outcome: Outcome  #: what a sync would report
    action: str = ""
    wanted: WantedRecord | None = None
    remote: RemoteRecord | None = None  #: the matching record
    records: Sequence[RemoteRecord] = ()  #: all records that were found for the row
    previously_linked: Sequence[RemoteRecord] = ()  #: other records of Intercom with the row's link
    clear: Sequence[RemoteRecord] = ()  #: those of them to clear before the match is written


@dataclass(frozen=True)
class Planner:
    """Plans rows, and prevents two rows of a run from writing to the same record. Several threads use `decide_row`.

    Args:
        rules: the settings that decide.
        cancelled_when: the condition for a cancelled record, with the stream's names of fields.
        deleted_when: the condition for a deleted record.
        clear_moved: whether to clear records that a row no longer matches.
        options: the settings and the attributes.
        buffer: the run's input.
        guard: counts what changes.
        find_archived: returns Intercom's id of an archived contact that blocks the creation for a row.
        list_left_behind: returns the other records that had a row's link when they were last read.
        plan_attachment: returns the change for attaching a contact to its company.
        is_subset: whether the input contains only some records, so that a link to an unknown id may be right.
    """

    rules: Rules
    cancelled_when: Condition
    deleted_when: Condition
    clear_moved: bool
    options: WriteOptions
    buffer: RecordBuffer
    guard: ChangeGuard
    find_archived: Callable[[Row, WriteOptions], str | None]
    list_left_behind: Callable[[Row, WriteOptions], Collection[str]]
    plan_attachment: Callable[[Row, RemoteRecord | None], Changes]
    is_subset: bool = False

    def plan_row(self, row: Row, candidates: Candidates) -> Plan:
        """Decide on a row, and compare it with its match."""
        if candidates.error:
            return Plan(Outcome("rejected", candidates.error.code, error=candidates.error))
        candidates = self._set_left_aside(row, candidates)
        records = candidates.email_owners or candidates.records
        if name := self.options.find_overlong(row.record, row.link):
            reason = f"the value of `{name}` is longer than {MAX_STRING} characters"
            return Plan(Outcome("rejected", reason), records=records)
        decision = self.decide_row(row, candidates.records, is_email_taken=bool(candidates.email_owners))
        own = self._set_left_aside(row, Candidates(candidates.previously_linked))
        if decision.reason in {"claimed", "linked_to_another"} and len(own.records) == 1:
            # The match belongs to another row, but exactly one record has this row's link, so that one is the match.
            candidates = own
            decision, records = self.decide_row(row, candidates.records), candidates.records
        if decision.action == "skip":
            # A skip names a record of Intercom only if it is about exactly one.
            owners = candidates.email_owners
            match_id = decision.match.id if decision.match else None
            concerned = (owners[0].id if len(owners) == 1 else None) if owners else match_id
            return Plan(Outcome("skipped", decision.reason, concerned), records=records)
        try:
            wanted = build_wanted(row.record, row.link, self.options)
        except UnfitRecordError as error:
            return Plan(Outcome("rejected", str(error)), records=records)
        if decision.action == "create" or decision.match is None:
            changes = find_creation_changes(wanted, self.options) | self.plan_attachment(row, None)
            outcome = Outcome(DONE["create"], decision.reason, None, changes, unfit=wanted.unfit)
            return Plan(outcome, "create", wanted, records=records)
        remote = next(one for one in candidates.records if one.id == decision.match.id)
        return self._plan_update(row, candidates, wanted, remote, decision)

    def list_left(self, candidates: Candidates) -> list[RemoteRecord]:
        """Return the records with the link of a row that is not sent, except those that rows of this run write to."""
        return [one for one in candidates.records if not self.buffer.is_slot_claimed(f"id {one.id}")]

    def expects_creation(self, row: Row, candidates: Candidates) -> bool:
        """Return whether a row will be created unless another row prevents it."""
        if candidates.error:
            return False
        decision = decide(self._gather_facts(row), self._list_matches(row, candidates.records), self.rules)
        return decision.action == "create"

    def decide_row(self, row: Row, records: Sequence[RemoteRecord], *, is_email_taken: bool = False) -> Decision:
        """Decide on a row, with all records of Intercom that match it."""
        facts = replace(self._gather_facts(row), is_email_taken=is_email_taken)
        matches = self._list_matches(row, records)
        decision = decide(facts, matches, self.rules)
        # A row reserves the record that it writes to. For a creation it reserves its match value.
        is_update = decision.match and decision.action != "create"
        slot = f"id {decision.match.id}" if is_update and decision.match else f"new {row.key}"
        if decision.action != "skip" and not self.buffer.claim_slot(slot, row):
            return decide(replace(facts, is_match_taken=True), matches, self.rules)
        if decision.action == "create" and row.email and not self.buffer.claim_slot(f"email {row.email}", row):
            return decide(replace(facts, is_email_taken=True), matches, self.rules)
        return decision

    def _plan_update(
        self, row: Row, candidates: Candidates, wanted: WantedRecord, remote: RemoteRecord, decision: Decision
    ) -> Plan:
        changes = find_changes(wanted, remote, self.options, convert=decision.action == "convert")
        if row.link and self.options.read_remote_link(remote) == row.link:
            self.guard.count_linked(row.id or row.link, alarming=is_alarming(changes, self.options))
        changes |= self.plan_attachment(row, remote)
        kind = DONE[decision.action] if changes else "unchanged"
        outcome = Outcome(kind, decision.reason, remote.id, changes, unfit=wanted.unfit)
        previously_linked = candidates.previously_linked
        clear = [one for one in previously_linked if self.clear_moved and self.buffer.claim_slot(f"id {one.id}", row)]
        action = decision.action if changes or clear else ""
        return Plan(outcome, action, wanted, remote, candidates.records, previously_linked, clear)

    def _set_left_aside(self, row: Row, candidates: Candidates) -> Candidates:
        return candidates.set_left_aside(row, self.list_left_behind(row, self.options), self.options)

    def _gather_facts(self, row: Row) -> Facts:
        attributes: Mapping[str, object] = read_attributes(row.record)
        return Facts(
            has_match_value=row.key is not None,
            is_superseded=not self.buffer.is_last_of_id(row),
            is_cancelled=is_condition_met(self.cancelled_when, attributes, row.record),
            is_deleted=is_condition_met(self.deleted_when, attributes, row.record),
            can_be_created=self.options.object_type.can_create(row.lookup_id),
        )

    def _list_matches(self, row: Row, records: Sequence[RemoteRecord]) -> list[Match]:
        matches = []
        for record in records:
            link = self.options.read_remote_link(record)
            is_other = link != row.link
            is_in_input = self.buffer.has_link(link)
            matches.append(
                Match(
                    id=record.id,
                    role="lead" if record.is_lead else "user",
                    is_linked_elsewhere=is_other and is_in_input,
                    is_linked_outside=self.is_subset
                    and bool(link)
                    and is_other
                    and not is_in_input
                    and not self.buffer.is_left_out(link),
                    has_no_users=record.has_no_users,
                    is_possibly_duplicate=record.is_possibly_duplicate,
                )
            )
        if not matches and (archived := self.find_archived(row, self.options)):
            # Only a refused creation shows an archived contact, and the last run had that refusal.
            matches.append(Match(archived, is_archived=True))
        return matches
