"""Measures target-chartmogul against the sandbox: its use of the permitted rate, calls a record, memory.

    python bench/target_chartmogul.py [rate] [calls] [memory]

`rate`: customers to create at 150 ms a call, where ChartMogul permits 40 requests in any second and 20 at once; at
least 95 % must be used, and no request may be refused (429, 503). `calls`: the API calls of a first load, of a second
run, and of a run in which a tenth of the customers changed. `memory`: the peak of the target's memory over ever more
records that have not changed; it must not grow.
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
from sandbox.chartmogul import contact_operations, customer_operations
from sandbox.chartmogul.customers import Member
from sandbox.chartmogul.operations import Call
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from sandbox.chartmogul.account import Account

PER_SECOND = 40
UNLIMITED = 1_000_000
LATENCY = 0.150
COMMAND = Path(sys.executable).with_name("target-chartmogul")
TEXT = {"type": "string"}
SCHEMAS = {
    "customers": {
        **dict.fromkeys(("external_id", "name", "company"), TEXT),
        "attributes": {"type": "object", "properties": {"custom": {"type": "object", "properties": {"plan": TEXT}}}},
    },
    "contacts": dict.fromkeys(("external_id", "customer_external_id", "first_name", "email"), TEXT),
}


@dataclass
class Ran:
    """One run of the target: its seconds, its peak memory in MB, and its summary."""

    seconds: float
    peak: float
    summary: dict[str, Any]


def serve(pipe: Connection, limit: int, latency: float, customers: int, people: int) -> None:
    """Serve an account with this many customers and contacts per customer until the parent process ends it."""
    with RunningSandbox(Settings(customers=0, chartmogul_requests_per_second=limit)) as sandbox:
        held = sandbox.world.chartmogul
        source = held.new_source("Intercom leads").uuid
        for one in records(customers, people):
            if one["type"] == "RECORD":
                fill(held, source, one["record"])
        if latency:
            sandbox.fault(api="chartmogul", effect={"delay": latency})
        pipe.send(sandbox.url)
        pipe.recv()


def fill(held: Account, source: str, record: dict[str, Any]) -> None:
    """Put a record into the account without a call of the API."""
    owner = held.customers.find(Member(source, record.get("customer_external_id", "")))
    if owner:
        contact_operations.create_contact(
            Call(held, {}, {}, record | {"data_source_uuid": source, "customer_uuid": owner.uuid})
        )
        return
    custom = [{"type": "String", "key": key, "value": one} for key, one in record["attributes"]["custom"].items()]
    body = record | {"data_source_uuid": source, "attributes": {"custom": custom}}
    customer_operations.create_customer(Call(held, {}, {}, body))


@contextmanager
def account(customers: int = 0, people: int = 0, *, limit: int = UNLIMITED, latency: float = 0.0) -> Iterator[str]:
    """Yield the address of a sandbox in a separate process."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(theirs, limit, latency, customers, people), daemon=True)
    process.start()
    try:
        yield str(ours.recv())
    finally:
        ours.send(None)
        process.join()


def records(customers: int, people: int, changed: int = 0) -> Iterator[dict[str, Any]]:
    """Return messages for this many customers and contacts per customer. The first `changed` ones have another plan."""
    for stream, fields in SCHEMAS.items():
        schema = {"type": "object", "properties": fields}
        yield {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": ["external_id"]}
    for number in range(customers):
        custom = {"plan": "gold" if number < changed else "basic"}
        fields = {"external_id": f"c{number}", "name": f"Company {number}", "attributes": {"custom": custom}}
        yield {"type": "RECORD", "stream": "customers", "record": fields}
    for number in range(customers * people):
        customer = f"c{number // people}"
        fields = {"external_id": f"p{number}:{customer}", "customer_external_id": customer, "first_name": "Ann"}
        yield {"type": "RECORD", "stream": "contacts", "record": fields}


def run(url: str, customers: int, people: int = 0, changed: int = 0) -> Ran:
    """Run the target over this many records."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {"api_key": "sandbox_key", "api_url": f"{url}/chartmogul/v1", "report_dir": str(folder / "reports")}
        (folder / "config.json").write_text(json.dumps(settings))
        with (folder / "input").open("w") as file:
            file.writelines(json.dumps(one) + "\n" for one in records(customers, people, changed))
        command: list[str | Path] = [COMMAND, "--config", folder / "config.json", "--input", folder / "input"]
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds, process.returncode = time.monotonic() - started, os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"The target ended with {process.returncode}.")
        return Ran(seconds, usage.ru_maxrss / 1024, json.loads((folder / "reports/summary.json").read_text()))


def watch(url: str, seen: list[tuple[float, int]], ended: threading.Event) -> None:
    """Record the number of requests four times a second."""
    while not ended.wait(0.25):
        seen.append((time.monotonic(), requests.get(f"{url}/sandbox/calls", timeout=30).json()["total"]))


def measure_rate(customers: int = 2400) -> None:
    """Print the share of the permitted requests that the target makes, and how many were refused."""
    seen: list[tuple[float, int]] = []
    ended = threading.Event()
    with account(limit=PER_SECOND, latency=LATENCY) as url:
        watcher = threading.Thread(target=watch, args=(url, seen, ended))
        watcher.start()
        run(url, customers)
        ended.set()
        watcher.join()
        answers = requests.get(f"{url}/sandbox/answers", timeout=30).json()["answers"]
    # The first seconds, in which the target reads its index, and the last second do not count.
    (first, before), *_ = ((moment, count) for moment, count in seen if count > PER_SECOND)
    (last, after), *_ = ((moment, count) for moment, count in seen if count > seen[-1][1] - PER_SECOND)
    rate = (after - before) / (last - first)
    refused = {one["status"]: one["count"] for one in answers if one["status"] in {429, 503}}
    print(
        f"rate: {after - before:,} requests in {last - first:.1f} s: {rate:.1f}/s, {rate / PER_SECOND:.1%} of the "
        f"permitted; turned away: {refused or 'none'}"
    )


def measure_calls(customers: int = 200, people: int = 5) -> None:
    """Print the calls per record for a first load, a second run and a run with changes."""
    total = customers * (1 + people)
    with account() as url:
        for what, changed in (("first load", 0), ("nothing changed", 0), ("a tenth of the customers", customers // 10)):
            calls = run(url, customers, people, changed).summary["calls"]
            print(f"calls: {total:,} records, {what}: {calls:,} calls, {calls / total:.3f} a record")


def measure_memory() -> None:
    """Print the target's peak memory for several numbers of records."""
    for customers in (1000, 5000, 20_000):
        with account(customers, 5) as url:
            ran = run(url, customers, 5)
            print(f"memory: {customers * 6:,} records: {ran.peak:.0f} MB, {ran.seconds:.0f} s")


MEASUREMENTS = {"rate": measure_rate, "calls": measure_calls, "memory": measure_memory}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or MEASUREMENTS:
        MEASUREMENTS[chosen]()
