"""Plain pages that show what the simulated systems hold now: no script, nothing from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse
from starlette.routing import Route

from sandbox.pages import chartmogul, views
from sandbox.pages.render import html

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from sandbox.pages.views import View
    from sandbox.world import World

PAGES: dict[str, Callable[[World, Request], View | None]] = {
    "/": views.index,
    "/pages/contacts": views.contacts,
    "/pages/contacts/{id}": views.contact,
    "/pages/companies": views.companies,
    "/pages/companies/{id}": views.company,
    "/pages/chartmogul/customers": chartmogul.customers,
    "/pages/chartmogul/customers/{id}": chartmogul.customer,
}


def routes(world: World) -> list[Route]:
    """One route a page."""
    return [Route(path, _endpoint(world, view)) for path, view in PAGES.items()]


def _endpoint(world: World, view: Callable[[World, Request], View | None]) -> Callable[[Request], object]:
    async def endpoint(request: Request) -> HTMLResponse:
        seen = view(world, request)
        status = 404 if seen is None else 200
        return HTMLResponse(html(seen or views.nothing(), world.clock.now()), status)

    return endpoint
