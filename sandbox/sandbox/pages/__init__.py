"""Plain pages that show the data of the simulated systems, without scripts or resources of other hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse
from starlette.routing import Route

from sandbox.pages import chartmogul, views
from sandbox.pages.render import render_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from sandbox.pages.views import View
    from sandbox.world import World

PAGES: dict[str, Callable[[World, Request], View | None]] = {
    "/": views.show_index,
    "/pages/contacts": views.show_contacts,
    "/pages/contacts/{id}": views.show_contact,
    "/pages/companies": views.show_companies,
    "/pages/companies/{id}": views.show_company,
    "/pages/chartmogul/customers": chartmogul.show_customers,
    "/pages/chartmogul/customers/{id}": chartmogul.show_customer,
}


def build_routes(world: World) -> list[Route]:
    """Return one route per page."""
    return [Route(path, _build_endpoint(world, view)) for path, view in PAGES.items()]


def _build_endpoint(world: World, view: Callable[[World, Request], View | None]) -> Callable[[Request], object]:
    async def endpoint(request: Request) -> HTMLResponse:
        seen = view(world, request)
        status = 404 if seen is None else 200
        return HTMLResponse(render_page(seen or views.show_nothing(), world.clock.now()), status)

    return endpoint
