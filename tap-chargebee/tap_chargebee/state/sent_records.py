"""What the last run sent of the time that the next one reads again, so that it is not sent twice."""

from __future__ import annotations

from hashlib import blake2b
from heapq import heappush, heappushpop
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msgspec import Raw

MOST = 100
"""So many records are remembered, the newest; what is not remembered is sent again."""
_SIZE = 8


class Overlap:
    """Tells the records that came in the last run and are still the same.

    A run reads back by ``lookback``, since lists are eventually consistent, so what was read last comes again. It is
    told by its whole text: some changes move neither ``updated_at`` nor ``resource_version``.

    Args:
        seen: what :meth:`seen` of the last run was; empty when everything is to be sent.
    """

    def __init__(self, seen: str = "") -> None:
        self._before = frozenset(seen.split())
        self._newest: list[tuple[int, int, bytes]] = []
        self._turn = count()

    def repeats(self, text: bytes | Raw, at: int | None) -> bool:
        """Whether the last run sent this very record; ``at`` is its place in time, None for one that has none."""
        if at is not None:
            self._note(text, at)
        return bool(self._before) and _digest(text) in self._before

    def _note(self, text: bytes | Raw, at: int) -> None:
        # A copy: what is cut out of a page would hold all of it.
        if len(self._newest) < MOST:
            heappush(self._newest, (at, next(self._turn), bytes(text)))
        elif at > self._newest[0][0]:
            heappushpop(self._newest, (at, next(self._turn), bytes(text)))

    def seen(self, since: int) -> str:
        """What the next run, which reads from ``since`` on, is to know; one word a record."""
        return " ".join(sorted({_digest(text) for at, _, text in self._newest if at >= since}))


def _digest(text: bytes | Raw) -> str:
    return blake2b(text, digest_size=_SIZE).hexdigest()
