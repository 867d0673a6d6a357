"""Decides whether too many changes stop a run before the first write. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_intercom.records.payloads import Changes
    from target_intercom.records.write_options import WriteOptions

#: With fewer linked records than this, no share of changes is alarming.
GUARDED_RECORDS = 200


@dataclass
class ChangeGuard:
    """Counts linked records, and those among them whose MRR or status changes or that lose a value."""

    max_share: float
    linked: int = 0
    alarming: int = 0

    def count_linked(self, *, alarming: bool) -> None:
        """Count one linked record."""
        self.linked += 1
        self.alarming += alarming

    def find_stop_reason(self) -> str | None:
        """Return the sentence that stops the run; None if it may go on."""
        if self.linked < GUARDED_RECORDS or self.alarming <= self.max_share * self.linked:
            return None
        return (
            f"{self.alarming} of {self.linked} linked records would change MRR or status or lose a value, more than "
            f"`max_changed_share` ({self.max_share:.0%}) permits: nothing was written; see them with `mode: validate`, "
            "and set `accept_changes` to true for one run if they are right."
        )


def is_alarming(changes: Changes, options: WriteOptions) -> bool:
    """Return whether changes of a linked record are alarming: its MRR or a status changes, or it loses a value."""
    attributes = {name.partition(".")[2]: change for name, change in changes.items()}
    return any(
        change.before is not None and (change.after is None or name.endswith(("_mrr", "_status")))
        for name, change in attributes.items()
        if options.owns_attribute(name)
    )
