"""How a run ended, by Meltano's exit code and the last line of the target's journal. Nothing else decides."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from standpipe_console._kit.journal_lines import RunEnd

#: The exit code of a run that did not start because another run has the lock (EX_TEMPFAIL of sysexits.h).
NOT_STARTED = 75
#: The statuses that the target itself reports, which are more exact than any exit code.
_EXACT = {"guarded", "stopped", "killed"}
_GOOD = {"completed", "partly_refused"}


def read_target_status(end: RunEnd | None, rejected: int) -> str:
    """Return how the target ended; without a last line it was killed."""
    if end is None:
        return "killed"
    if end.stopped_by == "guard":
        return "guarded"
    if end.status == "completed":
        return "partly_refused" if rejected else "completed"
    return end.status if end.status in _EXACT else "failed"


def decide_status(exit_code: int | None, target_status: str) -> str:
    """Return the status of a run.

    Args:
        exit_code: Meltano's; None while it is not known, as for a bare `meltano run`.
        target_status: how the target ended; empty when it wrote no journal, or writes it still.
    """
    if exit_code is None:
        return target_status or "running"
    if exit_code == NOT_STARTED:
        return "not_started"
    if exit_code == 0:
        return target_status if target_status in _GOOD else "completed"
    if target_status in _EXACT:
        return target_status
    if exit_code < 0:
        return "stopped" if -exit_code in {signal.SIGTERM, signal.SIGINT} else "killed"
    return "failed"
