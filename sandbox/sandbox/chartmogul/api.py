"""ChartMogul's API over HTTP: keys, and the form of replies, https://dev.chartmogul.com/docs/authentication."""

from __future__ import annotations

from base64 import b64decode
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from sandbox.chartmogul import attribute_operations, contact_operations, customer_operations, source_operations
from sandbox.chartmogul.account import KEY, READ_ONLY_KEY, Account
from sandbox.chartmogul.errors import Invalid, Refusal, build_refusal
from sandbox.chartmogul.operations import Call, Operation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from starlette.requests import Request

    from sandbox.json_types import JsonObject
    from sandbox.world import World

OPERATIONS = (
    *source_operations.OPERATIONS,
    *attribute_operations.OPERATIONS,
    *customer_operations.OPERATIONS,
    *contact_operations.OPERATIONS,
)
_NO_KEY = "No valid API key provided"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_encode = msgspec.json.Encoder().encode


def build_routes(world: World) -> list[Route]:
    """Return one route per operation, and one that answers any other path with 404 to a known key."""
    unknown = (Operation(method, "/{path:path}", _refuse_path) for method in METHODS)
    return [Route(one.path, _build_endpoint(world, one), methods=[one.method]) for one in (*OPERATIONS, *unknown)]


@contextmanager
def admit(world: World) -> Iterator[Response | None]:
    """Serve a request within this context, and yield the response to one over the limits."""
    with world.chartmogul_gate.enter() as refusal:
        yield None if refusal is None else _answer_refusal(refusal, world.settings.chartmogul_retry_after)


def _answer_refusal(refusal: Refusal, retry_after: int) -> Response:
    response = _build_response(refusal.status, refusal.body)
    if retry_after:
        response.headers["retry-after"] = str(retry_after)
    return response


def _refuse_path(_: Call) -> NoReturn:
    raise build_refusal(404, "Not found")


def _build_endpoint(world: World, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return _answer(world.chartmogul, operation, request, await request.body())

    return endpoint


def _answer(account: Account, operation: Operation, request: Request, content: bytes) -> Response:
    try:
        _authenticate(account, operation.method, request.headers.get("authorization", ""))
        account.jobs.count_call()
        body = _read_object(content) if operation.method != "GET" else {}
        return _build_response(*operation.answer(Call(account, request.path_params, request.query_params, body)))
    except Invalid as invalid:
        refusal = operation.refuse(invalid.errors)
    except Refusal as refused:
        refusal = refused
    return _build_response(refusal.status, refusal.body)


def _authenticate(account: Account, method: str, header: str) -> None:
    """Check for a known key, with no password or the key itself as one.

    Raises:
        Refusal: 401, or the configured status for a read-only key.
    """
    scheme, _, credentials = header.partition(" ")
    try:
        key, _, password = b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        raise build_refusal(401, _NO_KEY) from None
    if scheme.lower() != "basic" or key not in (KEY, READ_ONLY_KEY) or password not in ("", key):
        raise build_refusal(401, _NO_KEY)
    if key == READ_ONLY_KEY and method != "GET":
        # Neither status nor text has been recorded from the vendor.
        status = account.settings.chartmogul_read_only_status
        raise build_refusal(status, "The API key provided does not have write access.")


def _read_object(content: bytes) -> JsonObject:
    with suppress(msgspec.DecodeError, RecursionError):
        body = msgspec.json.decode(content) if content else {}
        if isinstance(body, dict):
            return body
    # The text has not been recorded from the vendor.
    raise build_refusal(400, "The request body is not a JSON object")


def _build_response(status: int, body: JsonObject | None) -> Response:
    content = b"" if body is None else _encode(body)
    return Response(content, status, {"content-type": "application/json; charset=utf-8"})
