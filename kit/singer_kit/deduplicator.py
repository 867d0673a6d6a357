"""Detection of records that a list shows twice."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

MAX_VERSIONS = 10_000


class Deduplicator:
    """Finds versions of records that already came in this run.

    A list repeats a record only near its first place: at the edge of two pages or segments, or after a broken read
    started again. So the last ten thousand versions are enough, and memory stays flat.
    """

    def __init__(self) -> None:
        self._versions: OrderedDict[Hashable, None] = OrderedDict()

    def is_duplicate(self, identity: Hashable, version: int | None) -> bool:
        """Return whether this version already came; False for a record without a version."""
        if version is None:
            return False
        key = (identity, version)
        if key in self._versions:
            return True
        self._versions[key] = None
        if len(self._versions) > MAX_VERSIONS:
            self._versions.popitem(last=False)
        return False
