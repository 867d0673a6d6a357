"""How many users companies have, in a form small enough for a bookmark: where a sum moved, somebody joined or left.

A link to a company moves no ``updated_at`` of a person, so a search for what changed does not find who joined.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BUCKETS = 4096


def bucket_of(company_id: str) -> int:
    """Return the bucket of a company."""
    return zlib.crc32(company_id.encode("utf-8", "surrogatepass")) % BUCKETS


def sum_users(companies: Iterable[tuple[str, object]]) -> list[int]:
    """Return the sums by bucket, of companies' ids and what stands in their `user_count`."""
    sums = [0] * BUCKETS
    for company_id, count in companies:
        if isinstance(count, int):
            sums[bucket_of(company_id)] += count
    return sums


def encode(sums: Sequence[int]) -> str:
    """Return the sums as text."""
    return base64.b64encode(zlib.compress(array("q", sums).tobytes())).decode()


def decode(text: object) -> list[int] | None:
    """Return the sums that a bookmark holds; None when it holds none."""
    try:
        sums = array("q", zlib.decompress(base64.b64decode(str(text or ""), validate=True)))
    except (binascii.Error, zlib.error, ValueError):
        return None
    return list(sums) if len(sums) == BUCKETS else None


def find_changed(before: Sequence[int], now: Sequence[int]) -> frozenset[int]:
    """Return the buckets whose sum moved."""
    return frozenset(bucket for bucket in range(BUCKETS) if before[bucket] != now[bucket])
