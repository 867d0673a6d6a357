"""Text of others, made safe for a log or a report. Pure."""

from __future__ import annotations

import unicodedata

LONGEST = 300
"""So many characters of a vendor's sentence are repeated."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""The categories of Unicode whose characters move a cursor, hide, reverse or break a line."""


def clean_text(value: object) -> str:
    """Return a vendor's text as one short line without control characters; empty for None."""
    text = "" if value is None else str(value)[: 4 * LONGEST]
    seen = "".join(" " if unicodedata.category(one) in _UNSEEN else one for one in text)
    return " ".join(seen.split())[:LONGEST]
