"""The counts of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_chartmogul._kit.summary import SummaryBase
from target_chartmogul.records.object_types import OBJECT_TYPES
from target_chartmogul.writing.outcomes import KINDS_OF_OUTCOME

if TYPE_CHECKING:
    from target_chartmogul._kit.json_types import JsonObject
    from target_chartmogul.api.transport import Transport
    from target_chartmogul.writing.outcomes import Outcome


@dataclass
class Counts:
    """The outcomes of the records of one stream, or of all."""

    records: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.records + other.records,
            self.outcomes + other.outcomes,
            self.skipped + other.skipped,
            self.rejected + other.rejected,
        )

    def as_dict(self) -> JsonObject:
        """Return the counts in the form of `summary.json`."""
        outcomes = {kind: self.outcomes[kind] for kind in KINDS_OF_OUTCOME if kind not in {"skipped", "rejected"}}
        reasons = {"skipped": dict(sorted(self.skipped.items())), "rejected": dict(sorted(self.rejected.items()))}
        return {"records": self.records, **outcomes, **reasons}


@dataclass
class Summary(SummaryBase):
    """The counts of a run, by stream and in all."""

    streams: dict[str, Counts] = field(default_factory=lambda: {stream: Counts() for stream in OBJECT_TYPES})
    fields_written: int = 0
    values_cut: int = 0
    values_held: int = 0  #: values for which ChartMogul keeps its own
    values_refused: int = 0  #: values that were left out of a record that was written
    attributes_left_out: list[str] = field(default_factory=list)  #: attributes with unsuitable names or types
    duplicate_contacts: int = 0  #: contacts with the external id of an older one, which is not updated
    left_under_earlier_ids: int = 0  #: further contacts under an earlier external id
    merges: dict[str, int] = field(default_factory=dict)
    other_streams: Counter[str] = field(default_factory=Counter)

    def count_outcome(self, stream: str, outcome: Outcome) -> None:
        """Count the outcome of one record."""
        counts = self.streams[stream]
        counts.outcomes[outcome.kind] += 1
        if outcome.kind == "skipped":
            counts.skipped[outcome.reason] += 1
        elif outcome.kind == "rejected":
            counts.rejected[outcome.reason] += 1
        self.fields_written += len(outcome.changes)
        self.values_held += len(outcome.overridden)
        self.values_refused += len(outcome.refused)

    def build_figures(self, client: Transport, seconds: float) -> JsonObject:
        """Return the content of `summary.json`. In mode `validate` the outcomes are what a sync would do."""
        return {
            **self.build_head(),
            "fields_written": self.fields_written,
            "values_cut": self.values_cut,
            "values_held": self.values_held,
            "values_refused": self.values_refused,
            "attributes_left_out": self.attributes_left_out,
            "duplicate_contacts": self.duplicate_contacts,
            "left_under_earlier_ids": self.left_under_earlier_ids,
            "merges": self.merges,
            "other_streams": dict(self.other_streams),
            "calls": client.call_counts.calls,
            "limited": client.call_counts.limited,
            "waited_seconds": round(client.call_counts.waited, 1),
            "seconds": round(seconds, 1),
        }
