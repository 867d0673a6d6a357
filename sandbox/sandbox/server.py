"""The HTTP server: uvicorn, with a way to close a connection when a fault says so."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import ASGIApp

    from sandbox.json_types import JsonObject

KEEP_ALIVE = 75
"""Seconds for which an idle connection stays open, longer than any test's client pauses."""


class HangUpProtocol(H11Protocol):
    """Puts the connection's ``close`` into each request's ``scope["state"]["hang_up"]``."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Store the function that closes the client's connection."""
        super().connection_made(transport)
        # Without TCP_NODELAY, which asyncio sets only on its own sockets, a reply would wait 40 ms for an ACK.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state: JsonObject = {**self.app_state, "hang_up": transport.close}


def server_config(app: ASGIApp, host: str, port: int, log_level: str = "warning") -> Config:
    """Return a uvicorn configuration; the ``Date`` header is the business clock's, so uvicorn sends none."""
    return Config(
        app,
        host=host,
        port=port,
        loop="asyncio",  # the same on any machine, with any other packages
        http=HangUpProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        date_header=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        log_level=log_level,
    )
