"""The stream `not_sent`: the customers that are not sent, and the totals of all customers.

Its SCHEMA contains the totals, so it can be sent only after everything is derived. Until then the rows are in two
files: one with the losing customers, group by group, the other with the winner of each group, which is known last.
"""

from __future__ import annotations

from collections import Counter
from typing import IO, TYPE_CHECKING, Any

import msgspec
import singer_sdk.singerlib as singer

from standpipe_maps.json_schema import TEXT
from standpipe_maps.subscriptions.records import LOSER_FIELDS, REPLACED, SHARES, describe_loser, find_reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standpipe_maps._kit.json_types import JsonObject
    from standpipe_maps.subscriptions.facts import FactOptions
    from standpipe_maps.subscriptions.records import Candidate

STREAM = "not_sent"
TOTALS = "x-standpipe-totals"
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
SCHEMA = {
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
        options: the settings for facts.
    """

    def __init__(self, losers: IO[bytes] | None, winners: IO[bytes], options: FactOptions) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(REASONS, 0))
        self._losers = losers
        self._winners = winners
        self._options = options
        self._encoder = msgspec.json.Encoder()

    def add_loser(self, loser: Candidate) -> None:
        """Count a customer that is not sent, and keep its row."""
        self.counts[find_reason(loser)] += 1
        if self._losers:
            self._losers.write(self._encoder.encode(describe_loser(loser, self._options)) + b"\n")

    def add_winner(self, winner: Candidate, lost: int) -> None:
        """Keep the winner over the last losing customers."""
        if self._losers and lost:
            self._winners.write(self._encoder.encode((winner.owner.customer["id"], lost)) + b"\n")

    def compute_totals(self, customers: int, sent: int) -> JsonObject:
        """Return the totals of Chargebee's customers: sent, not sent by reason, unchanged."""
        # The rest are customers whose rows no run has touched since the target confirmed them.
        unchanged = customers - sent - self.counts.total()
        return {"customers": customers, "sent": sent, "not_sent": dict(self.counts), "unchanged": unchanged}

    def build_messages(self, totals: dict[str, Any]) -> Iterator[singer.Message]:
        """Yield the SCHEMA with the totals, and one RECORD per customer that is not sent."""
        yield singer.SchemaMessage(STREAM, {**SCHEMA, TOTALS: totals}, ["customer_id"])
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
                yield {"customer_id": row["customer_id"], "reason": row["reason"], "instead_of": winner, **row}
