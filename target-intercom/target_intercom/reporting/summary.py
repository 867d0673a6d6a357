"""The counts of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from target_intercom._kit.summary import SummaryBase
from target_intercom.records.object_types import KINDS

if TYPE_CHECKING:
    from target_intercom._kit.transport import Tally
    from target_intercom.reporting.not_sent import Totals
    from target_intercom.reporting.outcomes import Outcome

_KINDS = ("updated", "unchanged", "created", "converted")


@dataclass
class Counts:
    """What became of the records of one stream, or of all."""

    records: int = 0
    matched: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    unknown: int = 0  #: the run stopped while they were written
    not_reached: int = 0  #: the run stopped before their turn

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.records + other.records,
            self.matched + other.matched,
            self.outcomes + other.outcomes,
            self.skipped + other.skipped,
            self.rejected + other.rejected,
            self.unknown + other.unknown,
            self.not_reached + other.not_reached,
        )

    def as_dict(self) -> dict[str, Any]:
        """Give them in the form of `summary.json`."""
        return {
            "records": self.records,
            "matched": self.matched,
            **{kind: self.outcomes[kind] for kind in _KINDS},
            "skipped": dict(sorted(self.skipped.items())),
            "rejected": dict(sorted(self.rejected.items())),
            "unknown": self.unknown,
            "not_reached": self.not_reached,
        }


@dataclass
class Summary(SummaryBase):
    """The counts of a run, by stream and in all."""

    streams: dict[str, Counts] = field(default_factory=lambda: {stream: Counts() for stream in KINDS})
    fields_written: int = 0
    values_cut: int = 0
    values_unfit: int = 0  #: that Intercom cannot hold: each a line of unfit.csv
    moved: int = 0  #: records of which a user or company that they have left still carries the link
    moved_cleared: int = 0  #: records of which this run has cleared it, or in a validation would
    companies_without_users: int = 0  #: Intercom shows them nowhere
    companies_attached: int = 0
    companies_not_found: int = 0  #: contacts that name a company which Intercom has not
    attributes_missing: list[str] = field(default_factory=list)  #: before this run
    attributes_created: int = 0
    attributes_of_earlier_type: list[str] = field(default_factory=list)  #: which Intercom cannot change
    other_streams: Counter[str] = field(default_factory=Counter)
    not_sent: Counter[str] = field(default_factory=Counter)  #: customers that the map did not send, by reason
    totals: Totals | None = None

    def plan(self, stream: str, *, matched: bool, cut: int) -> None:
        """Count a record that was decided on."""
        self.streams[stream].matched += matched
        self.values_cut += cut

    def note(self, stream: str, outcome: Outcome) -> None:
        """Count what became of one record."""
        counts = self.streams[stream]
        if outcome.kind == "skipped":
            counts.skipped[outcome.reason] += 1
        elif outcome.kind == "rejected":
            counts.rejected[outcome.reason] += 1
        else:
            counts.outcomes[outcome.kind] += 1
        self.fields_written += len(outcome.changed)
        self.values_unfit += len(outcome.unfit)
        self.companies_attached += stream == "contacts" and "company_id" in outcome.changed

    def as_dict(self, tally: Tally, seconds: float) -> dict[str, Any]:
        """Give the content of `summary.json`. In mode `validate` the outcomes are what a sync would do."""
        return {
            **self.build_head(),
            "fields_written": self.fields_written,
            "values_cut": self.values_cut,
            "values_unfit": self.values_unfit,
            "moved": self.moved,
            "moved_cleared": self.moved_cleared,
            "companies_without_users": self.companies_without_users,
            "companies_attached": self.companies_attached,
            "companies_not_found": self.companies_not_found,
            "attributes_missing": self.attributes_missing,
            "attributes_of_earlier_type": self.attributes_of_earlier_type,
            "attributes_created": self.attributes_created,
            "other_streams": dict(self.other_streams),
            "not_sent": dict(self.not_sent),
            "totals": msgspec.to_builtins(self.totals) or {},
            "calls": tally.calls,
            "waits": tally.waits,
            "waited_seconds": round(tally.waited, 1),
            "seconds": round(seconds, 1),
        }
