"""The stream `not_sent`: the customers that are not sent, and the totals of all customers.

Its SCHEMA contains the totals, so it can be sent only after everything is derived. Until then the rows are in two
files: one with the losing customers, group by group, the other with the winner of each group, which is known last. A
third file has the customers that the filter leaves out.
"""

from __future__ import annotations

from collections import Counter
from typing import IO, TYPE_CHECKING, Any

import msgspec
import singer_sdk.singerlib as singer

from standpipe_maps.json_schema import TEXT
from standpipe_maps.subscriptions.records import (
    LEFT_OUT,
    LOSER_FIELDS,
    REPLACED,
    SHARES,
    UNDECIDED,
    describe_loser,
    find_reason,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standpipe_maps._kit.json_types import JsonObject
    from standpipe_maps.subscriptions.facts import FactOptions
    from standpipe_maps.subscriptions.records import Candidate

STREAM = "not_sent"
TOTALS = "x-standpipe-totals"
CLEAR = "x-standpipe-clear"
"""The keyword of the schema with the reasons for which a target clears what it wrote before."""
REASONS = {
    SHARES: {
        "text": "another live customer with the same match value is sent instead",
        "remedy": "give each customer its own match value in Chargebee, or choose another `match_on`",
    },
    REPLACED: {
        "text": "the customer is deleted, and another customer has its match value now",
        "remedy": "nothing: the other customer is the current one",
    },
}
FILTER_REASONS = {
    LEFT_OUT: {
        "text": "left out by `only_customers`",
        "remedy": "change `only_customers` if the customer should take part",
    },
    UNDECIDED: {
        "text": "`only_customers` has no result for the customer, or for one who shares its match value",
        "remedy": "see the log of the map for the reason, and correct the customer or the expression",
    },
}
SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "customer_id": {"type": ["string"], "description": "Id of the customer in Chargebee"},
        "reason": {"type": ["string"], "enum": list(REASONS), "description": "Why the customer is not sent"},
        "instead_of": {**TEXT, "description": "Id of the customer that is sent for the same match value"},
        **{one.name: {**one.type, "description": one.description} for one in LOSER_FIELDS},
    },
    "required": ["customer_id", "reason"],
}


class NotSent:
    """Counts the customers that are not sent, and keeps a row for each.

    Args:
        losers: a file for the rows; None if they are only counted.
        winners: a file for the winners of the groups.
        left_out: a file for the rows of customers that the filter leaves out; None without a filter.
        options: the settings for facts.
        clears: whether the target is to clear what it wrote for these.
    """

    def __init__(
        self,
        losers: IO[bytes] | None,
        winners: IO[bytes],
        left_out: IO[bytes] | None,
        options: FactOptions,
        *,
        clears: bool = False,
    ) -> None:
        self._reasons = REASONS if left_out is None else {**REASONS, **FILTER_REASONS}
        self.counts: Counter[str] = Counter(dict.fromkeys(self._reasons, 0))
        self._group: Counter[str] = Counter()
        self._losers = losers
        self._winners = winners
        self._left_out = left_out
        self._options = options
        self._clears = clears
        self._encoder = msgspec.json.Encoder()

    def add_left_out(self, one: Candidate) -> None:
        """Count a customer that the filter leaves out, and keep its row."""
        self.counts[LEFT_OUT] += 1
        if self._losers and self._left_out:
            row = describe_loser(one, self._options, LEFT_OUT)
            self._left_out.write(self._encoder.encode(row) + b"\n")

    def add_loser(self, loser: Candidate) -> None:
        """Count a customer that is not sent, and keep its row."""
        self._group[find_reason(loser)] += 1
        if self._losers:
            self._losers.write(self._encoder.encode(describe_loser(loser, self._options)) + b"\n")

    def add_winner(self, winner: Candidate, lost: int) -> None:
        """Store the winner of the group whose losing customers were stored last.

        If it is undecided, it is not sent either.
        """
        if winner.failure:
            self.add_loser(winner)
            lost += 1
            self.counts[UNDECIDED] += lost
        else:
            self.counts.update(self._group)
        self._group.clear()
        if self._losers and lost:
            sent = None if winner.failure else winner.owner.customer["id"]
            self._winners.write(self._encoder.encode((sent, lost)) + b"\n")

    def compute_totals(self, customers: int, sent: int) -> JsonObject:
        """Return the totals of Chargebee's customers: sent, not sent by reason, unchanged."""
        # The rest are customers whose rows no run has touched since the target confirmed them.
        unchanged = customers - sent - self.counts.total()
        return {"customers": customers, "sent": sent, "not_sent": dict(self.counts), "unchanged": unchanged}

    def build_messages(self, totals: dict[str, Any]) -> Iterator[singer.Message]:
        """Yield the SCHEMA with the totals, and one RECORD per customer that is not sent."""
        schema: JsonObject = {**SCHEMA, TOTALS: totals}
        if self._left_out:
            reason = {**SCHEMA["properties"]["reason"], "enum": list(self._reasons)}
            schema["properties"] = {**SCHEMA["properties"], "reason": reason}
        if self._clears:
            schema[CLEAR] = [LEFT_OUT]
        yield singer.SchemaMessage(STREAM, schema, ["customer_id"])
        for row in self._read_rows():
            yield singer.RecordMessage(STREAM, row)

    def _read_rows(self) -> Iterator[JsonObject]:
        if not self._losers:
            return
        self._losers.seek(0)
        self._winners.seek(0)
        for line in self._winners:
            winner, lost = msgspec.json.decode(line)
            for _ in range(lost):
                row = msgspec.json.decode(self._losers.readline())
                reason = UNDECIDED if winner is None else row["reason"]
                yield {**_begin_row(row, winner), **row, "reason": reason}
        if self._left_out:
            self._left_out.seek(0)
            for line in self._left_out:
                row = msgspec.json.decode(line)
                yield {**_begin_row(row, None), **row}


def _begin_row(row: JsonObject, winner: str | None) -> JsonObject:
    """Return the first members of a row, in the order of the schema."""
    return {"customer_id": row["customer_id"], "reason": row["reason"], "instead_of": winner}
