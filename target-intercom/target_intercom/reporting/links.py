"""The records that a run lists at its end, each with a link to look at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_intercom.records.object_types import KINDS

if TYPE_CHECKING:
    from target_intercom.reporting.outcomes import Outcome


@dataclass(frozen=True)
class Links:
    """Where the records of a workspace are looked at.

    Args:
        web: the address of Intercom's web application.
        app: the workspace's id.
        own: an address with `{stream}` and `{id}` to be filled in, used instead.
    """

    web: str
    app: str
    own: str = ""

    def to(self, stream: str, intercom_id: str) -> str:
        """Give the address of one contact or company."""
        address = self.own or f"{self.web}/a/apps/{self.app}/{KINDS[stream].page}"
        return address.replace("{stream}", stream).replace("{id}", intercom_id)


@dataclass
class Listing:
    """The first records of a run, at most `longest`."""

    longest: int
    entries: list[tuple[str, str, Outcome]] = field(default_factory=list)

    def note(self, stream: str, record_id: str | None, outcome: Outcome) -> None:
        """Keep what became of a record."""
        if len(self.entries) < self.longest:
            self.entries.append((stream, record_id or "-", outcome))

    def lines(self, links: Links) -> list[str]:
        """Lay the records out for the terminal: id, what became of it, and where to look at it, or why not."""
        rows = [(record_id, outcome.kind, _last(stream, outcome, links)) for stream, record_id, outcome in self.entries]
        widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
        return [f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}" for row in rows]


def _last(stream: str, outcome: Outcome, links: Links) -> str:
    reason = outcome.reason if outcome.kind in {"skipped", "rejected"} else ""
    address = links.to(stream, outcome.intercom_id) if outcome.intercom_id else ""
    return "  ".join(filter(None, (reason, address)))
