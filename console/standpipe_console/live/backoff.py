"""How long to wait after failures in a row."""

from __future__ import annotations


def compute_backoff(failures: int, first: float, longest: float) -> float:
    """Return the seconds to wait: `first` after one failure, doubled by each further one up to `longest`."""
    # Failures of a week would make the power larger than any float.
    return min(first * 2.0 ** min(failures - 1, 32), longest)
