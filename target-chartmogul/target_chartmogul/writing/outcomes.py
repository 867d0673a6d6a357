"""What became of a record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_chartmogul.records.payloads import Change

#: The kinds, each a table of the reports; every record is in one of them.
KINDS_OF_OUTCOME = ("created", "updated", "unchanged", "held", "deleted", "skipped", "rejected")


@dataclass(frozen=True)
class Outcome:
    """What was done (`kind`), why, to which customer or contact, and with which fields.

    `changed` was written, `held` is what ChartMogul keeps its own value of, `refused` says why a field was left out.
    A record is `held` when nothing but such fields differs.
    """

    kind: str
    reason: str = ""
    uuid: str | None = None
    changed: Mapping[str, Change] = field(default_factory=dict)
    held: Mapping[str, Change] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
