"""A Redis server for tests: the one of `TEST_REDIS_URL`, or the `redis-server` of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")
_PATIENCE = 20.0

needs_redis = pytest.mark.skipif(
    not (PROGRAM or os.environ.get("TEST_REDIS_URL")),
    reason="needs a Redis: `apt-get install redis-server`, or set TEST_REDIS_URL",
)


@contextmanager
def start_redis() -> Iterator[str]:
    """Yield the address of a server."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield url
        return
    folder = tempfile.mkdtemp(prefix="standpipe-redis-")
    port = _find_free_port()
    command = [str(PROGRAM), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", folder]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        _wait_for(server, port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(_PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)


def _find_free_port() -> int:
    # Redis takes no socket from its parent, and to it port 0 means none.
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        assert server.poll() is None, "redis-server ended at its start"
        try:
            socket.create_connection(("127.0.0.1", port), _PATIENCE).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    pytest.fail("redis-server did not start")
