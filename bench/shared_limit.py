"""Measures two processes on one key of ChartMogul, each for itself and with a shared limit (`limit_url`).

    python bench/shared_limit.py

ChartMogul permits 40 requests in any second, and each of its answers takes 50 ms here. Without `limit_url` each process
keeps to the whole limit, so that together they exceed it. With it, no request is to be refused, and at least 70 % of
the limit is to be used. The database is the PostgreSQL of `TEST_POSTGRES_URL`, or an installed one that this script
starts, and a `redis-server`; what there is none of is not measured.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

# A benchmark beside this one has the name of the target's package, so this folder is the last to be looked through.
sys.path.append(sys.path.pop(0))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests/support"))

from postgres import is_available, start_server
from redis_server import PROGRAM, start_redis
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox
from target_chartmogul._kit.transport import Call
from target_chartmogul.api.transport import Transport

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Barrier

    from bench.maps import row
else:  # as a script, `bench` itself is on the path
    from maps import row

PROCESSES, CALLS, THREADS, PER_SECOND, LATENCY = 2, 200, 10, 40, 0.050
SHARE = 0.7


def serve(pipe: Connection) -> None:
    """Serve an account, and tell how many requests it refused."""
    with RunningSandbox(Settings(customers=0, chartmogul_requests_per_second=PER_SECOND)) as sandbox:
        sandbox.fault(api="chartmogul", effect={"delay": LATENCY})
        pipe.send(sandbox.chartmogul_url)
        pipe.recv()
        pipe.send(sum(one["count"] for one in sandbox.answers()["answers"] if one["status"] == 429))  # noqa: PLR2004


def make_calls(base_url: str, limit_url: str | None, start: Barrier) -> None:
    """Make the calls of one process."""
    transport = Transport(base_url, "sandbox_key", THREADS, PER_SECOND, limit_url=limit_url)
    start.wait()

    def ping(_: int) -> None:
        transport.send(Call("GET", "/ping"), lambda answer: answer.status)

    with ThreadPoolExecutor(THREADS) as executor:
        list(executor.map(ping, range(CALLS)))


def measure(what: str, limit_url: str | None) -> None:
    """Let the processes make their calls, and print the rate and the refusals."""
    context = multiprocessing.get_context("spawn")
    pipe, other = context.Pipe()
    server = context.Process(target=serve, args=(other,))
    server.start()
    base_url, start = pipe.recv(), context.Barrier(PROCESSES + 1)
    processes = [context.Process(target=make_calls, args=(base_url, limit_url, start)) for _ in range(PROCESSES)]
    for one in processes:
        one.start()
    start.wait()
    began = time.monotonic()
    for one in processes:
        one.join()
    rate = PROCESSES * CALLS / (time.monotonic() - began)
    pipe.send(None)
    refused = pipe.recv()
    server.join()
    is_shared = limit_url is not None
    row(
        f"{PROCESSES} processes on one key, {what}",
        f"{rate:.1f} calls/s of {PER_SECOND}, {refused} refused",
        f">= {SHARE * PER_SECOND:g}, 0" if is_shared else "-",
        holds=not is_shared or (refused == 0 and rate >= SHARE * PER_SECOND),
    )


def main() -> None:
    """Measure without a shared limit, and with each database that there is."""
    measure("each for itself", None)
    if is_available():
        with start_server() as url:
            measure("limit_url on PostgreSQL", url)
    if PROGRAM:
        with start_redis() as url:
            measure("limit_url on Redis", url)


if __name__ == "__main__":
    main()
