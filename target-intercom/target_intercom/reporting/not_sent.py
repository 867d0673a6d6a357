"""The customers that a map knows and did not send, which the reports list beside those that came."""

from __future__ import annotations

import json
from collections import Counter
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The name of the stream, and the keyword of its schema that carries the totals.
STREAM = "not_sent"
TOTALS = "x-standpipe-totals"

#: Why a customer was not sent, in words; `{other}` is the customer that was sent instead.
REASONS = {
    "shares_match_value": "shares its match value with {other}, which is sent",
    "replaced": "replaced by {other}, which is sent",
    "left_out": "left out by the filter",
}

#: What follows a count of such customers.
_COUNTED = {
    "shares_match_value": ("shares its match value", "share their match value"),
    "replaced": ("replaced", "replaced"),
    "left_out": ("left out", "left out"),
}


class Totals(msgspec.Struct, frozen=True):
    """How many customers the source has, and how many of them were sent, were not sent, and did not change."""

    customers: int
    sent: int
    not_sent: dict[str, int] = {}
    unchanged: int = 0

    def equation(self, source: str) -> str:
        """Return the sum as text, such as `60 in Chargebee = 57 sent + 2 share their match value + 1 replaced`."""
        parts = [f"{self.sent:,} sent"]
        parts += [f"{count:,} {_counted(reason, count)}" for reason, count in self.not_sent.items() if count]
        parts += [f"{self.unchanged:,} unchanged, not sent"] if self.unchanged else []
        return f"{self.customers:,} in {source} = {' + '.join(parts)}"

    @property
    def add_up(self) -> bool:
        """Say whether every customer is counted exactly once."""
        return self.customers == self.sent + sum(self.not_sent.values()) + self.unchanged


class NotSent:
    """The records of the stream `not_sent`, in a temporary file so that memory stays flat."""

    def __init__(self) -> None:
        self._file: IO[str] | None = None
        self.counts: Counter[str] = Counter()
        self.totals: Totals | None = None
        self.declared = False

    def declare(self, schema: Mapping[str, Any]) -> None:
        """Read the totals that the schema of the stream carries; totals in another form are no totals."""
        self.declared = True
        try:
            self.totals = msgspec.convert(schema.get(TOTALS), Totals)
        except msgspec.ValidationError:
            self.totals = None

    def add(self, record: Mapping[str, Any]) -> None:
        """Keep one record."""
        self.counts[reason_of(record)] += 1
        if self._file is None:
            self._file = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed by `close`
        self._file.write(json.dumps(record, default=str) + "\n")

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the records in the order they came."""
        if self._file:
            self._file.seek(0)
            yield from map(json.loads, self._file)

    def close(self) -> None:
        """Delete the file."""
        if self._file:
            self._file.close()


def describe(record: Mapping[str, Any]) -> str:
    """Return why a customer was not sent, in words."""
    reason = reason_of(record)
    return REASONS.get(reason, reason).replace("{other}", str(record.get("instead_of") or "another"))


def reason_of(record: Mapping[str, Any]) -> str:
    """Return the reason as the map names it."""
    return str(record.get("reason") or "unknown")


def _counted(reason: str, count: int) -> str:
    return _COUNTED.get(reason, (reason, reason))[count != 1]
