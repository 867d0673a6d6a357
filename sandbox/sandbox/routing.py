"""Routes in groups by the first part of their path: Starlette tries one route after the other for each request."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from starlette.routing import Router

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import Route
    from starlette.types import Receive, Scope, Send


def find_first_part(path: str) -> str:
    """Return what stands between the first slash of a path and the second."""
    return path.lstrip("/").partition("/")[0]


class GroupedRoutes:
    """The routes of an API, and an ASGI application that serves them as one ``Router`` of all of them would."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = routes
        # A first part such as `{path:path}` stands for any text, so its route belongs to every group, in its place.
        self._for_any = [route for route in routes if find_first_part(route.path).startswith("{")]
        parts = {find_first_part(route.path) for route in routes}
        self._groups = {
            part: [route for route in routes if route in self._for_any or find_first_part(route.path) == part]
            for part in parts
        }

    def find_group(self, path: str) -> Sequence[Route]:
        """Return the routes that can match a path, in their order."""
        return self._groups.get(find_first_part(path), self._for_any)

    @cached_property
    def _routers(self) -> dict[str, Router]:
        return {part: Router(group, redirect_slashes=False) for part, group in self._groups.items()}

    @cached_property
    def _router_for_any(self) -> Router:
        return Router(self._for_any, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request with the router of its group."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        router = self._routers.get(find_first_part(path), self._router_for_any)
        await router(scope, receive, send)
