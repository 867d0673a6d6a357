"""Intercom's REST API over HTTP: who may call, in which version, how often, and what the answer looks like.

https://developers.intercom.com/docs/references/introduction
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

from starlette.responses import Response
from starlette.routing import Route

from sandbox.intercom import (
    attribute_operations,
    company_operations,
    contact_operations,
    relations,
    resources,
    thread_operations,
)
from sandbox.intercom.errors import (
    Refusal,
    bad_json,
    bad_parameter,
    rate_limited,
    resource_not_found,
    unauthorized,
    version_too_old,
    version_unknown,
)
from sandbox.intercom.limits import SECONDS
from sandbox.intercom.operations import Call, Operation
from sandbox.intercom.shapes import PINNED
from sandbox.intercom.workspace import TOKEN, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from sandbox.intercom.bodies import Version
    from sandbox.world import World

OPERATIONS = (
    *resources.OPERATIONS,
    *attribute_operations.OPERATIONS,
    *contact_operations.OPERATIONS,
    *company_operations.OPERATIONS,
    *relations.OPERATIONS,
    *thread_operations.OPERATIONS,
)
WRITES = ("POST", "PUT", "DELETE")
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
NEWEST = 17
VERSIONS: dict[str, Version] = {f"2.{minor}": (2, minor) for minor in range(NEWEST + 1)}


def routes(world: World) -> list[Route]:
    """One route an operation; below them, one that answers 404 for everything else, as only a known token learns."""
    known = [Route(one.path, _endpoint(world, one), methods=[one.method]) for one in OPERATIONS]
    unknown = [Operation(method, "/{path:path}", _unknown) for method in METHODS]
    return known + [Route(one.path, _endpoint(world, one), methods=[one.method]) for one in unknown]


def _unknown(_: Call) -> NoReturn:
    raise resource_not_found()


def _endpoint(world: World, operation: Operation) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        return answer(world.intercom, operation, request, await request.body())

    return endpoint


def answer(workspace: Workspace, operation: Operation, request: Request, content: bytes) -> Response:
    """The whole response to one request, refused or not."""
    request_id, headers = workspace.request_id(), {}
    try:
        _authenticate(request)
        allowed = workspace.window.take()
        headers = workspace.window.headers(workspace.clock.now())
        if not allowed:
            raise rate_limited(workspace.window.limit, SECONDS)
        body = operation.run(_call(workspace, operation, request, content))
        status = 200
    except Refusal as refusal:
        status, body = refusal.status, refusal.body(request_id)
        headers |= refusal.headers
    headers |= {"content-type": "application/json; charset=utf-8", "X-Request-Id": request_id}
    return Response(json.dumps(body).encode(), status, headers)


def _authenticate(request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or token.strip() != TOKEN:
        raise unauthorized()


def _call(workspace: Workspace, operation: Operation, request: Request, content: bytes) -> Call:
    version = _version(request)
    if version < operation.since:
        raise version_too_old()
    query = dict(request.query_params)
    unknown = next((name for name in query if name not in operation.query), None)
    if unknown is not None and operation.run is not _unknown and workspace.settings.refuse_unknown_fields:
        raise bad_parameter(unknown)
    call = Call(
        workspace=workspace,
        version=version,
        path=request.path_params,
        query=query,
        body=_json_object(content) if operation.method in WRITES else {},
        base=_base(request),
    )
    if operation.method == "DELETE" and operation.run is not _unknown:
        call.read_body(*operation.deleted_with)
    return call


def _base(request: Request) -> str:
    """The API's address as the caller has it; `request.url` would choke on a query of odd bytes or an odd host."""
    host = request.headers.get("host") or ":".join(map(str, request.scope["server"]))
    return f"{request.scope['scheme']}://{host}{request.scope['root_path']}"


def _version(request: Request) -> Version:
    header = request.headers.get("intercom-version")
    if header is None:
        return PINNED
    if header not in VERSIONS:
        raise version_unknown()
    return VERSIONS[header]


def _json_object(content: bytes) -> dict[str, Any]:
    """The JSON object sent, an empty one for an empty body.

    Raises:
        Refusal: 400, also for JSON that is only JSON to some: NaN, half of a surrogate pair, numbers beyond measure,
            and for another encoding than UTF-8.
    """
    try:
        body = json.loads(content.decode(), parse_constant=_no_constant, parse_float=_finite) if content else {}
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise bad_json() from None
    if not isinstance(body, dict):
        raise bad_json()
    return body


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number
