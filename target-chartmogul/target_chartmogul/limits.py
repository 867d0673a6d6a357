"""When too many refusals stop a run. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

#: Refusals that are always borne, and the share of the attempts above them.
LEAST_REJECTS = 100
REJECT_SHARE = 0.05

#: When every one of so many first attempts is refused for the same reason, the reason is not the record's.
FIRST_ATTEMPTS = 50


@dataclass
class RejectLimit:
    """Counts attempts to write and their refusals; `maximum` None means 5 % of the attempts, at least 100."""

    maximum: int | None = None
    attempts: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def note(self, reason: str | None) -> None:
        """Count one attempt; `reason` is why it was refused, None when it was not."""
        self.attempts += 1
        if reason is not None:
            self.reasons[reason] += 1

    def objection(self) -> str | None:
        """Give the sentence that stops the run, if it is to stop."""
        refused = self.reasons.total()
        if self.attempts == refused >= FIRST_ATTEMPTS and len(self.reasons) == 1:
            reason = next(iter(self.reasons))
            return f"Each of the first {refused} records was refused for one reason ({reason}): {_SEE}"
        maximum = max(LEAST_REJECTS, REJECT_SHARE * self.attempts) if self.maximum is None else self.maximum
        if refused > maximum:
            return f"{refused} of {self.attempts} records were refused, over `max_rejects` ({maximum:g}): {_SEE}"
        return None


_SEE = "the reasons are in rejects.jsonl in `report_dir`, and nothing is acknowledged."
