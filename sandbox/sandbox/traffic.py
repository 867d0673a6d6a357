"""What every request passes: counting, faults, the business clock's ``Date``, and the reply to a bug."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sandbox.faults import Effect
    from sandbox.json_types import JsonObject
    from sandbox.routing import GroupedRoutes
    from sandbox.world import World

log = logging.getLogger("sandbox")
_SLASHES = re.compile("/{2,}")


@dataclass(frozen=True)
class Api:
    """One simulated vendor: where it is mounted, and its reply to an error that no handler made.

    Attributes:
        admits: entered with the method for as long as a request lasts; gives the response to one that is not admitted.
        squeezes_slashes: a path with two slashes in a row is read as with one.
    """

    name: str
    prefix: str
    routes: GroupedRoutes
    failure: Callable[[int, str], JsonObject]
    admits: Callable[[str], AbstractContextManager[Response | None]] = lambda _: nullcontext()
    squeezes_slashes: bool = False

    def template(self, method: str, path: str) -> str:
        """Return the template of the route that serves this call; the path itself when none does."""
        found = [route for route in self.routes.find_group(path) if route.path_regex.match(path)]
        exact = [route for route in found if method in (route.methods or ())]
        return next((route.path for route in (*exact, *found)), path)


def find_api(apis: Sequence[Api], path: str) -> tuple[Api, str] | None:
    """Return the API of a request's path and the path below its base; None for pages and control."""
    for api in apis:
        if path == api.prefix or path.startswith(api.prefix + "/"):
            return api, path[len(api.prefix) :] or "/"
    return None


class Traffic:
    """Pure ASGI middleware, which adds almost no time to a request."""

    def __init__(self, app: ASGIApp, world: World, apis: Sequence[Api]) -> None:
        self.app = app
        self.world = world
        self.apis = apis

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = find_api(self.apis, scope["path"])
        if found is None:
            await self.app(scope, receive, self._add_date(send))
            return
        api, path = found
        if api.squeezes_slashes and "//" in path:
            path = _SLASHES.sub("/", path)
            scope = {**scope, "path": api.prefix + path}
        self.world.calls.count(api.name, scope["method"], api.template(scope["method"], path))
        with api.admits(scope["method"]) as refusal:
            if refusal is None:
                await self._serve_admitted(api, path, scope, receive, self._add_date(send, api.name))
            else:
                await refusal(scope, receive, self._add_date(send, api.name))

    async def _serve_admitted(self, api: Api, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        effect = self.world.faults.strike(api.name, method, path)
        if effect is None:
            await self._serve(api, scope, receive, send)
        else:
            await self._misbehave(effect, api, scope, receive, send)

    def _add_date(self, send: Send, api: str | None = None) -> Send:
        """Add the business clock's date, and count the answers of an API."""

        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                if api is not None:
                    self.world.calls.count_answer(api, message["status"])
                message["headers"] = [*message["headers"], (b"date", self.world.clock.http_date())]
            await send(message)

        return send_dated

    async def _serve(self, api: Api, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the handler; log a bug and answer it in the vendor's shape, unless the client has disconnected."""
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            return
        except Exception:
            log.exception("A bug in the sandbox: %s %s", scope["method"], scope["path"])
            await build_reply(500, api.failure(500, "Internal error."))(scope, receive, send)

    async def _misbehave(self, effect: Effect, api: Api, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(effect.delay)
        if effect.status is not None:
            await build_reply(effect.status, effect.body, effect.headers)(scope, receive, send)
        elif effect.drop == "before":
            await _hang_up(scope, receive)
        elif effect.drop == "after":
            await self._serve(api, scope, receive, _drop_message)
            await _hang_up(scope, receive)
        elif effect.truncate:
            await self._serve(api, scope, receive, _send_half(send))
            await _hang_up(scope, receive)
        else:
            await self._serve(api, scope, receive, send)


def build_reply(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON reply, or a plain one for a string."""
    if isinstance(body, str):
        kind, content = "text/html; charset=utf-8", body.encode()
    else:
        kind, content = "application/json;charset=utf-8", b"" if body is None else json.dumps(body).encode()
    given = {name.lower(): value for name, value in (headers or {}).items()}
    return Response(content, status, {"content-type": kind, **given})


async def _drop_message(_: Message) -> None:
    """Discard a message of a reply."""


def _send_half(send: Send) -> Send:
    """Announce the whole body, but send only its first half."""

    async def send_half(message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            message = {**message, "body": body[: len(body) // 2], "more_body": True}
        await send(message)

    return send_half


async def _hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection, and wait until the server has noticed it."""
    scope["state"]["hang_up"]()
    while (await receive())["type"] != "http.disconnect":
        pass
