"""The numbers of users of all companies, in a form small enough for a bookmark.

A contact that joins a company keeps its ``updated_at``, so a search for changed contacts does not find it. But the
company's ``user_count`` changes. Companies are spread over buckets: if the sum of a bucket changed, somebody joined or
left one of its companies.
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


def find_bucket(company_id: str) -> int:
    """Return the bucket of a company."""
    return zlib.crc32(company_id.encode("utf-8", "surrogatepass")) % BUCKETS


def sum_users(companies: Iterable[tuple[str, object]]) -> list[int]:
    """Return the sums by bucket.

    Args:
        companies: the id and the `user_count` of each company; a count that is not a number is skipped.
    """
    sums = [0] * BUCKETS
    for company_id, count in companies:
        if isinstance(count, int):
            sums[find_bucket(company_id)] += count
    return sums


def encode_sums(sums: Sequence[int]) -> str:
    """Return the sums as text."""
    return base64.b64encode(zlib.compress(array("q", sums).tobytes())).decode()


def decode_sums(text: object) -> list[int] | None:
    """Return the sums in a bookmark; None if it has none."""
    try:
        sums = array("q", zlib.decompress(base64.b64decode(str(text or ""), validate=True)))
    except (binascii.Error, zlib.error, ValueError):
        return None
    return list(sums) if len(sums) == BUCKETS else None


def find_changed_buckets(before: Sequence[int], now: Sequence[int]) -> frozenset[int]:
    """Return the buckets whose sum changed."""
    return frozenset(bucket for bucket in range(BUCKETS) if before[bucket] != now[bucket])
