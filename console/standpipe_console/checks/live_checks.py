"""What status and doctor say about live, where it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from standpipe_console.alerts.live_trouble import has_inbox
from standpipe_console.checks.findings import Finding
from standpipe_console.errors import ConsoleError
from standpipe_console.live.live_status import describe_live, list_sentences
from standpipe_console.live.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.project.meltano import Project

_CHECK = "live"
_START = "standpipe live"
#: How long the receiver may take to answer, in seconds.
_TIMEOUT = 10.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 what is listened on, and where that is reached


def read_live(project: Project) -> JsonObject | None:
    """Return the state of live, see `describe_live`; None where it was never used."""
    try:
        if not has_inbox(read_settings(project).inbox_url):
            return None
        return describe_live(project)
    except ConsoleError as error:
        return {"error": error.message}


def select_live(live: JsonObject | None, job: str) -> JsonObject | None:
    """Return the part of the state of live that is about one job."""
    if live is None or "error" in live:
        return live
    shared = {name: live[name] for name in ("running", "receiver", "poll", "last_ring_seconds")}
    of_job: JsonObject = live["jobs"].get(job, {})
    return shared | of_job


def list_live_sentences(live: JsonObject | None) -> list[str]:
    """Return the state of live in sentences; none where it was never used."""
    if live is None:
        return []
    return [f"Live: {live['error']}"] if "error" in live else list_sentences(live)


def check_live(project: Project) -> Iterator[Finding]:
    """Check live's settings, whether it runs where it is used, and whether webhooks reach it."""
    live = read_live(project)
    if live is None:
        return
    if "error" in live:
        yield Finding(_CHECK, "fail", live["error"], "correct this, and run doctor again")
        return
    if live["running"]:
        waiting = sum(job["waiting"] for job in live["jobs"].values())
        yield Finding(_CHECK, "pass", f"live runs; {waiting:,} ids wait" if waiting else "live runs; nothing waits")
    elif live["was_killed"]:
        yield Finding(_CHECK, "fail", "live's process is gone: changes wait for the schedule", _START)
    else:
        yield Finding(_CHECK, "note", "live is stopped: changes wait for the schedule", _START)
    for job, one in live["jobs"].items():
        if one["blocked"]:
            yield Finding(
                _CHECK, "fail", f"{job}: runs for single ids do not start. {one['blocked']}", f"meltano run {job}"
            )
    if (live["poll"] or {}).get("error"):
        yield Finding(_CHECK, "fail", f"Chargebee's events cannot be read: {live['poll']['error']}", "correct this")
    if live["running"] and live["receiver"]:
        yield _check_receiver(live["receiver"])


def _check_receiver(receiver: dict[str, Any]) -> Finding:
    """Return whether the receiver answers on this machine."""
    host = _EVERYWHERE.get(receiver["host"], receiver["host"])
    address = f"http://{f'[{host}]' if ':' in host else host}:{receiver['port']}"
    try:
        reply = requests.get(f"{address}/healthz", timeout=_TIMEOUT, allow_redirects=False)
    except requests.RequestException:
        what = f"the receiver at {address} does not answer"
        return Finding(_CHECK, "fail", what, "look at live's log, and start live again")
    if reply.ok:
        return Finding(_CHECK, "pass", f"the receiver at {address} answers")
    return Finding(
        _CHECK, "fail", f"the receiver at {address} says that changes do not start runs", "standpipe live status"
    )
