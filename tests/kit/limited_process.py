"""A process that makes calls through a shared limit, for tests with several such processes.

    python limited_process.py LIMIT_URL API_URL WINDOW LIMIT CALLS

It makes so many calls in eight threads, and prints as JSON how many were answered and how many 429s it saw.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from singer_kit import shared_pacer
from singer_kit.retries import RetryTable
from singer_kit.transport import Answer, Call, Transport

DISTRIBUTION, KEY, THREADS = "standpipe-target-chartmogul", "sandbox_key", 8


def main(limit_url: str, api_url: str, window: str, limit: str, calls: str) -> None:
    """Make the calls."""
    shared_pacer.VENDOR_LIMITS = {"ChartMogul": shared_pacer.VendorLimit(float(window), int(limit))}
    transport = Transport(
        "ChartMogul",
        api_url,
        distribution=DISTRIBUTION,
        retries=RetryTable(tries=1, limited_tries=1000, limited_wait=0.01),
        auth=(KEY, ""),
        connections=THREADS,
        pacer=shared_pacer.share_limit(
            limit_url, vendor="ChartMogul", base_url=api_url, owner=KEY, distribution=DISTRIBUTION
        ),
    )

    def call(number: int) -> int:
        answer: Answer = transport.send(Call("GET", "/ping"), lambda answer: answer)
        if number == 0:
            write_line("started")
        return answer.status

    with ThreadPoolExecutor(THREADS) as executor:
        statuses = list(executor.map(call, range(int(calls))))
    write_line(json.dumps([statuses.count(200), transport.call_counts.limited]))


def write_line(text: str) -> None:
    """Write a line for the test to read at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
