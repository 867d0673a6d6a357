"""Text from outside, made safe for a log or a report. Pure."""

from __future__ import annotations

import unicodedata

LONGEST = 300
"""The most characters of a vendor's sentence that are shown."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode categories whose characters can move the cursor, or hide, reverse or break text."""


def clean_text(value: object) -> str:
    """Return a vendor's text as one short line without control characters; empty for None."""
    text = "" if value is None else str(value)[: 4 * LONGEST]
    seen = "".join(" " if unicodedata.category(one) in _UNSEEN else one for one in text)
    return " ".join(seen.split())[:LONGEST]
