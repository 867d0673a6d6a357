"""What became of a record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_intercom.api.transport import RecordRefusedError
    from target_intercom.matching.candidates import Held
    from target_intercom.records.payloads import Change

#: What a successful action is called afterwards.
DONE = {"update": "updated", "create": "created", "convert": "converted"}


@dataclass(frozen=True)
class Cleared:
    """What became of a record that was linked to a row before its match became another."""

    intercom_id: str
    changed: Mapping[str, Change] = field(default_factory=dict)
    refused: RecordRefusedError | None = None


@dataclass(frozen=True)
class Outcome:
    """What was done (`kind`), why, to which contact or company, which fields were written, and why it was refused.

    `unfit` says, by field, which values could not be written, and why.

    The kinds are `updated`, `created`, `converted`, `unchanged`, `skipped` and `rejected`.
    """

    kind: str
    reason: str = ""
    intercom_id: str | None = None
    changed: Mapping[str, Change] = field(default_factory=dict)
    refused: RecordRefusedError | None = None
    unfit: Mapping[str, str] = field(default_factory=dict)
    found: Held | None = None  #: what was found only when it was to be created
    cleared: Sequence[Cleared] = ()  #: what became of the records that it was linked to before
