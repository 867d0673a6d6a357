"""Measures the list pages per second that the sandbox serves from its cache.

    python bench/sandbox_pages.py --customers 10000

The sandbox runs in a separate process on one core. This process only reads, over kept-alive connections, and parses
only the last bytes of each page. Rates use wall-clock time; the server's processor time is printed beside them.
"""

from __future__ import annotations

import argparse
import base64
import http
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import quote

HOST = "127.0.0.1"
KEY = {"Authorization": "Basic " + base64.b64encode(b"sandbox_key:").decode()}
MARK = b'"next_offset":'
LISTS = ("customers", "subscriptions", "invoices")
PATIENCE = 120


def main() -> None:
    """Start a sandbox and read each list once to fill its cache; then measure a second reading."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--pages", type=int, default=400, help="pages to read of each list")
    parser.add_argument("--connections", type=int, default=4)
    asked = parser.parse_args()
    port = free_port()
    sandbox = str(Path(sys.executable).with_name("sandbox"))
    command = [sandbox, "--port", str(port), "--customers", str(asked.customers)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            began = time.monotonic()
            wait_for(port)
            sys.stdout.write(f"{asked.customers} customers ready after {time.monotonic() - began:.1f} s\n")
            for path in LISTS:
                measure(port, path, asked.pages, asked.connections, server.pid)
        finally:
            server.terminate()


def measure(port: int, path: str, pages: int, connections: int, pid: int) -> None:
    """Read a list with several connections at once, each from the start of the list; print the rate."""
    read(port, path, pages)
    spent, began = processor_seconds(pid), time.monotonic()
    sizes: list[int] = []
    readers = [
        threading.Thread(target=lambda: sizes.append(read(port, path, pages // connections)))
        for _ in range(connections)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    wall, busy = time.monotonic() - began, processor_seconds(pid) - spent
    count = pages // connections * connections
    sys.stdout.write(
        f"{path:14} {count / wall:6.0f} pages/s by the wall clock, {count / busy:6.0f} a second of the server's core,"
        f" {sum(sizes) / count / 1000:.0f} KB a page\n"
    )


def read(port: int, path: str, pages: int) -> int:
    """Read this many pages of a list, again from its start after its end; return the number of bytes."""
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    offset, size = "", 0
    for _ in range(pages):
        connection.request("GET", f"/chargebee/api/v2/{path}?limit=100{offset}", headers=KEY)
        reply = connection.getresponse()
        body = reply.read()
        if reply.status != http.HTTPStatus.OK:
            raise ValueError(body)
        size += len(body)
        _, found, tail = body[-200:].rpartition(MARK)
        offset = "&offset=" + quote(tail[1:-2].replace(b"\\", b"").decode()) if found else ""
    connection.close()
    return size


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has spent."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """Return a free port."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Wait until the port answers."""
    for _ in range(PATIENCE * 10):
        try:
            socket.create_connection((HOST, port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"The sandbox did not start within {PATIENCE} seconds.")


if __name__ == "__main__":
    main()
