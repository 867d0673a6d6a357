"""Decides whether too many changes stop a run before the first write. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from target_intercom.records.payloads import Changes
    from target_intercom.records.write_options import WriteOptions

#: With fewer linked records than this, no share of changes is alarming.
GUARDED_RECORDS = 200


class EarlierChanges(msgspec.Struct, frozen=True):
    """What runs over some records have changed in a stream since the last full run."""

    stream: str
    linked: int = 0  #: linked records of that run
    ids: tuple[str, ...] = ()  #: the records with an alarming change since


@dataclass
class ChangeGuard:
    """Counts linked records, and those among them whose MRR or status changes or that lose a value.

    A run over some records adds what such runs have changed before: many small runs together may change no more than
    one large run.
    """

    max_share: float
    linked: int = 0
    alarming: int = 0
    earlier: EarlierChanges | None = None  #: set in a run over some records
    _ids: set[str] = field(default_factory=set)

    def count_linked(self, record_id: str = "", *, alarming: bool) -> None:
        """Count one linked record."""
        self.linked += 1
        self.alarming += alarming
        if self.earlier and alarming:
            self._ids.add(record_id)

    def find_stop_reason(self) -> str | None:
        """Return the sentence that stops the run; None if it may go on."""
        linked, alarming = self.linked, self.alarming
        if self.earlier:
            linked, alarming = max(linked, self.earlier.linked), len(self._ids.union(self.earlier.ids))
        if linked < GUARDED_RECORDS or alarming <= self.max_share * linked:
            return None
        if self.earlier:
            return (
                f"Since the last full run, {alarming} of {linked} linked records would have changed MRR or "
                f"status or lost a value, more than `max_changed_share` ({self.max_share:.0%}) permits: nothing was "
                "written. If that is right, start a full run."
            )
        return (
            f"{alarming} of {linked} linked records would change MRR or status or lose a value, more than "
            f"`max_changed_share` ({self.max_share:.0%}) permits: nothing was written; see them with `mode: validate`, "
            "and set `accept_changes` to true for one run if they are right."
        )

    def describe_changes(self, stream: str) -> EarlierChanges:
        """Return what later runs over some records have to add; a full run resets them."""
        if not self.earlier:
            return EarlierChanges(stream, self.linked)
        return EarlierChanges(stream, self.earlier.linked, tuple(sorted(self._ids.union(self.earlier.ids))))


def is_alarming(changes: Changes, options: WriteOptions) -> bool:
    """Return whether changes of a linked record are alarming: its MRR or a status changes, or it loses a value."""
    attributes = {name.partition(".")[2]: change for name, change in changes.items()}
    return any(
        change.before is not None
        and (change.after is None or name.endswith(("_mrr", "_status")) or name in options.guarded)
        for name, change in attributes.items()
        if options.owns_attribute(name)
    )
