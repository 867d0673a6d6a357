"""When too many changes stop a run before the first write. Pure."""

from __future__ import annotations

from dataclasses import dataclass

#: Linked records below which no share of changes is alarming.
GUARDED_RECORDS = 200


@dataclass
class BlastRadius:
    """Counts the records linked by earlier runs, and those of them whose MRR or status changes or that lose a value."""

    max_share: float
    linked: int = 0
    alarming: int = 0

    def note(self, *, alarming: bool) -> None:
        """Count one linked record."""
        self.linked += 1
        self.alarming += alarming

    def objection(self) -> str | None:
        """Give the sentence that stops the run, if it is to stop."""
        if self.linked < GUARDED_RECORDS or self.alarming <= self.max_share * self.linked:
            return None
        return (
            f"{self.alarming} of {self.linked} linked records would change MRR or status or lose a value, more than "
            f"`max_changed_share` ({self.max_share:.0%}) permits: nothing was written; see them with `mode: validate`, "
            "and set `accept_changes` to true for one run if they are right."
        )
