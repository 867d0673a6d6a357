"""How long to wait after consecutive failures."""

from __future__ import annotations


def compute_backoff(failures: int, first: float, longest: float) -> float:
    """Return the seconds to wait: `first` after one failure, doubled by each further one up to `longest`."""
    # After a week of failures, the power would exceed any float.
    return min(first * 2.0 ** min(failures - 1, 32), longest)
