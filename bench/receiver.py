"""Measures the receiver of `standpipe live`: rings that arrive at a fixed rate, alone and beside a running sync.

    python bench/receiver.py [alone] [beside] [--seconds 30]

`alone`: 2,000 rings a second; `beside`: 1,000 a second while `standpipe run sync` runs again and again. Half of the
rings are Chargebee's (Basic), half Intercom's (HMAC), over kept-alive connections, from a process of its own. The time
of an answer counts from the time at which its ring was due, so a slow answer hides no delay. No ring may be lost, and
99 of 100 answers must come within 500 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import multiprocessing
import os
import re
import subprocess
import threading
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from bench.meltano_project import PASSWORD, SECRET, USERNAME, BenchProject, open_project
else:  # as a script, `bench` itself is on the path
    from meltano_project import PASSWORD, SECRET, USERNAME, open_project

RATES = {"alone": 2_000, "beside": 1_000}
LONGEST_P99 = 0.5
CONNECTIONS = 128
#: A renewal makes about five events.
RINGS_PER_CUSTOMER = 5
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
#: Settings with which live starts no run during the measurement.
QUIET = dict.fromkeys(("LIVE_QUIET_SECONDS", "LIVE_LONGEST_WAIT", "LIVE_POLL_SECONDS"), "3600")


@dataclass(frozen=True)
class Templates:
    """The head and body of each vendor's delivery, with places for the ids."""

    chargebee: str
    intercom: str

    def build(self, number: int) -> bytes:
        """Return a request."""
        if number % 2:
            body = self.chargebee.replace("@EVENT@", f"ev_{number}").replace("@ID@", f"c{number // RINGS_PER_CUSTOMER}")
            credentials = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
            return self._add_head("chargebee", f"Authorization: Basic {credentials}", body.encode())
        body = self.intercom.replace("@EVENT@", f"notif_{number}").replace("@ID@", f"co{number // RINGS_PER_CUSTOMER}")
        signature = hmac.new(SECRET.encode(), body.encode(), hashlib.sha1).hexdigest()
        return self._add_head("intercom", f"X-Hub-Signature: sha1={signature}", body.encode())

    def _add_head(self, vendor: str, proof: str, body: bytes) -> bytes:
        head = (f"POST /hooks/{vendor} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", proof)
        return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


@dataclass
class Result:
    """What the generator measured."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    cpu: float = 0.0

    def find_quantile(self, share: float) -> float:
        """Return the seconds within which this share of the answers came."""
        return sorted(self.seconds)[min(int(share * len(self.seconds)), len(self.seconds) - 1)]


class Client(asyncio.Protocol):
    """One kept-alive connection, with one request at a time."""

    def __init__(self, idle: asyncio.Queue[Client], result: Result) -> None:
        self._idle, self._result = idle, result
        self._received = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Mark the connection as ready for a request."""
        self._transport: Any = transport
        self._idle.put_nowait(self)

    def send(self, request: bytes, due: float) -> None:
        """Send a request that was due at a time of the loop's clock."""
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Read the answer until it is complete."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end and length and len(body) >= int(length[1]):
            self._result.statuses[head[9:12].decode()] += 1
            self._result.seconds.append(asyncio.get_running_loop().time() - self._due)
            self._received = b""
            self._idle.put_nowait(self)


async def send_at_rate(url: str, templates: Templates, rate: float, seconds: float) -> Result:
    """Send deliveries at a fixed rate, whether or not answers come."""
    loop, address, result = asyncio.get_running_loop(), urlsplit(url), Result()
    idle: asyncio.Queue[Client] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Client(idle, result), address.hostname or "", address.port or 0)
    began, total = loop.time(), int(rate * seconds)
    for number in range(total):
        due = began + number / rate
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
        (await idle.get()).send(templates.build(number), due)
    async with asyncio.timeout(60):
        for _ in range(CONNECTIONS):  # when all are idle again, all answers have come
            await idle.get()
    return result


def generate(pipe: Connection, url: str, templates: Templates, rate: float, seconds: float) -> None:
    """Send deliveries from a separate process, and return what it measured."""
    result = asyncio.run(send_at_rate(url, templates, rate, seconds))
    times = os.times()
    result.cpu = times.user + times.system
    pipe.send(result)


def build_templates(project: BenchProject) -> Templates:
    """Return deliveries as large as real ones, made from the sandbox's records.

    Call it once for all parts: this opens the workspace's only scroll over companies, which stays open for a minute.
    """
    credentials = ("sandbox_key", "")
    query: dict[str, str | int] = {"limit": 100, "event_type[is]": "subscription_created"}
    events = requests.get(f"{project.sandbox}/chargebee/api/v2/events", params=query, auth=credentials, timeout=60)
    event = max((one["event"] for one in events.json()["list"]), key=lambda one: len(json.dumps(one)))
    customer = event["content"]["customer"]["id"]
    company = project.ask("GET", "/intercom/companies/scroll")["data"][0]
    notification = {
        "type": "notification_event",
        "app_id": "sandboxws",
        "id": "@EVENT@",
        "topic": "company.updated",
        "data": {"type": "notification_event_data", "item": company | {"id": "@ID@"}},
        "delivery_status": "pending",
        "delivery_attempts": 1,
        "created_at": 1768478400,
    }
    text = json.dumps(event | {"id": "@EVENT@"}).replace(customer, "@ID@")
    return Templates(text, json.dumps(notification))


@contextmanager
def repeat_sync(project: BenchProject) -> Iterator[list[int]]:
    """Run the sync again and again; yield the list of the exit codes. The last run ends before this does."""
    codes: list[int] = []
    stopping = threading.Event()

    def work() -> None:
        while not stopping.is_set():
            run = subprocess.run(
                [*project.console, "run", "sync"], cwd=project.root, env=project.env, capture_output=True, check=False
            )
            codes.append(run.returncode)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield codes
    finally:
        stopping.set()
        thread.join()


def run_generator(url: str, templates: Templates, rate: float, seconds: float) -> Result:
    """Send deliveries from a separate process; return what it measured."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    generator = context.Process(target=generate, args=(there, url, templates, rate, seconds), daemon=True)
    generator.start()
    there.close()  # so that a generator that dies ends the wait for its result
    try:
        result: Result = here.recv()
    except EOFError:
        raise SystemExit("The generator died: its error stands above.") from None
    finally:
        generator.join()
    return result


def measure(project: BenchProject, templates: Templates, part: str, seconds: float) -> bool:
    """Measure one part, and print a line; return whether the receiver lost nothing and was fast enough."""
    rate = RATES[part]
    inbox_path = project.root / ".meltano/standpipe/inbox.sqlite"
    for path in inbox_path.parent.glob("inbox.sqlite*"):
        path.unlink()
    with project.start_live("--listen=127.0.0.1:0", **QUIET) as (process, inbox):
        address: Any = inbox.read_fact("receiver")
        url = "http://{host}:{port}".format(**address)
        live = psutil.Process(process.pid)
        before = live.cpu_times()
        codes: list[int] = []
        with ExitStack() as stack:
            if part == "beside":
                codes = stack.enter_context(repeat_sync(project))
            result = run_generator(url, templates, rate, seconds)
            after = live.cpu_times()
        kept = sum(inbox.list_counts().values())
    if any(codes):
        raise SystemExit(f"`standpipe run sync` failed beside the receiver: exit codes {codes}.")
    total = int(rate * seconds)
    cpu = after.user + after.system - before.user - before.system
    p50, p99 = (result.find_quantile(share) * 1000 for share in (0.5, 0.99))
    beside = f", beside {len(codes)} runs of sync" if part == "beside" else ", alone"
    answers = ", ".join(f"{count:,} x {status}" for status, count in sorted(result.statuses.items()))
    print(
        f"{rate:,} rings a second for {seconds:.0f} s{beside}: {total - kept:,} of {total:,} lost; answers {answers}; "
        f"p50 {p50:.0f} ms; p99 {p99:.0f} ms, at most 500 wanted; slowest {max(result.seconds) * 1000:.0f} ms; "
        f"live took {cpu / seconds:.0%} of a core, the generator {result.cpu / seconds:.0%}",
        flush=True,
    )
    return kept == total and p99 <= LONGEST_P99 * 1000


def main() -> None:
    """Measure the chosen parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*RATES, []], help="all of them without a name")
    parser.add_argument("--seconds", type=float, default=30)
    chosen = parser.parse_args()
    with open_project(customers=1000) as project:
        templates = build_templates(project)
        good = [measure(project, templates, part, chosen.seconds) for part in chosen.parts or RATES]
    if not all(good):
        raise SystemExit("The receiver lost rings, or was too slow.")


if __name__ == "__main__":
    main()
