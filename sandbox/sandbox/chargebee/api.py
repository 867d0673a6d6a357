"""Chargebee's API v2: authentication, lists and single records over the business's tables; its webhook endpoints."""

from __future__ import annotations

import base64
import binascii
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.routing import Route

from sandbox.business.entities import find_entity, list_entities
from sandbox.business.tables import encode
from sandbox.chargebee.endpoints import OPERATIONS, Operation
from sandbox.chargebee.errors import RefusedError, incompatible, invalid, not_found, wrong_value
from sandbox.chargebee.items import build_item_writer
from sandbox.chargebee.lists import (
    Key,
    Params,
    Query,
    cut_page,
    drop_unknown,
    read_lines_query,
    read_query,
    select_keys,
    show_lines_page,
)
from sandbox.chargebee.resources import RESOURCES, Resource
from sandbox.chargebee.views import VIEWS, View

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from starlette.requests import Request

    from sandbox.business.business import Business
    from sandbox.world import World

    Answer = Callable[[Request, Params], bytes]
    """A function that builds a reply's body from a request and its query parameters."""

ENTITY_HEADER = "chargebee-business-entity-id"
API_KEY = "sandbox_key"
READ_ONLY_KEY = "sandbox_read_only_key"
_JSON = {"content-type": "application/json;charset=utf-8"}
_MAX_SELECTIONS = 32
"""The number of selections that are cached until their table changes."""


def build_routes(world: World) -> list[Route]:
    """Return the routes of the API, below its base."""
    server = Server(world)
    answers = [(view.path, server.serve_view(view)) for view in VIEWS]
    for resource in RESOURCES:
        answers.append((f"/{resource.path}", server.serve_list(resource)))
        if resource.retrieved:
            answers.append((f"/{resource.path}/{{id}}", server.serve_record(resource)))
    reads = [Route(path, _build_endpoint(answer), methods=["GET"]) for path, answer in answers]
    return [*reads, *(Route(one.path, _build_writing_endpoint(world, one), methods=["POST"]) for one in OPERATIONS)]


def build_admission(world: World) -> Callable[[str], AbstractContextManager[Response | None]]:
    """Return a function that admits a call, or returns the refusal of one over the limits."""

    @contextmanager
    def admit(method: str) -> Iterator[Response | None]:
        with world.chargebee_limits.admit(method) as refusal:
            yield refusal and Response(encode(refusal[0].body()), refusal[0].status, {**_JSON, **refusal[1]})

    return admit


class Server:
    """Answers requests from a world; caches selections, so that paging does not filter a list again."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._business: Business | None = None
        self._selections: dict[tuple[str, str, int, int, str], list[Key]] = {}

    def serve_view(self, view: View) -> Answer:
        """Return a retrieval that is neither a list nor a record by its id."""
        return lambda request, params: view(self._world, params, request.path_params.get("id", ""))

    def serve_list(self, resource: Resource) -> Answer:
        """Return the list operation of a resource; it lags behind writes by `list_lag` seconds."""

        def answer(request: Request, params: Params) -> bytes:
            world, settings = self._world, self._world.settings
            world.chargebee_webhooks.note_outcomes()
            self._check_catalog(resource)
            parent_id = None
            if resource.parent is not None:
                what = resource.parent.removesuffix("s")
                parent_id = self._find_live(resource.parent, what, request.path_params["id"]).id
            if not settings.chargebee_refuse_unknown_parameters:
                params = drop_unknown(params, resource, settings.catalog)
            query = read_query(params, resource, settings.catalog, parent_id)
            at = world.clock.now() - settings.list_lag
            records = world.business.table(resource.table).seen(at)
            page, offset = cut_page(self._select(resource, records, query, at, self._read_entity(request)), query)
            write = build_item_writer(world.business, resource, lambda name: world.business.table(name).seen(at))
            items = b",".join([write(records[row]) for _, row in page])
            tail = b"" if offset is None else b',"next_offset":' + encode(offset)
            return b'{"list":[' + items + b"]" + tail + b"}"

        return answer

    def serve_record(self, resource: Resource) -> Answer:
        """Return the retrieval of one record, which never lags; a deleted record is a 404."""

        def answer(request: Request, params: Params) -> bytes:
            self._check_catalog(resource)
            if params and not resource.lined:
                raise invalid(params[0][0], "unknown parameter")
            self._world.chargebee_webhooks.note_outcomes()
            start, limit = read_lines_query(params)
            record = self._find_live(resource.table, resource.object, request.path_params["id"])
            business = self._world.business
            if not self._is_of_entity(record, self._read_entity(request)):
                raise not_found(f"{resource.object} {record.id}")
            if params:
                body = business.table(resource.table).body(record)
                return encode({resource.object: show_lines_page(body, business.line_items(record), start, limit)})
            return build_item_writer(business, resource, lambda name: business.table(name).records)(record)

        return answer

    def _check_catalog(self, resource: Resource) -> None:
        if self._world.settings.catalog not in resource.catalogs:
            raise incompatible(f"/{resource.path}")

    def _find_live(self, table: str, what: str, record_id: str) -> Any:
        record = self._world.business.table(table).get(record_id)
        if record is None or record.deleted:
            raise not_found(f"{what} {record_id}")
        return record

    def _read_entity(self, request: Request) -> str:
        """Return the business entity that the request is restricted to; empty for the whole site.

        Raises:
            RefusedError: the site has no such business entity.
        """
        settings = self._world.settings
        entity = request.headers.get(ENTITY_HEADER, "") if settings.chargebee_entity_header else ""
        if entity and entity not in list_entities(settings.business_entities):
            raise wrong_value(ENTITY_HEADER, f"there is no business entity {entity}")
        return entity

    def _is_of_entity(self, record: Any, entity: str) -> bool:
        """Return whether a record shows in the context of a business entity: its own, and those of the whole site."""
        return not entity or find_entity(record, self._world.settings.business_entities) in (None, entity)

    def _select(self, resource: Resource, records: Sequence[Any], query: Query, at: int, entity: str) -> list[Key]:
        """Return the selected keys, cached until the business or its table changes."""
        business = self._world.business
        if self._business is not business:
            self._business = business
            self._selections.clear()
        table = business.table(resource.table)
        name = (resource.path, query.fingerprint, table.version, at, entity)
        if name not in self._selections:
            while len(self._selections) >= _MAX_SELECTIONS:
                del self._selections[next(iter(self._selections))]
            shown = [record if record and self._is_of_entity(record, entity) else None for record in records]
            self._selections[name] = select_keys(shown if entity else records, query, table.value)
        return self._selections[name]


def _build_endpoint(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that checks the key and answers refusals in the vendor's shape."""

    async def endpoint(request: Request) -> Response:
        try:
            _authenticate(request.headers.get("authorization", ""))
            params = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
            return Response(answer(request, params), headers=_JSON)
        except RefusedError as refusal:
            return Response(encode(refusal.body()), refusal.status, _JSON)

    return endpoint


def _build_writing_endpoint(world: World, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that checks the key, reads a form and answers refusals in the vendor's shape."""

    async def endpoint(request: Request) -> Response:
        try:
            _authenticate(request.headers.get("authorization", ""), API_KEY)
            params = _read_form(request.headers.get("content-type", ""), await request.body())
            silent = request.headers.get("chargebee-event-webhook") == "all-disabled"
            with world.chargebee_webhooks.suppress() if silent else nullcontext():
                body = operation(world, request.path_params.get("id", ""), params)
            return Response(body, headers=_JSON)
        except RefusedError as refusal:
            return Response(encode(refusal.body()), refusal.status, _JSON)

    return endpoint


def _read_form(content_type: str, body: bytes) -> Params:
    if body and content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise RefusedError(415, "unsupported_content_type", "The body must be form encoded.")
    return parse_qsl(body.decode("latin-1"), keep_blank_values=True)


def _authenticate(header: str, *keys: str) -> None:
    """Check HTTP Basic credentials: the key is the user, the password is empty; without keys both may read."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        raise RefusedError(401, "basic_authentication_failed", "Sorry, authentication failed. No API key was given.")
    try:
        credentials = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise RefusedError(401, "basic_authentication_failed", "Sorry, authentication failed.") from error
    key, _, password = credentials.partition(":")
    if key not in (API_KEY, READ_ONLY_KEY) or password:
        raise RefusedError(401, "api_authentication_failed", "Sorry, authentication failed. Invalid API key.")
    if keys and key not in keys:
        raise RefusedError(403, "api_authorization_failed", "The API key does not have the permission for this call.")
