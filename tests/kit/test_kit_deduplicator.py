"""Which records the kit drops as duplicates."""

from __future__ import annotations

from singer_kit.deduplicator import Deduplicator


def test_a_duplicate_is_the_same_version_of_the_same_record() -> None:
    """Only the same version of the same record is a duplicate; a record without a version never is."""
    deduplicator = Deduplicator()
    versions = [("a", 1), ("a", 1), ("a", 2), ("b", 1), ("c", None), ("c", None)]
    assert [deduplicator.is_duplicate(*one) for one in versions] == [False, True, False, False, False, False]


def test_only_ten_thousand_versions_are_remembered() -> None:
    """Only the last ten thousand versions are remembered, so that memory stays flat."""
    deduplicator = Deduplicator()
    assert not any(deduplicator.is_duplicate(number, 1) for number in range(10_001))
    assert deduplicator.is_duplicate(10_000, 1)
    assert not deduplicator.is_duplicate(0, 1)
