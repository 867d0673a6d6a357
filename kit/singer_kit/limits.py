"""When too many refusals stop a run. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

LEAST_REJECTS = 100
"""Refusals that are always accepted, whatever their share."""
REJECT_SHARE = 0.05
"""The share of the attempts above them."""
FIRST_ATTEMPTS = 50
"""When every one of so many first attempts is refused for the same reason, the reason is not the record's."""
_SEE = "the reasons are in rejects.jsonl in `report_dir`, and no STATE was written."


@dataclass
class RejectLimit:
    """Counts attempts to write and their refusals; `maximum` None means 5 % of the attempts, at least 100.

    `earlier` are records that were refused before anything was tried; they count against a `maximum` that is a number.
    """

    maximum: int | None = None
    earlier: int = 0
    attempts: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def count_attempt(self, reason: str | None) -> None:
        """Count one attempt; `reason` is why it was refused, None when it was not."""
        self.attempts += 1
        if reason is not None:
            self.reasons[reason] += 1

    def find_stop_reason(self) -> str | None:
        """Return the sentence that stops the run; None while it goes on."""
        refused = self.reasons.total()
        # A wrong setting refuses every record in the same way: stop before it is tried on all of them.
        if self.attempts == refused >= FIRST_ATTEMPTS and len(self.reasons) == 1:
            reason = next(iter(self.reasons))
            return f"Each of the first {refused} records was refused for one reason ({reason}): {_SEE}"
        maximum = max(LEAST_REJECTS, REJECT_SHARE * self.attempts) if self.maximum is None else self.maximum
        # The share is one of attempts, so records that were never attempted count against a number only.
        if refused + (0 if self.maximum is None else self.earlier) > maximum:
            counts = f"{refused + self.earlier} of {self.attempts + self.earlier}"
            return f"{counts} records were refused, over `max_rejects` ({maximum:g}): {_SEE}"
        return None
