"""When too many refusals stop a run. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

LEAST_REJECTS = 100
"""The number of refusals that never stops a run."""
REJECT_SHARE = 0.05
"""Above that number, the share of refused attempts that stops a run."""
FIRST_ATTEMPTS = 50
"""If this many first attempts all fail for the same reason, the cause is not in the records."""
_SEE = "the reasons are in rejects.jsonl in `report_dir`, and no STATE was written."


@dataclass
class RejectLimit:
    """Counts attempts to write and their refusals.

    A `maximum` of None means 5 % of the attempts, but at least 100. `earlier` is the number of records that were
    refused before any attempt. They count only against a `maximum` that is a number.
    """

    maximum: int | None = None
    earlier: int = 0
    attempts: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def count_attempt(self, reason: str | None) -> None:
        """Count one attempt. `reason` says why the vendor refused it, or is None."""
        self.attempts += 1
        if reason is not None:
            self.reasons[reason] += 1

    def find_stop_reason(self) -> str | None:
        """Return the sentence that stops the run; None if it may go on."""
        refused = self.reasons.total()
        # A wrong setting fails for all records alike, so the run stops before it tries all of them.
        if self.attempts == refused >= FIRST_ATTEMPTS and len(self.reasons) == 1:
            reason = next(iter(self.reasons))
            return f"Each of the first {refused} records was refused for one reason ({reason}): {_SEE}"
        maximum = max(LEAST_REJECTS, REJECT_SHARE * self.attempts) if self.maximum is None else self.maximum
        # The share refers to attempts, so records without an attempt count only against a number.
        if refused + (0 if self.maximum is None else self.earlier) > maximum:
            counts = f"{refused + self.earlier} of {self.attempts + self.earlier}"
            return f"{counts} records were refused, more than `max_rejects` permits ({maximum:g}): {_SEE}"
        return None
