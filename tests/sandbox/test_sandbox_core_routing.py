"""Routes in groups by the first part of their path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sandbox.chargebee import api as chargebee
from sandbox.chartmogul import api as chartmogul
from sandbox.intercom import api as intercom
from sandbox.routing import GroupedRoutes
from sandbox.settings import Settings

from sandbox import world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import Route

WORLD = world.World(Settings(customers=1))
ROUTES = {
    "chargebee": chargebee.build_routes(WORLD),
    "intercom": intercom.make_routes(WORLD),
    "chartmogul": chartmogul.build_routes(WORLD),
}
ODD = ["", "/", "//", "//customers", "/{path:path}", "/customers/", "/nothing", "/nothing/at/all", "/%2Fcontacts"]


@pytest.mark.parametrize("api", ROUTES)
def test_a_group_has_every_route_that_matches(api: str) -> None:
    """For any path, the routes of its group that match are those of the whole list, in the same order."""
    routes = ROUTES[api]
    grouped = GroupedRoutes(routes)
    for path in [*ODD, *(route.path for route in routes)]:
        assert find_matching(grouped.find_group(path), path) == find_matching(routes, path)
    assert max(len(grouped.find_group(route.path)) for route in routes) < len(routes)


def find_matching(routes: Sequence[Route], path: str) -> list[Route]:
    """Return the routes that match a path."""
    return [route for route in routes if route.path_regex.match(path)]
