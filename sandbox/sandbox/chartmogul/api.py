"""ChartMogul's API over HTTP: who may call, and what the answer looks like.

https://dev.chartmogul.com/docs/authentication
"""

from __future__ import annotations

from base64 import b64decode
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from sandbox.chartmogul import attribute_operations, contact_operations, customer_operations, source_operations
from sandbox.chartmogul.account import KEY, READ_ONLY_KEY, Account
from sandbox.chartmogul.errors import Invalid, Refusal, bad_json, no_such_path, read_only, unauthorized
from sandbox.chartmogul.operations import Call, Operation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from starlette.requests import Request

    from sandbox.world import World

OPERATIONS = (
    *source_operations.OPERATIONS,
    *attribute_operations.OPERATIONS,
    *customer_operations.OPERATIONS,
    *contact_operations.OPERATIONS,
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_encode = msgspec.json.Encoder().encode


def routes(world: World) -> list[Route]:
    """One route an operation; below them, one that answers 404 for everything else, as only a known key learns."""
    unknown = (Operation(method, "/{path:path}", _unknown) for method in METHODS)
    return [Route(one.path, _endpoint(world, one), methods=[one.method]) for one in (*OPERATIONS, *unknown)]


@contextmanager
def gate(world: World) -> Iterator[Response | None]:
    """What a request passes before all else; gives the response to one that is not let in."""
    with world.chartmogul_gate.enter() as refusal:
        yield None if refusal is None else _refused(refusal, world.settings.chartmogul_retry_after)


def _refused(refusal: Refusal, retry_after: int) -> Response:
    response = _response(refusal.status, refusal.body)
    if retry_after:
        response.headers["retry-after"] = str(retry_after)
    return response


def _unknown(_: Call) -> NoReturn:
    raise no_such_path()


def _endpoint(world: World, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return _answer(world.chartmogul, operation, request, await request.body())

    return endpoint


def _answer(account: Account, operation: Operation, request: Request, content: bytes) -> Response:
    try:
        _authenticate(account, operation.method, request.headers.get("authorization", ""))
        account.jobs.call()
        body = _json_object(content) if operation.method != "GET" else {}
        return _response(*operation.answer(Call(account, request.path_params, request.query_params, body)))
    except Invalid as invalid:
        refusal = operation.invalid(invalid.errors)
    except Refusal as refused:
        refusal = refused
    return _response(refusal.status, refusal.body)


def _authenticate(account: Account, method: str, header: str) -> None:
    """Let in a known key, with no password or itself as one.

    Raises:
        Refusal: 401, or the configured status for a key that may only read.
    """
    scheme, _, credentials = header.partition(" ")
    try:
        key, _, password = b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        raise unauthorized() from None
    if scheme.lower() != "basic" or key not in (KEY, READ_ONLY_KEY) or password not in ("", key):
        raise unauthorized()
    if key == READ_ONLY_KEY and method != "GET":
        raise read_only(account.settings.chartmogul_read_only_status)


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(content) if content else {}
    except (msgspec.DecodeError, RecursionError):
        raise bad_json() from None
    if not isinstance(body, dict):
        raise bad_json()
    return body


def _response(status: int, body: dict[str, Any] | None) -> Response:
    content = b"" if body is None else _encode(body)
    return Response(content, status, {"content-type": "application/json; charset=utf-8"})
