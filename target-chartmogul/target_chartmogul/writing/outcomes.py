"""The outcome of a record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_chartmogul.records.payloads import Change

#: The kinds. Each has a table in the reports, and every record is in one of them.
KINDS_OF_OUTCOME = ("created", "updated", "unchanged", "held", "deleted", "skipped", "rejected")


@dataclass(frozen=True)
class Outcome:
    """The outcome of a record.

    Args:
        kind: one of `KINDS_OF_OUTCOME`; `held` if ChartMogul keeps its own value of every field that differs.
        reason: the reason.
        uuid: the customer or contact.
        changes: the written changes.
        overridden: the changes for which ChartMogul keeps its own value.
        refused: the reason for each field that was left out.
        status: the status of the answer that refused the record.
    """

    kind: str
    reason: str = ""
    uuid: str | None = None
    changes: Mapping[str, Change] = field(default_factory=dict)
    overridden: Mapping[str, Change] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
