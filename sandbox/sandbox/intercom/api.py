"""Intercom's REST API over HTTP: who may call, in which version, how often, and what the answer looks like.

https://developers.intercom.com/docs/references/introduction
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, NoReturn

from starlette.responses import Response
from starlette.routing import Route

from sandbox.intercom import (
    attribute_operations,
    company_operations,
    contact_operations,
    event_operations,
    object_operations,
    relations,
    resources,
    thread_operations,
)
from sandbox.intercom.errors import Refusal, refuse
from sandbox.intercom.limits import SECONDS
from sandbox.intercom.operations import Call
from sandbox.intercom.shapes import PINNED
from sandbox.intercom.workspace import TOKEN, Workspace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from sandbox.intercom.bodies import Version
    from sandbox.intercom.operations import Operation
    from sandbox.json_types import JsonObject
    from sandbox.world import World

OPERATIONS = (
    *resources.OPERATIONS,
    *attribute_operations.OPERATIONS,
    *contact_operations.OPERATIONS,
    *company_operations.OPERATIONS,
    *relations.OPERATIONS,
    *event_operations.OPERATIONS,
    *object_operations.OPERATIONS,
    *thread_operations.OPERATIONS,
)
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
NEWEST = 17
VERSIONS: dict[str, Version] = {f"2.{minor}": (2, minor) for minor in range(NEWEST + 1)}


def make_routes(world: World) -> list[Route]:
    """Return one route per operation, and one that answers any other path with 404 to a call with the token."""
    known = [Route(one.path, _make_endpoint(world, one), methods=[one.method]) for one in OPERATIONS]
    return [*known, Route("/{path:path}", _make_endpoint(world, None), methods=METHODS)]


def _make_endpoint(world: World, operation: Operation | None) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return answer(world.intercom, operation, request, await request.body())

    return endpoint


def answer(workspace: Workspace, operation: Operation | None, request: Request, content: bytes) -> Response:
    """Return the response to one request, including a refusal."""
    request_id, headers = workspace.make_request_id(), {}
    try:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token.strip() != TOKEN:
            raise refuse("unauthorized")
        # Every call with the right token counts, even a refused one; its response says how many are left.
        allowed = workspace.window.take()
        headers = workspace.window.make_headers(workspace.clock.now())
        if not allowed:
            raise refuse("rate limited", limit=workspace.window.limit, seconds=SECONDS)
        if operation is None:
            raise refuse("no operation")
        body = operation.run(_read_call(workspace, operation, request, content))
        status = operation.status
    except Refusal as refusal:
        status, body = refusal.status, refusal.make_body(request_id)
        headers |= refusal.headers
    headers |= {"content-type": "application/json; charset=utf-8", "X-Request-Id": request_id}
    return Response(b"" if body is None else json.dumps(body).encode(), status, headers)


def _read_call(workspace: Workspace, operation: Operation, request: Request, content: bytes) -> Call:
    header = request.headers.get("intercom-version")
    if header is not None and header not in VERSIONS:
        raise refuse("version unknown")
    version = PINNED if header is None else VERSIONS[header]
    if version < operation.since:
        raise refuse("version too old")
    query = dict(request.query_params)
    unknown = next((name for name in query if name not in operation.query), None)
    if unknown is not None and workspace.settings.refuse_unknown_fields:
        raise refuse("parameter unknown", name=unknown)
    # The address as the caller knows it; `request.url` would fail on odd bytes in a query or an odd host.
    host = request.headers.get("host") or ":".join(map(str, request.scope["server"]))
    base = f"{request.scope['scheme']}://{host}{request.scope['root_path']}"
    body = _read_json(content) if operation.method != "GET" else {}
    call = Call(workspace, version, request.path_params, query, body, base)
    if operation.method == "DELETE":
        call.read_body()
    return call


def _read_json(content: bytes) -> JsonObject:
    """Return the JSON object sent, or an empty one for an empty body.

    Refuses what only some parsers accept: NaN, half of a surrogate pair, huge numbers, another encoding.
    """
    try:
        body = json.loads(content.decode(), parse_constant=_refuse_constant, parse_float=_read_float) if content else {}
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise refuse("no JSON") from None
    if not isinstance(body, dict):
        raise refuse("no JSON")
    return body


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _read_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number
