"""The processes of a run: Meltano and its plugins, which share a variable in their environment.

After a `kill -9` of Meltano, its plugins continue as orphans outside of its process tree.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The variables that every process of a run has. Targets write them into their journals.
RUN_ID, JOB, TRIGGER = "STANDPIPE_RUN_ID", "STANDPIPE_JOB", "STANDPIPE_TRIGGER"


def find_processes(run_id: str) -> list[psutil.Process]:
    """Return the live processes of a run."""
    return list(_iterate_processes(run_id))


def stop_processes(run_id: str, patience: float) -> int:
    """End the remaining processes of a run; return their number.

    Each first gets SIGTERM, so that a target records its current write. After `patience` seconds it is killed.
    """
    processes = find_processes(run_id)
    for process in processes:
        _send(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=patience)
    for process in alive:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=patience)
    return len(processes)


def _iterate_processes(run_id: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN_ID) == run_id and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (psutil.Error, OSError):
            continue  # the process has ended, or belongs to somebody else


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return  # the process has ended
