"""Measures `standpipe live` through real Meltano: how late a change arrives, a storm of changes, an idle hour.

    python bench/live.py [poll] [webhooks] [storm] [idle] [--seconds 300] [--poll-seconds 15]

`poll`, `webhooks`: the lag from a change in Chargebee to the write in Intercom, at one change a second for
`--seconds`. 95 of 100 must come within the poll's interval (0 for webhooks) + `quiet_seconds` + 2 x a bare `meltano
run` over one id.
`storm`: 1,000 changes at once must end as one full run.
`idle`: 240 polls of the events, one per second: as many as in an hour with one every 15 seconds. They must cost at most
250 calls, and start no run.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from standpipe_console.live.inbox import Inbox

    from bench.meltano_project import BenchProject, open_project, wait_until
else:  # as a script, `bench` itself is on the path
    from meltano_project import open_project, wait_until

QUIET_SECONDS = 5.0
STORM, LOOKS, FIRST_LOOKS, MOST_CALLS = 1_000, 240, 2, 250


@dataclass
class Arrivals:
    """When Intercom was written to, as its webhooks say: the first time of each customer, in unix seconds."""

    url: str
    times: dict[str, float] = field(default_factory=dict)


@contextmanager
def watch_writes() -> Iterator[Arrivals]:
    """Listen to the sandbox's Intercom, and keep when which customer's contact was written."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            now = time.time()
            item = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["data"]["item"]
            if customer := item["custom_attributes"].get("cb_cust_id"):
                arrivals.times.setdefault(customer, now)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    arrivals = Arrivals(f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield arrivals
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def list_linked(project: BenchProject) -> set[str]:
    """Return the customers that a contact of Intercom is linked to."""
    linked: set[str] = set()
    query = "per_page=150"
    while query:
        page = project.ask("GET", f"/intercom/contacts?{query}")
        linked |= {one["custom_attributes"].get("cb_cust_id") for one in page["data"]}
        following = page["pages"].get("next")
        query = f"per_page=150&starting_after={following['starting_after']}" if following else ""
    return {one for one in linked if one}


def change(project: BenchProject, count: int, per_second: float = 0.0) -> list[str]:
    """Let customers change; return their ids in the order of the changes."""
    body = {"kind": "customer", "count": count, "per_second": per_second}
    ids: list[str] = project.ask("POST", "/sandbox/change", body)["ids"]
    return ids


def wait_until_quiet(inbox: Inbox, seconds: float) -> None:
    """Wait until a run has read everything that rang."""
    wait_until(lambda: not inbox.list_waiting("sync"), seconds)


def run_bare(project: BenchProject, ids: str) -> float:
    """Return the seconds of a bare `meltano run` over some ids."""
    return project.run_meltano("run", "sync", TAP_CHARGEBEE_CUSTOMER_IDS=ids)


def read_runs(project: BenchProject) -> list[float]:
    """Return the seconds of the runs that live has ended since its start, by its log.

    From the decision to run to the removal of the ids from the inbox; Meltano itself takes a part of it.
    """
    steps = re.findall(r"^(\S+ \S+) INFO sync: (running|done)", project.live_log.read_text(), re.MULTILINE)
    times = [(datetime.strptime(at, "%Y-%m-%d %H:%M:%S,%f").astimezone(), step) for at, step in steps]
    return [
        (ended - began).total_seconds()
        for (began, step), (ended, then) in pairwise(times)
        if (step, then) == ("running", "done")
    ]


def measure_lag(project: BenchProject, part: str, seconds: int, poll_seconds: float) -> None:
    """Measure how late changes arrive, one a second."""
    linked = list_linked(project)
    one = json.dumps(change(project, 1))
    bare = [run_bare(project, one) for _ in range(3)]
    interval = poll_seconds if part == "poll" else 0.0
    env = {"LIVE_QUIET_SECONDS": str(QUIET_SECONDS), "LIVE_POLL_SECONDS": str(poll_seconds)}
    listen = ["--listen=127.0.0.1:0"] if part == "webhooks" else []
    with watch_writes() as arrivals, project.start_live(*listen, **env) as (_, inbox):
        if part == "webhooks":
            address: Any = inbox.read_fact("receiver")
            url = "http://{host}:{port}".format(**address)
            project.run_standpipe("live", "install", f"--url={url}", "--key-from-stdin", typed="sandbox_key\n")
        wait_until(lambda: inbox.read_fact("poll") is not None, 60)
        wait_until_quiet(inbox, 120)
        subscription = {"url": arrivals.url, "secret": "s", "topics": ["contact.user.updated"]}
        project.ask("POST", "/sandbox/webhooks", subscription)
        before, began = len(read_runs(project)), time.time()
        changed = change(project, seconds, per_second=1)
        expected = {id_: began + number for number, id_ in enumerate(changed) if id_ in linked}
        wait_until(lambda: expected.keys() <= arrivals.times.keys(), 2 * seconds + 300)
        wait_until_quiet(inbox, 120)
        runs = read_runs(project)[before:]
        project.ask("DELETE", "/sandbox/webhooks")
        if part == "webhooks":
            project.run_standpipe("live", "remove", "--key-from-stdin", typed="sandbox_key\n")
    # Before and after: other work on the machine comes and goes.
    bare += [run_bare(project, one) for _ in range(3)]
    single = statistics.median(bare)
    bound = interval + QUIET_SECONDS + 2 * single
    lags = sorted(arrivals.times[id_] - at for id_, at in expected.items())
    p50, p95 = (lags[min(int(share * len(lags)), len(lags) - 1)] for share in (0.5, 0.95))
    print(
        f"lag by {part}, {len(lags)} changes at 1 a second: p95 is {p95 / bound:.2f} of the {bound:.1f} s allowed "
        f"({interval:.0f} s interval + {QUIET_SECONDS:.0f} s quiet + 2 x {single:.1f} s of `meltano run` over one id); "
        f"p50 {p50:.1f} s; p95 {p95:.1f} s; slowest {lags[-1]:.1f} s; "
        f"{len(runs)} runs of {statistics.median(runs):.1f} s",
        flush=True,
    )
    if p95 > bound:
        raise SystemExit("Changes arrived later than allowed.")


def measure_storm(project: BenchProject) -> None:
    """Let 1,000 customers change at once."""
    with project.start_live(LIVE_POLL_SECONDS="2") as (_, inbox):
        wait_until(lambda: inbox.read_fact("poll") is not None, 60)
        wait_until_quiet(inbox, 120)
        before, began = len(read_runs(project)), time.time()
        change(project, STORM)
        wait_until(lambda: len(inbox.list_waiting("sync")) > 0, 60)
        wait_until_quiet(inbox, 600)
        last: Any = inbox.read_fact("sync.last_run")
        runs = len(read_runs(project)) - before
    over = "everything" if last["plain"] else f"{last['ids']} ids"
    print(
        f"{STORM:,} changes at once: {runs} run over {over}, ended {last['ended_at'] - began:.0f} s later", flush=True
    )
    if runs != 1 or not last["plain"]:
        raise SystemExit("The storm did not end as one full run.")


def measure_idle(project: BenchProject) -> None:
    """Make the polls of an idle hour within four minutes."""
    with project.start_live(LIVE_POLL_SECONDS="1") as (_, inbox):
        # The second poll after the first start goes back five minutes, and what it finds is not a part of the hour.
        wait_until(lambda: count_looks(project) > FIRST_LOOKS, 60)
        wait_until_quiet(inbox, 120)
        before = len(read_runs(project))
        project.ask("DELETE", "/sandbox/calls")
        wait_until(lambda: count_looks(project) >= LOOKS, 10 * LOOKS)
        calls = sum(row["count"] for row in list_calls(project) if row["api"] == "chargebee")
        others = sum(row["count"] for row in list_calls(project) if row["api"] != "chargebee")
        runs = len(read_runs(project)) - before
    print(
        f"an idle hour, {LOOKS} looks at one every 15 s (here one a second): {calls} calls to Chargebee, at most "
        f"{MOST_CALLS} wanted; {others} calls to the others; {runs} runs",
        flush=True,
    )
    if calls > MOST_CALLS or runs:
        raise SystemExit("An idle hour costs too much.")


def count_looks(project: BenchProject) -> int:
    """Count how often the events were read."""
    return sum(row["count"] for row in list_calls(project) if row["path"] == "/events")


def list_calls(project: BenchProject) -> list[Mapping[str, Any]]:
    """Return what the sandbox counted, by API, method and path."""
    calls: list[Mapping[str, Any]] = project.ask("GET", "/sandbox/calls")["calls"]
    return calls


def main() -> None:
    """Run the requested measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="poll, webhooks, storm, idle; all of them without a name")
    parser.add_argument("--seconds", type=int, default=300, help="how long changes go on")
    parser.add_argument("--poll-seconds", type=float, default=15, help="LIVE_POLL_SECONDS")
    chosen = parser.parse_args()
    with open_project(customers=1500) as project:
        project.run_standpipe("run", "sync")
        for part in chosen.parts or ("poll", "webhooks", "storm", "idle"):
            if part == "storm":
                measure_storm(project)
            elif part == "idle":
                measure_idle(project)
            else:
                measure_lag(project, part, chosen.seconds, chosen.poll_seconds)


if __name__ == "__main__":
    main()
