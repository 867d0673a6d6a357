"""Whether a time that was written down in an earlier run may be believed."""

from __future__ import annotations

GRACE = 300
"""Seconds by which a clock may have been set back between two runs."""


def is_believable(at: int, now: int) -> bool:
    """Return whether what is remembered with the time ``at`` counts, by the clock that made it.

    A time in the future was made while that clock was wrong, and would be believed until the clock reaches it: for
    years, if need be.

    Args:
        at: unix seconds.
        now: unix seconds, of the same clock.
    """
    return at <= now + GRACE


def is_recent(at: int, now: int, seconds: int) -> bool:
    """Return whether a time is plausible and less than this many seconds ago."""
    return is_believable(at, now) and now - at < seconds
