"""When a run as a whole is stopped: too many changes before the first write, too many refusals on the way. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

#: Linked records below which no share of changes is alarming.
GUARDED_RECORDS = 200

#: Refusals that are always borne, and the share of the attempts above them.
LEAST_REJECTS = 100
REJECT_SHARE = 0.05

#: When every one of so many first attempts is refused for the same reason, the reason is not the record's.
FIRST_ATTEMPTS = 50


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


@dataclass
class RejectLimit:
    """Counts attempts to write and their refusals; `maximum` None means 5 % of the attempts, at least 100.

    `earlier` are records that were refused before anything was tried; they count against a `maximum` that is a number.
    """

    maximum: int | None = None
    earlier: int = 0
    attempts: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def note(self, reason: str | None) -> None:
        """Count one attempt; `reason` is why it was refused, None when it was not."""
        self.attempts += 1
        if reason is not None:
            self.reasons[reason] += 1

    def objection(self) -> str | None:
        """Give the sentence that stops the run, if it is to stop."""
        refused = sum(self.reasons.values())
        if self.attempts == refused >= FIRST_ATTEMPTS and len(self.reasons) == 1:
            reason = next(iter(self.reasons))
            return f"Each of the first {refused} records was refused for one reason ({reason}): {_SEE}"
        maximum = max(LEAST_REJECTS, REJECT_SHARE * self.attempts) if self.maximum is None else self.maximum
        if refused + (0 if self.maximum is None else self.earlier) > maximum:
            counts = f"{refused + self.earlier} of {self.attempts + self.earlier}"
            return f"{counts} records were refused, over `max_rejects` ({maximum:g}): {_SEE}"
        return None


_SEE = "the reasons are in rejects.jsonl in `report_dir`, and nothing is acknowledged."
