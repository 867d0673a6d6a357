"""The newest records that a run sent, so that the next run does not repeat them when it reads back."""

from __future__ import annotations

from hashlib import blake2b
from heapq import heappush, heappushpop
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msgspec import Raw

MAX_REMEMBERED = 100
"""The number of newest records that are stored. Older ones are sent again."""
_HASH_SIZE = 8


class SentRecords:
    """Finds records that the last run already sent and that did not change since.

    A run reads back by ``lookback``, since Chargebee's lists are eventually consistent, so it reads the newest records
    of the last run again. Records are compared by their whole text, as some changes affect neither ``updated_at`` nor
    ``resource_version``.

    Args:
        seen: what :meth:`encode_since` returned in the last run; empty if every record is to be sent.
    """

    def __init__(self, seen: str = "") -> None:
        self._before = frozenset(seen.split())
        self._newest: list[tuple[int, int, bytes]] = []
        self._sequence = count()

    def is_repeated(self, text: bytes | Raw, at: int | None) -> bool:
        """Return whether the last run sent exactly this record, and store it for the next run.

        Args:
            text: the record's JSON.
            at: the record's replication key in Unix seconds; a record without one is not stored.
        """
        # The text is copied, as a slice of a page would keep the whole page in memory.
        if at is not None and len(self._newest) < MAX_REMEMBERED:
            heappush(self._newest, (at, next(self._sequence), bytes(text)))
        elif at is not None and at > self._newest[0][0]:
            heappushpop(self._newest, (at, next(self._sequence), bytes(text)))
        return bool(self._before) and _hash_text(text) in self._before

    def encode_since(self, since: int) -> str:
        """Return the hashes of the records from ``since`` on for a bookmark. The next run reads from that time."""
        return " ".join(sorted({_hash_text(text) for at, _, text in self._newest if at >= since}))


def _hash_text(text: bytes | Raw) -> str:
    return blake2b(text, digest_size=_HASH_SIZE).hexdigest()
