"""A Redis server for tests: the one of `TEST_REDIS_URL`, or the `redis-server` of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
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
    folder = Path(tempfile.mkdtemp(prefix="standpipe-redis-"))
    path = folder / "socket"
    # The socket's own folder keeps it apart from every other server of the machine.
    command = [str(PROGRAM), "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _PATIENCE
        while not path.exists():
            assert server.poll() is None, "redis-server ended at its start"
            assert time.monotonic() < deadline, "redis-server did not start"
            time.sleep(0.01)
        yield f"unix://{path}"
    finally:
        server.terminate()
        server.wait(_PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)
