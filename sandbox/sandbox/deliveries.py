"""What webhooks of both vendors are sent with: a thread that acts when something is due, and one HTTP call."""

from __future__ import annotations

import heapq
import threading
import time
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}


class Outbox:
    """Acts, each due at a time, carried out one after the other by a thread that the first of them starts.

    A thread of its own, so that a slow receiver slows no answer of an API.
    """

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def put(self, act: Callable[[], None], delay: float = 0.0) -> None:
        """Carry out an act after so many seconds; this never waits. Acts due at the same time keep their order."""
        with self._changed:
            if self._closed:
                return
            self._count += 1
            heapq.heappush(self._due, (time.monotonic() + delay, self._count, act))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Carry out nothing more than what is under way."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify()

    def _run(self) -> None:
        while (act := self._wait_for_next()) is not None:
            act()

    def _wait_for_next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._closed:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
        return None


def send(method: str, url: str, content: bytes, headers: Mapping[str, str], patience: float) -> int | None:
    """Make one call, following no redirect; return the status, None where no answer came in time."""
    address = urlsplit(url)
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    connection = CONNECTIONS[address.scheme](address.hostname or "", address.port, timeout=patience)
    try:
        connection.request(method, target, content, dict(headers))
        return int(connection.getresponse().status)
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def is_success(status: int | None) -> bool:
    """Return whether a receiver has taken what was sent: it answered with a 2xx."""
    return status is not None and HTTPStatus(200) <= status < HTTPStatus(300)


def is_address(url: str) -> bool:
    """Return whether something can be sent to a URL at all."""
    try:
        address = urlsplit(url)
        _ = address.port
    except ValueError:
        return False
    return address.scheme in CONNECTIONS and bool(address.hostname) and url.isascii() and not any(map(str.isspace, url))


def is_loopback(url: str) -> bool:
    """Return whether a URL names this machine, by the loopback address or `localhost`."""
    name = urlsplit(url).hostname if is_address(url) else None
    try:
        return name == "localhost" or ip_address(name or "").is_loopback
    except ValueError:
        return False
