"""Measures target-intercom against the sandbox: its use of the permitted write rate, its lead over plain POSTs, memory.

    python bench/target_intercom.py [rate] [lead] [memory]

`rate`: users to update at 150 ms a call, where 10,000 calls a minute are permitted; at least 90 % must be used.
`lead`: records a second at 0 ms a call, against twenty lines that POST one record after the other; 5 times as many.
`memory`: the peak of the target's memory for growing numbers of users, a tenth of them changed; it must not grow.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

WINDOW, SECONDS = 1667, 10  # Intercom's limit per window: 10,000 calls a minute
UNLIMITED = 1_000_000
LATENCY = 0.150
COMMAND = Path(sys.executable).with_name("target-intercom")
ATTRIBUTES = {"cb_cust_id": {"type": "string"}, "cb_cust_mrr": {"type": "number"}}
HEADERS = {"Authorization": "Bearer sandbox_token", "Intercom-Version": "2.14"}


@dataclass
class Ran:
    """One run of the target: its seconds, its peak memory in MB, and its summary."""

    seconds: float
    peak: float
    summary: dict[str, Any]


def serve(pipe: Connection, users: int, limit: int, latency: float) -> None:
    """Serve a workspace of linked users from a separate process until the parent process ends it."""
    with RunningSandbox(Settings(customers=0, rate_limit_per_window=limit)) as sandbox:
        intercom = sandbox.world.intercom
        for name, data_type in (("cb_cust_id", "string"), ("cb_cust_mrr", "float"), ("cb_created_by", "boolean")):
            body = {"name": name, "model": "contact", "data_type": data_type}
            intercom.attributes.create(body, admin_id="1", now=intercom.clock.now())
        for number in range(users):
            attributes = {"cb_cust_id": f"c{number}", "cb_cust_mrr": 0.0, "cb_created_by": False}
            contact = {"role": "user", "email": f"c{number}@a.example", "custom_attributes": attributes}
            intercom.contacts.create(intercom.new_contact(contact, intercom.clock.now()), "bench")
        if latency:
            sandbox.fault(api="intercom", effect={"delay": latency})
        pipe.send(sandbox.url)
        pipe.recv()


@contextmanager
def workspace(users: int, limit: int = UNLIMITED, latency: float = 0.0) -> Iterator[str]:
    """Yield the address of a sandbox in a separate process."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(theirs, users, limit, latency), daemon=True)
    process.start()
    try:
        yield str(ours.recv())
    finally:
        ours.send(None)
        process.join()


def record(number: int, mrr: float) -> dict[str, Any]:
    """Return the record of one customer."""
    attributes = {"cb_cust_id": f"c{number}", "cb_cust_mrr": mrr}
    fields = {"customer_id": f"c{number}", "external_id": f"c{number}", "email": f"c{number}@a.example"}
    return fields | {"custom_attributes": attributes}


def run(url: str, records: int, changed: int) -> Ran:
    """Run the target over this many records. The first `changed` ones differ from Intercom's."""
    text = {"type": ["string", "null"]}
    properties = {
        **dict.fromkeys(("customer_id", "external_id", "email"), text),
        "custom_attributes": {"type": "object", "properties": ATTRIBUTES},
    }
    schema = {"type": "SCHEMA", "stream": "contacts", "schema": {"properties": properties}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {
            "access_token": "sandbox_token",
            "api_url": f"{url}/intercom",
            "on_no_match": "create",
            "accept_changes": True,
            "report_dir": str(folder / "reports"),
        }
        (folder / "config.json").write_text(json.dumps(settings))
        with (folder / "input").open("w") as file:
            file.write(json.dumps(schema | {"key_properties": ["customer_id"]}) + "\n")
            for number in range(records):
                one = {"type": "RECORD", "stream": "contacts", "record": record(number, float(number < changed))}
                file.write(json.dumps(one) + "\n")
        command: list[str | Path] = [COMMAND, "--config", folder / "config.json", "--input", folder / "input"]
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds, process.returncode = time.monotonic() - started, os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"The target ended with {process.returncode}.")
        return Ran(seconds, usage.ru_maxrss / 1024, json.loads((folder / "reports/summary.json").read_text()))


def baseline(url: str, records: int) -> float:
    """POST one record after the other, as a simple target does, and return the records per second."""
    session = requests.Session()
    session.headers.update(HEADERS)
    started = time.monotonic()
    for number in range(records):
        one = record(number, 1.0)
        body = {name: one[name] for name in ("external_id", "email", "custom_attributes")}
        session.post(f"{url}/intercom/contacts", json={"role": "user", **body}, timeout=30)
    return records / (time.monotonic() - started)


def writes(url: str) -> int:
    """Count the updates that the sandbox received."""
    calls = requests.get(f"{url}/sandbox/calls", timeout=30).json()["calls"]
    return sum(call["count"] for call in calls if (call["method"], call["path"]) == ("PUT", "/contacts/{id}"))


def watch(url: str, seen: list[tuple[float, int]], ended: threading.Event) -> None:
    """Record the number of updates four times a second."""
    while not ended.wait(0.25):
        seen.append((time.monotonic(), writes(url)))


def measure_rate(users: int = 7000) -> None:
    """Print the share of the permitted writes that the target makes while it has something to write."""
    seen: list[tuple[float, int]] = []
    ended = threading.Event()
    with workspace(users, WINDOW, LATENCY) as url:
        watcher = threading.Thread(target=watch, args=(url, seen, ended))
        watcher.start()
        run(url, users, users)
        ended.set()
        watcher.join()
    first = next(moment for moment, count in seen if count)
    last = next(moment for moment, count in seen if count == seen[-1][1])
    whole = int((last - first) // SECONDS)
    made = max(count for moment, count in seen if moment <= first + whole * SECONDS)
    print(f"rate: {made:,} writes in {whole} windows of {SECONDS} s, {made / (whole * WINDOW):.0%} of the permitted")


def measure_lead(users: int = 10_000) -> None:
    """Print the target's records per second for several inputs, and as multiples of the baseline."""
    with workspace(0) as url:
        plain = baseline(url, 2000)
    print(f"lead: one POST after the other {plain:,.0f} records/s")
    for what, known, changed in (
        ("nothing changed", users, 0),
        ("a tenth changed", users, users // 10),
        ("all changed", users, users),
        ("all new", 0, 0),
    ):
        records = users if known else users // 5
        with workspace(known) as url:
            rate = records / run(url, records, changed).seconds
        print(f"lead: {what}: {rate:,.0f} records/s, {rate / plain:.1f} times as many")


def measure_memory() -> None:
    """Print the target's peak memory for several numbers of users."""
    for users in (2000, 10_000, 40_000):
        with workspace(users) as url:
            print(f"memory: {users:,} users: {run(url, users, users // 10).peak:.0f} MB")


MEASUREMENTS = {"rate": measure_rate, "lead": measure_lead, "memory": measure_memory}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or MEASUREMENTS:
        MEASUREMENTS[chosen]()
