"""The outcome of one record, and the counts of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from target_intercom._kit.summary import SummaryBase
from target_intercom.records.object_types import OBJECT_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_intercom._kit.json_types import JsonObject
    from target_intercom._kit.transport import CallCounts
    from target_intercom.api.transport import RecordRefusedError
    from target_intercom.records.payloads import Change, Changes
    from target_intercom.records.remote import RemoteRecord
    from target_intercom.reporting.not_sent import Totals

#: What a successful action is called afterwards.
DONE = {"update": "updated", "create": "created", "convert": "converted"}

_KINDS = ("updated", "unchanged", "created", "converted")


@dataclass(frozen=True)
class Cleared:
    """The outcome for a record that was linked to a row which now matches another record."""

    intercom_id: str
    changes: Changes = field(default_factory=dict)
    error: RecordRefusedError | None = None


@dataclass(frozen=True)
class Outcome:
    """What was done (`kind`), why, to which contact or company, which fields were written, and why it was refused.

    `unfit` says, by field, which values could not be written, and why.

    The kinds are `updated`, `created`, `converted`, `unchanged`, `skipped` and `rejected`.
    """

    kind: str
    reason: str = ""
    intercom_id: str | None = None
    changes: Mapping[str, Change] = field(default_factory=dict)
    error: RecordRefusedError | None = None
    unfit: Mapping[str, str] = field(default_factory=dict)
    late_match: RemoteRecord | None = None  #: the record that was found only when one was to be created
    cleared: Sequence[Cleared] = ()  #: the outcomes for the records that it was linked to before

    @property
    def leaves_company_empty(self) -> bool:
        """Whether the record is a company without users."""
        return self.kind == "created" or self.reason == "no_users"


@dataclass
class Counts:
    """The outcomes of the records of one stream, or of all."""

    records: int = 0
    matched: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    unknown: int = 0  #: the run stopped during their writes
    not_reached: int = 0  #: the run stopped before their writes

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

    def as_dict(self) -> JsonObject:
        """Return the counts in the form of `summary.json`."""
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

    streams: dict[str, Counts] = field(default_factory=lambda: {stream: Counts() for stream in OBJECT_TYPES})
    fields_written: int = 0
    values_cut: int = 0
    values_unfit: int = 0  #: values that Intercom cannot store, each with a line in unfit.csv
    moved: int = 0  #: records with the link still on a user or company that they left
    moved_cleared: int = 0  #: those whose link this run cleared, or would clear in a validation
    companies_without_users: int = 0  #: companies that Intercom does not show
    companies_attached: int = 0
    companies_not_found: int = 0  #: contacts with a company that Intercom does not have
    attributes_missing: list[str] = field(default_factory=list)  #: attributes that were missing before this run
    attributes_created: int = 0
    attributes_of_earlier_type: list[str] = field(default_factory=list)  #: attributes whose type Intercom cannot change
    other_streams: Counter[str] = field(default_factory=Counter)
    not_sent: Counter[str] = field(default_factory=Counter)  #: customers that the map did not send, by reason
    totals: Totals | None = None
    has_events: bool = False  #: whether the input has the stream of data events
    events_sent: int = 0
    events_skipped: Counter[str] = field(default_factory=Counter)
    events_rejected: Counter[str] = field(default_factory=Counter)

    has_objects: bool = False  #: whether the input has the stream of custom objects
    objects_saved: int = 0
    objects_unchanged: int = 0
    objects_deleted: int = 0
    references_written: int = 0
    objects_skipped: Counter[str] = field(default_factory=Counter)
    objects_rejected: Counter[str] = field(default_factory=Counter)

    def count_outcome(self, stream: str, outcome: Outcome) -> None:
        """Count the outcome of one record."""
        counts = self.streams[stream]
        if outcome.kind == "skipped":
            counts.skipped[outcome.reason] += 1
        elif outcome.kind == "rejected":
            counts.rejected[outcome.reason] += 1
        else:
            counts.outcomes[outcome.kind] += 1
        self.fields_written += len(outcome.changes)
        self.values_unfit += len(outcome.unfit)
        self.companies_attached += OBJECT_TYPES[stream].joins_companies and "company_id" in outcome.changes

    def count_event(self, outcome: Outcome) -> None:
        """Count the outcome of one data event."""
        if outcome.kind == "sent":
            self.events_sent += 1
        else:
            counts = self.events_rejected if outcome.kind == "rejected" else self.events_skipped
            counts[outcome.reason] += 1

    def count_object(self, outcome: Outcome) -> None:
        """Count the outcome of one custom object, or of the references of one contact."""
        match outcome.kind:
            case "saved":
                self.objects_saved += 1
            case "deleted":
                self.objects_deleted += 1
            case "referred":
                self.references_written += 1
            case kind:
                counts = self.objects_rejected if kind == "rejected" else self.objects_skipped
                counts[outcome.reason] += 1

    def _build_objects(self) -> JsonObject:
        """Return the counts of the custom objects; nothing if the input has none."""
        if not self.has_objects:
            return {}
        return {
            "objects_saved": self.objects_saved,
            "objects_unchanged": self.objects_unchanged,
            "objects_deleted": self.objects_deleted,
            "references_written": self.references_written,
            "objects_skipped": dict(sorted(self.objects_skipped.items())),
            "objects_rejected": dict(sorted(self.objects_rejected.items())),
        }

    def _build_events(self) -> JsonObject:
        """Return the counts of the data events; nothing if the input has none."""
        if not self.has_events:
            return {}
        return {
            "events_sent": self.events_sent,
            "events_skipped": dict(sorted(self.events_skipped.items())),
            "events_rejected": dict(sorted(self.events_rejected.items())),
        }

    def as_dict(self, call_counts: CallCounts, seconds: float) -> JsonObject:
        """Return the content of `summary.json`. In mode `validate` the outcomes are what a sync would do."""
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
            **self._build_events(),
            **self._build_objects(),
            "calls": call_counts.calls,
            "waits": call_counts.waits,
            "waited_seconds": round(call_counts.waited, 1),
            "seconds": round(seconds, 1),
        }
