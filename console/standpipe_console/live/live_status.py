"""The state of live according to its inbox, for `live status`, `status`, `doctor` and the page.

This module imports no web server, so that commands start fast.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import psutil

from standpipe_console import output

from .inbox import Inbox
from .settings import read_settings

if TYPE_CHECKING:
    from standpipe_console.project.meltano import Project

_HOST = socket.gethostname()


def describe_live(project: Project) -> dict[str, Any]:
    """Return the state of live: the process, the last event, and for each job what waits, for how long, and why."""
    inbox = Inbox(read_settings(project).inbox_url, project.database_schema)
    try:
        now = time.time()
        process: Any = inbox.read_fact("live")
        is_running = bool(process) and _is_alive(process)
        jobs = {}
        for pipeline in project.ready_pipelines:
            waiting = inbox.list_waiting(pipeline.job)
            jobs[pipeline.job] = {
                "waiting": len(waiting),
                "oldest_seconds": round(now - min(one.first_rung_at for one in waiting), 1) if waiting else None,
                "run": _find_run(inbox, pipeline.job, process["started_at"]) if is_running else None,
                "last_run": inbox.read_fact(f"{pipeline.job}.last_run"),
                "blocked": inbox.read_fact(f"{pipeline.job}.blocked") or "",
            }
        last_ring = inbox.get_last_ring()
        return {
            "running": is_running,
            "was_killed": bool(process) and not is_running,
            "receiver": inbox.read_fact("receiver"),
            "poll": inbox.read_fact("poll"),
            "last_ring_seconds": None if last_ring is None else round(now - last_ring, 1),
            "events": {f"{source} {type_}": count for (source, type_), count in sorted(inbox.list_counts().items())},
            "jobs": jobs,
        }
    finally:
        inbox.close()


def _is_alive(process: dict[str, Any]) -> bool:
    """Return whether live runs. If it runs on another machine that shares the inbox, only its end is known."""
    return process.get("host", _HOST) != _HOST or psutil.pid_exists(process["pid"])


def _find_run(inbox: Inbox, job: str, live_since: float) -> dict[str, Any] | None:
    """Return the run that is under way; `started_at` is None while it waits for another run of the job."""
    run: Any = inbox.read_fact(f"{job}.run")
    # If live was killed, it could not remove its note.
    return run if run and run["asked_at"] >= live_since else None


def list_sentences(found: dict[str, Any]) -> list[str]:
    """Return the state of live as sentences for a person."""
    if not found["running"] and found["poll"] is None and found["last_ring_seconds"] is None:
        return ["Live has never run: start it with `standpipe live`."]
    lines = ["Live is running." if found["running"] else "Live is not running: start it with `standpipe live`."]
    if found["receiver"]:
        lines.append(f"It receives webhooks at http://{found['receiver']['host']}:{found['receiver']['port']}.")
    if (found["poll"] or {}).get("error"):
        lines.append(f"Chargebee's events cannot be read: {found['poll']['error']}")
    rung = found["last_ring_seconds"]
    lines.append("No event has come yet." if rung is None else f"The last event came {output.describe_age(rung)}.")
    for job, one in found["jobs"].items():
        waits = (
            f"{one['waiting']} ids wait, the oldest for {one['oldest_seconds']:.0f} s"
            if one["waiting"]
            else "nothing waits"
        )
        lines.append(f"{job}: {waits}.")
        if one["run"]:
            lines.append(f"{job}: {_describe_current_run(one['run'])}")
        if one["blocked"]:
            lines.append(f"{job}: runs for single ids do not start. {one['blocked']}")
        if one["last_run"]:
            lines.append(f"{job}: {_describe_run(one['last_run'])}")
    return lines


def _describe_current_run(run: dict[str, Any]) -> str:
    if run["started_at"]:
        since = output.describe_age(time.time() - run["started_at"])
        return f"a {_name_run(run)} is under way; it started {since}."
    since = output.describe_age(time.time() - run["asked_at"])
    return f"a {_name_run(run)} was due {since}, and waits for another run of the job to end."


def _name_run(run: dict[str, Any]) -> str:
    if run["plain"]:
        return "full run"
    return "run over 1 id" if run["ids"] == 1 else f"run over {run['ids']} ids"


def _describe_run(run: dict[str, Any]) -> str:
    name = _name_run(run)
    seconds = run["ended_at"] - run["started_at"]
    if run["code"]:
        return f"the last {name} failed: {run['reason']}"
    lag = f", {run['lag']:.0f} s after the first of its changes" if run.get("lag") else ""
    ended = output.describe_age(time.time() - run["ended_at"])
    return f"the last {name} took {seconds:.0f} s and ended {ended}{lag}."
