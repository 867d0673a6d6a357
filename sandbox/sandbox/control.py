"""``/sandbox/*``: time, changes, faults, counts and a fresh start, for tests and demos."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.access import find_refusal
from sandbox.changes import ChangeRequest, make_changes
from sandbox.clock import DAY
from sandbox.intercom.webhooks import Subscription
from sandbox.intercom.workspace import ADMIN_ID
from sandbox.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from sandbox.json_types import JsonObject
    from sandbox.world import World

    Act = Callable[[JsonObject], JsonObject | None]
    """A function from a request's JSON object to the reply's; None means a 204."""

_SECONDS = {"days": DAY, "seconds": 1}
_FARTHEST = 3653 * DAY
"""The most seconds that one call can advance: each day is simulated, so that much more would take too long."""


def build_routes(world: World) -> list[Route]:
    """Return the control routes of a world."""

    def advance(body: JsonObject) -> JsonObject:
        happened = world.advance(read_seconds(body))
        intercom = dict(sorted(world.intercom_happened.items()))
        return {"now": world.clock.now(), "happened": happened, "intercom": intercom}

    def reset(body: JsonObject) -> JsonObject:
        settings = read_settings(body)
        world.intercom.set_webhooks(None)
        world.reset(settings)
        return {"now": world.clock.now(), "counts": world.business.counts()}

    def define_object_type(body: JsonObject) -> JsonObject:
        world.intercom.custom_objects.define(body, admin_id=ADMIN_ID, now=world.clock.now())
        return {"types": list(world.intercom.custom_objects.types)}

    def set_webhooks(body: JsonObject) -> JsonObject:
        world.intercom.set_webhooks(Subscription.from_body(body))
        return world.intercom.report_webhooks()

    acts: tuple[tuple[str, str, Act], ...] = (
        ("POST", "advance", advance),
        ("POST", "change", lambda body: make_changes(world, ChangeRequest.from_body(body))),
        ("POST", "object_types", define_object_type),
        ("POST", "reset", reset),
        ("POST", "faults", lambda body: {"id": world.faults.add(body)}),
        ("DELETE", "faults", lambda _: world.faults.clear()),
        ("POST", "webhooks", set_webhooks),
        ("GET", "webhooks", lambda _: world.intercom.report_webhooks()),
        ("DELETE", "webhooks", lambda _: world.intercom.set_webhooks(None)),
        ("GET", "calls", lambda _: world.calls.report()),
        ("DELETE", "calls", lambda _: world.calls.clear()),
        ("GET", "answers", lambda _: world.calls.answers()),
    )
    return [Route(f"/sandbox/{path}", _build_endpoint(act), methods=[method]) for method, path, act in acts]


def read_seconds(body: JsonObject) -> int:
    """Return how far to advance: ``{"days": 30}`` or ``{"seconds": 90}``.

    Raises:
        ValueError: the sentence says what is wrong with the request.
    """
    if len(body) != 1 or not body.keys() <= _SECONDS.keys():
        raise ValueError('Say how far: {"days": 30} or {"seconds": 90}.')
    ((unit, amount),) = body.items()
    if type(amount) is not int or amount < 0:
        raise ValueError(f"{unit} is a whole number, 0 or more, not {amount!r}.")
    if amount * _SECONDS[unit] > _FARTHEST:
        raise ValueError(f"The clock moves at most ten years at once, not {amount} {unit}.")
    return amount * _SECONDS[unit]


def _build_endpoint(act: Act) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that answers 400 with the sentence of a ValueError.

    What another site's page or another machine's name asks for is refused with 403.
    """

    async def endpoint(request: Request) -> Response:
        refusal = find_refusal(request)
        if refusal is not None:
            return JSONResponse({"error": refusal}, status_code=403)
        try:
            reply = act(_read_object(await request.body()) if request.method == "POST" else {})
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return Response(status_code=204) if reply is None else JSONResponse(reply)

    return endpoint


def _read_object(text: bytes) -> JsonObject:
    try:
        body: Any = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        raise ValueError("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise ValueError("The body is a JSON object.")  # noqa: TRY004 one kind of refusal, one status
    return body
