"""The receiver of webhooks: it checks the sender, stores the ids and answers. It reads nothing and starts nothing.

https://www.chargebee.com/docs/2.0/webhook_settings.html (Basic credentials, no signature)
https://developers.intercom.com/docs/webhooks/webhook-notifications (HMAC-SHA1 of the raw body, answer within 5 s)
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from . import chargebee_events, intercom_topics

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from starlette.requests import Request

    from standpipe_console._kit.json_types import JsonObject

    from .commits import GroupCommits
    from .credentials import Credentials
    from .rings import Ring

#: A Chargebee event with many line items may be larger than 1 MB.
MAX_BODY = 5_000_000


class RequestError(Exception):
    """A request that is answered with an error status and has no effect."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Receiver:
    """The addresses that the vendors call."""

    def __init__(
        self,
        credentials: Credentials,
        commits: GroupCommits,
        describe_health: Callable[[], dict[str, Any]],
        moments: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._moments = moments
        self._credentials = credentials
        self._commits = commits
        self._describe_health = describe_health
        pair = f"{credentials.chargebee_username}:{credentials.chargebee_password}"
        self._authorization = b"Basic " + base64.b64encode(pair.encode())

    def build_app(self) -> Starlette:
        """Return the ASGI application; an address without credentials answers 404."""
        routes = [Route("/healthz", self.report_health, methods=["GET"])]
        if self._credentials.chargebee_username and self._credentials.chargebee_password:
            routes.append(Route("/hooks/chargebee", self.receive_chargebee, methods=["POST"]))
        if self._credentials.intercom_client_secret:
            # Intercom sends HEAD when the address is saved in its Developer Hub; Starlette adds HEAD to GET only.
            routes.append(Route("/hooks/intercom", self.receive_intercom, methods=["POST", "HEAD"]))
        return Starlette(routes=routes)

    async def receive_chargebee(self, request: Request) -> Response:
        """Keep the customers of an event."""
        return await self._receive(
            request, self._check_chargebee, partial(chargebee_events.parse_event, moments=self._moments())
        )

    async def receive_intercom(self, request: Request) -> Response:
        """Keep the companies and contacts of a notification."""
        if request.method == "HEAD":
            return Response(status_code=200)
        return await self._receive(request, self._check_intercom, intercom_topics.parse_notification)

    async def report_health(self, _request: Request) -> Response:
        """Answer 200 when runs can start, else 503 with the reason."""
        # The inbox may be slow and must not block the event loop.
        health = await asyncio.get_running_loop().run_in_executor(None, self._describe_health)
        return JSONResponse(health, 200 if health["healthy"] else 503)

    async def _receive(
        self, request: Request, check: Callable[[Request, bytes], None], parse: Callable[[JsonObject], Ring]
    ) -> Response:
        try:
            body = await _read_body(request)
            # This comes before the body is decoded, so that strangers cannot send input to the parser.
            check(request, body)
            ring = parse(_decode(body))
        except RequestError as error:
            return PlainTextResponse(str(error), error.status)
        try:
            # If the answer came before the commit, a kill between them would lose the ring.
            await asyncio.wrap_future(self._commits.submit([ring]))
        except Exception:  # noqa: BLE001 whatever failed, and is logged there, the vendor is to deliver it again
            return PlainTextResponse("The inbox is not available.", 503)
        return Response(status_code=200)

    def _check_chargebee(self, request: Request, _body: bytes) -> None:
        _compare(request.headers.get("authorization", "").encode(), self._authorization)

    def _check_intercom(self, request: Request, body: bytes) -> None:
        digest = hmac.new(self._credentials.intercom_client_secret.encode(), body, hashlib.sha1).hexdigest()
        _compare(request.headers.get("x-hub-signature", "").encode(), f"sha1={digest}".encode())


def _compare(got: bytes, expected: bytes) -> None:
    """Compare credentials in constant time.

    Raises:
        RequestError: they differ.
    """
    if not hmac.compare_digest(got, expected):
        raise RequestError(401, "Wrong credentials.")


async def _read_body(request: Request) -> bytes:
    """Return the whole body.

    Raises:
        RequestError: it is larger than any event of the vendors.
    """
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise RequestError(413, "The body is too large.")
        chunks.append(chunk)
    return b"".join(chunks)


def _decode(body: bytes) -> JsonObject:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(400, "The body is not a JSON object.") from error
