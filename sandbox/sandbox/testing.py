"""A sandbox on a free loopback port, for tests."""

from __future__ import annotations

import json
import socket
import threading
import time
from http import HTTPStatus
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, Self

from uvicorn import Server

from sandbox.app import create_app
from sandbox.server import server_config
from sandbox.world import World

if TYPE_CHECKING:
    from types import TracebackType

    from sandbox.json_types import JsonObject
    from sandbox.settings import Settings

_HOST = "127.0.0.1"
_PATIENCE = 30.0


class RunningSandbox:
    """A context manager that serves ``world`` from a thread; tests may read and edit the world."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.world = World(settings)
        self._socket = socket.create_server((_HOST, 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{_HOST}:{self.port}"
        self.chargebee_url = f"{self.url}/chargebee/api/v2"
        self.intercom_url = f"{self.url}/intercom"
        self.chartmogul_url = f"{self.url}/chartmogul/v1"
        self._server = Server(server_config(create_app(self.world), _HOST, self.port))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + _PATIENCE
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.005)
        if not self._server.started:
            raise TimeoutError(f"The sandbox did not start within {_PATIENCE} seconds.")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(_PATIENCE)
        self._socket.close()

    def calls(self) -> JsonObject:
        """``GET /sandbox/calls``."""
        return self._control("GET", "calls")

    def answers(self) -> JsonObject:
        """``GET /sandbox/answers``."""
        return self._control("GET", "answers")

    def clear_calls(self) -> None:
        """``DELETE /sandbox/calls``."""
        self._control("DELETE", "calls")

    def reset(self, **settings: Any) -> JsonObject:
        """``POST /sandbox/reset``: a fresh world; the names are those of ``Settings``."""
        return self._control("POST", "reset", settings)

    def advance(self, **how_far: int) -> JsonObject:
        """``POST /sandbox/advance``: ``days=`` or ``seconds=``."""
        return self._control("POST", "advance", how_far)

    def change(self, kind: str, **how: Any) -> JsonObject:
        """``POST /sandbox/change``: ``count=``, ``per_second=``, ``webhooks=``."""
        return self._control("POST", "change", {"kind": kind, **how})

    def object_type(self, name: str, attributes: dict[str, str], **how: Any) -> JsonObject:
        """``POST /sandbox/object_types``: ``reference=``, ``model=``, ``many=``."""
        return self._control("POST", "object_types", {"name": name, "attributes": attributes, **how})

    def fault(self, **fault: Any) -> JsonObject:
        """``POST /sandbox/faults``; for the key ``from`` pass ``**{"from": 3}``."""
        return self._control("POST", "faults", fault)

    def webhooks(self, **subscription: Any) -> JsonObject:
        """``POST /sandbox/webhooks`` with these values, ``GET`` without any."""
        return self._control("POST" if subscription else "GET", "webhooks", subscription or None)

    def clear_faults(self) -> None:
        """``DELETE /sandbox/faults``."""
        self._control("DELETE", "faults")

    def _control(self, method: str, path: str, body: JsonObject | None = None) -> JsonObject:
        connection = HTTPConnection(_HOST, self.port, timeout=_PATIENCE)
        try:
            connection.request(method, f"/sandbox/{path}", None if body is None else json.dumps(body))
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        reply: JsonObject = json.loads(text) if text else {}
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise ValueError(reply.get("error", f"{method} /sandbox/{path}: {response.status}"))
        return reply
