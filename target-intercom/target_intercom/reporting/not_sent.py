"""Customers that a map knows but did not send. The reports list them beside the sent ones."""

from __future__ import annotations

import json
from collections import Counter
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

import msgspec

from target_intercom._kit.journal import Who

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_intercom._kit.journal import JournalWriter
    from target_intercom._kit.json_types import JsonObject, JsonValue

#: The name of the stream, and the keyword of its schema with the totals.
STREAM = "not_sent"
TOTALS = "x-standpipe-totals"
#: The keyword of the schema with the reasons for which earlier values are cleared.
CLEAR = "x-standpipe-clear"

#: Texts why a customer was not sent. `{value}` is the name of the match value, `{other}` the customer sent instead.
REASONS = {
    "shares_match_value": "shares its {value} with {other}, which is sent",
    "replaced": "replaced by {other}, which is sent",
    "left_out": "left out by `only_customers`",
    "undecided": "`only_customers` has no result for it, or for a customer that shares its {value}",
}

#: The reason of a customer that no longer takes part.
LEFT_OUT = "left_out"

#: The reasons with another customer that is sent instead.
REPLACED = frozenset({"shares_match_value", "replaced"})

#: The texts for several customers, in the sum and in the table of a run.
COUNTED = {"shares_match_value": "share", "replaced": "replaced", "left_out": "left out", "undecided": "undecided"}
BECAUSE = {
    "shares_match_value": "share their {value} with another customer, which is sent",
    "replaced": "replaced by another customer, which is sent",
    "left_out": "left out by `only_customers`",
    "undecided": "`only_customers` has no result for them",
}


class Totals(msgspec.Struct, frozen=True):
    """How many customers the source has, how many of them were sent or not, and how many did not change."""

    customers: int
    sent: int
    not_sent: dict[str, int] = {}
    unchanged: int = 0

    def format_equation(self, source: str) -> str:
        """Return the sum as text, such as `60 in Chargebee = 57 sent + 2 share + 1 replaced`."""
        parts = [f"{self.sent:,} sent"]
        parts += [f"{count:,} {COUNTED.get(reason, reason)}" for reason, count in self.not_sent.items() if count]
        parts += [f"{self.unchanged:,} unchanged, not sent"] if self.unchanged else []
        return f"{self.customers:,} in {source} = {' + '.join(parts)}"

    def find_gaps(self, received: int, listed: Mapping[str, int]) -> list[str]:
        """Return a sentence for each sum that does not add up.

        Args:
            received: how many records came to be written.
            listed: how many came in the stream `not_sent`, by reason.
        """
        gaps = []
        if self.customers != self.sent + sum(self.not_sent.values()) + self.unchanged:
            gaps.append(f"The map's totals do not add up: {self.format_equation('the source')}.")
        if self.sent != received:
            gaps.append(f"The map sent {self.sent:,} records, and {received:,} came.")
        by_reason = {reason: count for reason, count in self.not_sent.items() if count}
        if by_reason != dict(listed):
            gaps.append(
                f"The map names {sum(by_reason.values()):,} customers not sent, and {sum(listed.values()):,} came."
            )
        return gaps


class NotSent:
    """The records of the stream `not_sent`, in a temporary file so that memory stays flat."""

    def __init__(self) -> None:
        self._file: IO[str] | None = None
        self.counts: Counter[str] = Counter()
        self.totals: Totals | None = None
        self.is_declared = False
        self.clears_left_out = False

    def read_schema(self, schema: Mapping[str, JsonValue]) -> None:
        """Read the totals in the stream's schema. Totals in another form are ignored."""
        self.is_declared = True
        cleared = schema.get(CLEAR)
        self.clears_left_out = isinstance(cleared, list) and LEFT_OUT in cleared
        try:
            self.totals = msgspec.convert(schema.get(TOTALS), Totals)
        except msgspec.ValidationError:
            self.totals = None

    def add_record(self, record: Mapping[str, JsonValue]) -> None:
        """Store one record."""
        self.counts[_read_reason(record)] += 1
        if self._file is None:
            self._file = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed by `close`
        self._file.write(json.dumps(record, default=str) + "\n")

    def iterate_records(self) -> Iterator[JsonObject]:
        """Yield the records in the order of their arrival."""
        if self._file:
            self._file.seek(0)
            yield from map(json.loads, self._file)

    def iterate_replaced(self) -> Iterator[tuple[str, str | None]]:
        """Yield the ids of replaced customers, and of the customer sent instead if the map names it."""
        for record in self.iterate_records():
            customer_id, other = record.get("customer_id"), record.get("instead_of")
            if _read_reason(record) in REPLACED and isinstance(customer_id, str) and customer_id:
                yield customer_id, other if isinstance(other, str) else None

    def write_journal(self, journal: JournalWriter) -> None:
        """Write a line for each record into the journal, unless it is off."""
        for record in self.iterate_records() if journal.is_on else ():
            who = Who(str(record.get("name") or ""), "", str(record.get("company") or ""))
            record_id, reason = str(record.get("customer_id") or ""), str(record.get("reason") or "")
            journal.add_record(STREAM, record_id, STREAM, reason, who=who)

    def iterate_left_out(self) -> Iterator[str]:
        """Yield the ids of the customers that take no part any more."""
        for record in self.iterate_records():
            customer_id = record.get("customer_id")
            if _read_reason(record) == LEFT_OUT and isinstance(customer_id, str) and customer_id:
                yield customer_id

    def close(self) -> None:
        """Delete the file."""
        if self._file:
            self._file.close()


def describe_not_sent(record: Mapping[str, JsonValue], value_name: str = "match value") -> str:
    """Return the text why a customer was not sent."""
    reason, other = _read_reason(record), str(record.get("instead_of") or "another")
    return REASONS.get(reason, reason).replace("{value}", value_name).replace("{other}", other)


def _read_reason(record: Mapping[str, JsonValue]) -> str:
    """Return the map's name for the reason."""
    return str(record.get("reason") or "unknown")
