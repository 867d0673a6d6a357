"""Chargebee's operations on webhook endpoints: create, update, delete. The lists serve the rest.

See https://apidocs.chargebee.com/docs/api/webhook_endpoints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.business.documents.drawing import Document
from sandbox.business.events import EVENT_TYPES
from sandbox.business.tables import encode
from sandbox.chargebee.errors import RefusedError, invalid, not_found, wrong_value
from sandbox.chargebee.operators import read_boolean
from sandbox.deliveries import is_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.chargebee.lists import Params
    from sandbox.json_types import JsonObject
    from sandbox.world import World

MAX_ENDPOINTS = 5
_TABLE = "webhook_endpoints"
_EVENT = re.compile(r"enabled_events\[\d*\]")
_DEFAULTS: JsonObject = {
    "send_card_resource": False,
    "disabled": False,
    "primary_url": False,
    "api_version": "v2",
    "chargebee_response_schema_type": "compat",
    "enabled_events": [],
}


@dataclass(frozen=True)
class Operation:
    """One write: its path below the base, and the function that takes an id and the form's parameters."""

    path: str
    answer: Callable[[World, str, Params], JsonObject]

    def __call__(self, world: World, endpoint_id: str, params: Params) -> bytes:
        """Carry it out, and return the reply's body.

        Raises:
            RefusedError: a parameter is unknown or wrong, or the endpoint is not there.
        """
        return encode({"webhook_endpoint": self.answer(world, endpoint_id, params)})


def _create(world: World, _: str, params: Params) -> JsonObject:
    table = world.business.table(_TABLE)
    facts, secrets = _read_form(params, _FIELDS)
    for name in ("name", "url"):
        if name not in facts:
            raise wrong_value(name, "cannot be blank")
    if sum(not one.deleted for one in table.records) >= MAX_ENDPOINTS:
        message = f"A site has at most {MAX_ENDPOINTS} webhook endpoints."
        raise RefusedError(400, "resource_limit_exceeded", message)
    now = world.clock.now()
    endpoint = Document(
        id=f"whv2_{world.settings.seed}Zz{len(table.records):09}",
        created_at=now,
        updated_at=None,
        resource_version=None,
        kind=_TABLE,
        facts={**_DEFAULTS, **facts},
        hidden=secrets,
    )
    table.append(endpoint, now)
    return _finish(world, endpoint, facts)


def _update(world: World, endpoint_id: str, params: Params) -> JsonObject:
    endpoint = _find(world, endpoint_id)
    facts, secrets = _read_form(params, _FIELDS.keys() - {"chargebee_response_schema_type"})
    hidden = {**endpoint.hidden, **secrets}
    world.business.table(_TABLE).change(endpoint, world.clock.now(), hidden=hidden, **facts)
    return _finish(world, endpoint, facts)


def _delete(world: World, endpoint_id: str, params: Params) -> JsonObject:
    endpoint = _find(world, endpoint_id)
    _read_form(params, ())
    world.business.table(_TABLE).change(endpoint, world.clock.now(), deleted=True)
    return _finish(world, endpoint, {})


def _finish(world: World, endpoint: Document, facts: JsonObject) -> JsonObject:
    """Return an endpoint after a write, once the deliveries use its new state."""
    table = world.business.table(_TABLE)
    if facts.get("primary_url"):
        for other in table.records:
            if other is not endpoint and not other.deleted:
                table.change(other, world.clock.now(), primary_url=False)
    world.business.tell("api")
    world.chargebee_webhooks.read_endpoints()
    return table.body(endpoint)


def _find(world: World, endpoint_id: str) -> Document:
    endpoint: Document | None = world.business.table(_TABLE).get(endpoint_id)
    if endpoint is None or endpoint.deleted:
        raise not_found(f"webhook_endpoint {endpoint_id}")
    return endpoint


def _read_form(params: Params, known: Any) -> tuple[JsonObject, JsonObject]:
    """Return the values in a form: those that replies show, and the credentials, which no reply shows."""
    facts: JsonObject = {}
    for name, text in params:
        base = "enabled_events" if _EVENT.fullmatch(name) else name
        if base not in known or (base == "enabled_events") is (base == name):
            raise invalid(name, "unknown parameter")
        try:
            value = _FIELDS[base](text)
        except ValueError as error:
            raise wrong_value(name, str(error)) from error
        if base != name:
            # A blank value clears the list: an endpoint without types receives all.
            facts[base] = [*facts.get(base, []), *([value] if value else [])]
        else:
            facts[base] = value
    return facts, {name: facts.pop(name) for name in _SECRET if name in facts}


def _read_text(longest: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not text.strip():
            raise ValueError("cannot be blank")
        if len(text) > longest:
            raise ValueError(f"The length should not exceed {longest} characters")
        return text

    return read


def _read_url(text: str) -> str:
    if not is_address(_read_text(512)(text)):
        raise ValueError("invalid url")
    return text


def _read_choice(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"'{text}' is not one of {', '.join(choices)}")
        return text

    return read


_SECRET = ("basic_auth_username", "basic_auth_password")
_FIELDS: dict[str, Callable[[str], Any]] = {
    "name": _read_text(50),
    "url": _read_url,
    "api_version": _read_choice("v1", "v2"),
    "primary_url": read_boolean,
    "disabled": read_boolean,
    "send_card_resource": read_boolean,
    "basic_auth_username": str,
    "basic_auth_password": str,
    "chargebee_response_schema_type": _read_choice("plans_addons", "items", "compat"),
    "enabled_events": lambda text: text and _read_choice(*EVENT_TYPES)(text),
}
"""The fields of a form, each with the function that reads it; a ValueError means that the vendor refuses it."""
OPERATIONS = (
    Operation("/webhook_endpoints", _create),
    Operation("/webhook_endpoints/{id}", _update),
    Operation("/webhook_endpoints/{id}/delete", _delete),
)
