"""Whether a time from an earlier run is plausible."""

from __future__ import annotations

GRACE = 300
"""The seconds that a clock may have been set back between two runs."""


def is_believable(at: int, now: int) -> bool:
    """Return whether the time ``at`` is plausible by the clock that wrote it.

    A time in the future was written while the clock was wrong. If it counted, it would stay valid until the clock
    reaches it, which may take years.

    Args:
        at: Unix seconds.
        now: Unix seconds of the same clock.
    """
    return at <= now + GRACE


def is_recent(at: int, now: int, seconds: int) -> bool:
    """Return whether a time is plausible and lies less than this many seconds in the past."""
    return is_believable(at, now) and now - at < seconds
