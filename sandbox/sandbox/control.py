"""``/sandbox/*``: time, faults, counts and a fresh start, for tests and demos."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.access import find_refusal
from sandbox.clock import DAY
from sandbox.intercom.webhooks import Subscription
from sandbox.settings import settings_from

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from sandbox.world import World

_SECONDS = {"days": DAY, "seconds": 1}
_FARTHEST = 3653 * DAY
"""Every day is lived: a number too many would keep the sandbox busy for ever."""


def routes(world: World) -> list[Route]:
    """The control routes of a world."""

    def advance(body: dict[str, Any]) -> dict[str, Any]:
        happened = world.advance(seconds_from(body))
        return {
            "now": world.clock.now(),
            "happened": happened,
            "intercom": dict(sorted(world.intercom_happened.items())),
        }

    def reset(body: dict[str, Any]) -> dict[str, Any]:
        settings = settings_from(body)
        world.intercom.notify(None)
        world.reset(settings)
        return {"now": world.clock.now(), "counts": world.business.counts()}

    def set_fault(body: dict[str, Any]) -> dict[str, Any]:
        return {"id": world.faults.add(body)}

    async def clear_faults(_: Request) -> Response:
        world.faults.clear()
        return Response(status_code=204)

    async def calls(_: Request) -> Response:
        return JSONResponse(world.calls.report())

    async def answers(_: Request) -> Response:
        return JSONResponse(world.calls.answers())

    async def clear_calls(_: Request) -> Response:
        world.calls.clear()
        return Response(status_code=204)

    return _guarded(
        Route("/sandbox/advance", _told(advance), methods=["POST"]),
        Route("/sandbox/reset", _told(reset), methods=["POST"]),
        Route("/sandbox/faults", _told(set_fault), methods=["POST"]),
        Route("/sandbox/faults", clear_faults, methods=["DELETE"]),
        *_webhook_routes(world),
        Route("/sandbox/calls", calls, methods=["GET"]),
        Route("/sandbox/calls", clear_calls, methods=["DELETE"]),
        Route("/sandbox/answers", answers, methods=["GET"]),
    )


def _guarded(*made: Route) -> list[Route]:
    """Have each route refuse with 403 what another site's page or another machine's name asks for."""

    def guard(obey: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            refusal = find_refusal(request)
            return await obey(request) if refusal is None else JSONResponse({"error": refusal}, status_code=403)

        return endpoint

    return [Route(route.path, guard(route.endpoint), methods=list(route.methods or ())) for route in made]


def _webhook_routes(world: World) -> list[Route]:
    """Whom Intercom tells of its writes."""

    def set_webhooks(body: dict[str, Any]) -> dict[str, Any]:
        world.intercom.notify(Subscription.from_body(body))
        return world.intercom.notified()

    async def webhooks(_: Request) -> Response:
        return JSONResponse(world.intercom.notified())

    async def clear_webhooks(_: Request) -> Response:
        world.intercom.notify(None)
        return Response(status_code=204)

    return [
        Route("/sandbox/webhooks", _told(set_webhooks), methods=["POST"]),
        Route("/sandbox/webhooks", webhooks, methods=["GET"]),
        Route("/sandbox/webhooks", clear_webhooks, methods=["DELETE"]),
    ]


def seconds_from(body: dict[str, Any]) -> int:
    """How far to advance: ``{"days": 30}`` or ``{"seconds": 90}``.

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


def _told(act: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that hands a JSON object on, and answers 400 with the sentence of a ValueError."""

    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(act(_object(await request.body())))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)

    return endpoint


def _object(text: bytes) -> dict[str, Any]:
    try:
        body = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        raise ValueError("The body is no JSON.") from None
    if not isinstance(body, dict):
        raise ValueError("The body is a JSON object.")  # noqa: TRY004 one kind of refusal, one status
    return body
