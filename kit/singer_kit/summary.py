"""The counts of a target's run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter

    from .json_types import JsonObject, JsonValue


@dataclass
class SummaryBase:
    """The counts of a run, by stream and in all."""

    status: str = "stopped"  #: `completed` only after everything was processed and STATE was written
    mode: str = "sync"
    stopped_by: str | None = None  #: `guard` when the next runs would stop too until a person decides
    streams: JsonObject = field(default_factory=dict)

    @property
    def counts(self) -> JsonValue:
        """The counts over all streams."""
        first, *others = self.streams.values()
        return sum(others, first)

    @property
    def records(self) -> int:
        """The number of records."""
        return int(self.counts.records)

    @property
    def rejected(self) -> Counter[str]:
        """The number of refused records by reason."""
        found: Counter[str] = self.counts.rejected
        return found

    def build_head(self) -> JsonObject:
        """Return how the run ended, and its counts. In mode `validate` they are what a sync would do."""
        used = {stream: counts.as_dict() for stream, counts in self.streams.items() if counts.records}
        return {
            "status": self.status,
            "mode": self.mode,
            **({"stopped_by": self.stopped_by} if self.stopped_by else {}),
            **self.counts.as_dict(),
            "streams": used if len(used) > 1 else {},
        }
