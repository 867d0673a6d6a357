"""The newest records that a run sent, so that the next run does not send them again when it reads back."""

from __future__ import annotations

from hashlib import blake2b
from heapq import heappush, heappushpop
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msgspec import Raw

MAX_REMEMBERED = 100
"""How many records are remembered, the newest ones; older ones are sent again."""
_HASH_SIZE = 8


class SentRecords:
    """Finds the records that the last run sent and that did not change since.

    A run reads back by ``lookback``, since Chargebee's lists are eventually consistent, so it reads the newest records
    of the last run again. Records are compared by their whole text: some changes move neither ``updated_at`` nor
    ``resource_version``.

    Args:
        seen: what :meth:`encode_since` returned in the last run; empty when every record is to be sent.
    """

    def __init__(self, seen: str = "") -> None:
        self._before = frozenset(seen.split())
        self._newest: list[tuple[int, int, bytes]] = []
        self._sequence = count()

    def is_repeated(self, text: bytes | Raw, at: int | None) -> bool:
        """Return whether the last run sent this very record, and remember it for the next run.

        Args:
            text: the record's JSON.
            at: the record's replication key in unix seconds; a record without one is not remembered.
        """
        # The text is copied: a slice of a page would keep the whole page in memory.
        if at is not None and len(self._newest) < MAX_REMEMBERED:
            heappush(self._newest, (at, next(self._sequence), bytes(text)))
        elif at is not None and at > self._newest[0][0]:
            heappushpop(self._newest, (at, next(self._sequence), bytes(text)))
        return bool(self._before) and _hash_text(text) in self._before

    def encode_since(self, since: int) -> str:
        """Return the hashes of the records from ``since`` on, for a bookmark; the next run reads from that time."""
        return " ".join(sorted({_hash_text(text) for at, _, text in self._newest if at >= since}))


def _hash_text(text: bytes | Raw) -> str:
    return blake2b(text, digest_size=_HASH_SIZE).hexdigest()
