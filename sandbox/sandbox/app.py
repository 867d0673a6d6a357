"""The whole sandbox as one ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount

from sandbox import control, pages
from sandbox.chargebee import api as chargebee
from sandbox.chargebee import errors as chargebee_errors
from sandbox.chartmogul import api as chartmogul
from sandbox.chartmogul.errors import build_refusal
from sandbox.intercom import api as intercom
from sandbox.routing import GroupedRoutes
from sandbox.traffic import Api, Traffic, build_reply, find_api

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sandbox.json_types import JsonObject
    from sandbox.world import World


def create_app(world: World) -> Starlette:
    """Return an ASGI application that serves one world."""
    apis = (
        Api(
            "chargebee",
            "/chargebee/api/v2",
            GroupedRoutes(chargebee.build_routes(world)),
            chargebee_errors.build_failure,
            chargebee.build_admission(world),
        ),
        Api(
            "intercom",
            "/intercom",
            GroupedRoutes(intercom.make_routes(world)),
            _build_intercom_error,
            squeezes_slashes=True,
        ),
        Api(
            "chartmogul",
            "/chartmogul/v1",
            GroupedRoutes(chartmogul.build_routes(world)),
            lambda status, message: build_refusal(status, message).body,
            lambda _: chartmogul.admit(world),
        ),
    )

    async def answer_unrouted(request: Request, error: Exception) -> Response:
        """Answer an unknown path or method with an error in the vendor's own format."""
        assert isinstance(error, HTTPException)  # noqa: S101 what Starlette registers the handler for
        found = find_api(apis, request.scope["path"])
        body = found[0].failure(error.status_code, error.detail) if found else error.detail
        return build_reply(error.status_code, body, dict(error.headers or {}))

    return Starlette(
        routes=[
            *(Mount(api.prefix, api.routes) for api in apis),
            *control.build_routes(world),
            *pages.build_routes(world),
        ],
        middleware=[Middleware(Traffic, world=world, apis=apis)],
        exception_handlers={HTTPException: answer_unrouted},
    )


_INTERCOM_CODES = {404: "not_found", 405: "method_not_allowed"}


def _build_intercom_error(status: int, message: str) -> JsonObject:
    return {"type": "error.list", "errors": [{"code": _INTERCOM_CODES.get(status, "server_error"), "message": message}]}
