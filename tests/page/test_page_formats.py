"""The form of values on the page."""

from __future__ import annotations

import pytest
from standpipe_console.page.formats import format_money


@pytest.mark.parametrize(
    ("text", "shown"),
    [("29.0", "29.00"), ("443.33", "443.33"), ("12500", "12,500.00"), ("-5.5", "-5.50"), ("", ""), ("n/a", "n/a")],
    ids=["whole", "cents", "thousands", "negative", "none", "not a number"],
)
def test_an_amount_has_two_decimals(text: str, shown: str) -> None:
    """Amounts in a column can be compared at a glance; other text stays as it is."""
    assert format_money(text) == shown
