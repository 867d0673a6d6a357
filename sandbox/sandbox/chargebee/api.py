"""Chargebee's API v2: authentication, lists and single records over the business's tables."""

from __future__ import annotations

import base64
import binascii
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.routing import Route

from sandbox.business.tables import encode
from sandbox.chargebee.errors import RefusedError, incompatible, invalid, not_found
from sandbox.chargebee.items import item_writer
from sandbox.chargebee.line_items import read_lines_query, with_lines
from sandbox.chargebee.lists import Key, Query, known_to, page, read_query, select
from sandbox.chargebee.resources import RESOURCES, Resource
from sandbox.chargebee.views import VIEWS, View

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from starlette.requests import Request

    from sandbox.business.business import Business
    from sandbox.world import World

API_KEY = "sandbox_key"
_JSON = {"content-type": "application/json;charset=utf-8"}
_SELECTIONS = 32
"""So many selections are remembered, for as long as their table does not change."""


def routes(world: World) -> list[Route]:
    """The routes of the API, below its base."""
    server = Server(world)
    made = [Route(view.path, _guarded(server.view(view)), methods=["GET"]) for view in VIEWS]
    for resource in RESOURCES:
        made.append(Route(f"/{resource.path}", _guarded(server.list_of(resource)), methods=["GET"]))
        if resource.retrieved:
            made.append(Route(f"/{resource.path}/{{id}}", _guarded(server.one_of(resource)), methods=["GET"]))
    return made


def admits(world: World) -> Callable[[str], AbstractContextManager[Response | None]]:
    """What lets a call in, or gives the refusal of one that is more than the limits allow."""

    @contextmanager
    def admit(method: str) -> Iterator[Response | None]:
        with world.chargebee_limits.admit(method) as refusal:
            yield refusal and Response(encode(refusal[0].body()), refusal[0].status, {**_JSON, **refusal[1]})

    return admit


class Server:
    """Answers out of a world; remembers selections, so that paging through a list does not filter it again."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._business: Business | None = None
        self._selections: dict[tuple[str, str, int, int], list[Key]] = {}

    def view(self, view: View) -> Callable[[Request], bytes]:
        """A retrieval that is neither a list nor a record by its id."""
        return lambda request: view(self._world, _params(request), request.path_params.get("id", ""))

    def list_of(self, resource: Resource) -> Callable[[Request], bytes]:
        """The list operation of a resource; it lags behind the truth as the settings say."""

        def answer(request: Request) -> bytes:
            world = self._world
            self._hold_to_catalog(resource)
            parent_id = self._parent(resource, request)
            query = read_query(self._asked(resource, request), resource, world.settings.catalog, parent_id)
            at = world.clock.now() - world.settings.list_lag
            records = world.business.table(resource.table).seen(at)
            found, offset = page(self._selection(resource, records, query, at), query)
            item = item_writer(world.business, resource, lambda name: world.business.table(name).seen(at))
            items = b",".join([item(records[row]) for _, row in found])
            tail = b"" if offset is None else b',"next_offset":' + encode(offset)
            return b'{"list":[' + items + b"]" + tail + b"}"

        return answer

    def one_of(self, resource: Resource) -> Callable[[Request], bytes]:
        """The retrieval of one record, always as it is now; a deleted one is not found."""

        def answer(request: Request) -> bytes:
            self._hold_to_catalog(resource)
            params = _params(request)
            if not resource.lined:
                _none_of(params)
            start, limit = read_lines_query(params) if params else (0, 0)
            record = self._live(resource.table, resource.object, request.path_params["id"])
            business = self._world.business
            if params:
                body = business.table(resource.table).body(record)
                return encode({resource.object: with_lines(body, business.line_items(record), start, limit)})
            return item_writer(business, resource, lambda name: business.table(name).records)(record)

        return answer

    def _asked(self, resource: Resource, request: Request) -> list[tuple[str, str]]:
        """A list's parameters; those only that it documents where the site ignores others."""
        params, settings = _params(request), self._world.settings
        return params if settings.chargebee_refuse_unknown_parameters else known_to(params, resource, settings.catalog)

    def _hold_to_catalog(self, resource: Resource) -> None:
        if self._world.settings.catalog not in resource.catalogs:
            raise incompatible(f"/{resource.path}")

    def _parent(self, resource: Resource, request: Request) -> str | None:
        """The id of the record that a child's list is of; None for a list that is nobody's child."""
        if resource.parent is None:
            return None
        parent: str = self._live(resource.parent, resource.parent.removesuffix("s"), request.path_params["id"]).id
        return parent

    def _live(self, table: str, what: str, record_id: str) -> Any:
        record = self._world.business.table(table).get(record_id)
        if record is None or record.deleted:
            raise not_found(f"{what} {record_id}")
        return record

    def _selection(self, resource: Resource, records: Sequence[Any], query: Query, at: int) -> list[Key]:
        """The selected keys; remembered while the business is the same and its table as it was."""
        business = self._world.business
        if self._business is not business:
            self._business = business
            self._selections.clear()
        table = business.table(resource.table)
        asked = (resource.path, query.fingerprint, table.version, at)
        if asked not in self._selections:
            while len(self._selections) >= _SELECTIONS:
                del self._selections[next(iter(self._selections))]
            self._selections[asked] = select(records, query, table.value)
        return self._selections[asked]


def _guarded(answer: Callable[[Request], bytes]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that lets only the right key in, and words a refusal."""

    async def endpoint(request: Request) -> Response:
        try:
            _authenticate(request.headers.get("authorization", ""))
            return Response(answer(request), headers=_JSON)
        except RefusedError as refusal:
            return Response(encode(refusal.body()), refusal.status, _JSON)

    return endpoint


def _authenticate(header: str) -> None:
    """HTTP Basic: the key is the user, the password is empty."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        raise RefusedError(401, "basic_authentication_failed", "Sorry, authentication failed. No API key was given.")
    try:
        credentials = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise RefusedError(401, "basic_authentication_failed", "Sorry, authentication failed.") from error
    if credentials != f"{API_KEY}:":
        raise RefusedError(401, "api_authentication_failed", "Sorry, authentication failed. Invalid API key.")


def _params(request: Request) -> list[tuple[str, str]]:
    return parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _none_of(params: Sequence[tuple[str, str]]) -> None:
    for name, _ in params:
        raise invalid(name, "unknown parameter")
