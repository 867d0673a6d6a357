"""The marker of a complete run."""

from __future__ import annotations

from singer_kit.marker import build_marker


def test_the_marker() -> None:
    """The marker has only integers, strings and nulls, because SDK taps crash on floats and lists in STATE."""
    rows = {"subscriptions": 2, "customers": 1}
    assert build_marker(rows, whole=["customers"], start_date=None, completed_at=1_768_478_400_123) == {
        "completed_at": 1_768_478_400_123,
        "streams": "customers,subscriptions",
        "from": None,
        "subset": 0,
        "whole": "customers",
        "rows": "customers:1,subscriptions:2",
    }
