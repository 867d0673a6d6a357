"""Every write and search of Intercom refuses an unknown field at any depth of the body."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.intercom.api import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.conftest import IntercomCaller

NEWEST = {"Intercom-Version": "2.16"}
MORE = {"shoe_size": 44}
QUERY = {
    "query": {
        "operator": "AND",
        "value": [
            {"field": "id", "operator": "!=", "value": "0"},
            {"operator": "OR", "value": [{"field": "updated_at", "operator": ">", "value": 1}]},
        ],
    },
    "pagination": {"per_page": 5, "starting_after": None, "page": 2},
    "sort": {"field": "updated_at", "order": "ascending"},
}
OPTIONS = {"name": "Colour", "model": "contact", "data_type": "options", "options": [{"value": "a"}, {"value": "b"}]}
BODIES: dict[str, dict[str, Any]] = {
    "POST /contacts": {"role": "user", "external_id": "new", "custom_attributes": {"nps_score": 3}},
    "POST /contacts/merge": {"from": "<lead>", "into": "<user>", "skip_duplicate_validation": True},
    "POST /contacts/search": QUERY,
    "PUT /contacts/{id}": {"name": "Ada", "custom_attributes": {"nps_score": 3}},
    "DELETE /contacts/{id}": {},
    "POST /contacts/{id}/archive": {},
    "POST /contacts/{id}/unarchive": {},
    "POST /contacts/{id}/companies": {"id": "<company>"},
    "DELETE /contacts/{id}/companies/{company_id}": {},
    "POST /companies": {"company_id": "new", "custom_attributes": {"account_tier": "gold"}},
    "POST /companies/list": {},
    "PUT /companies/{id}": {"name": "Acorn", "custom_attributes": {"account_tier": "gold"}},
    "DELETE /companies/{id}": {},
    "POST /companies/{id}/notes": {"body": "Hello"},
    "POST /tags": {"name": "New"},
    "DELETE /tags/{id}": {},
    "POST /contacts/{id}/tags": {"id": "<tag>"},
    "DELETE /contacts/{id}/tags/{tag_id}": {},
    "POST /contacts/{id}/notes": {"body": "Hello"},
    "POST /conversations": {"from": {"type": "user", "id": "<user>"}, "body": "Hello"},
    "POST /conversations/search": QUERY,
    "POST /conversations/{id}/parts": {"message_type": "close", "type": "admin", "admin_id": "991267"},
    "POST /tickets": {
        "ticket_type_id": "<ticket type>", "contacts": [{"id": "<user>"}],
        "ticket_attributes": {"_default_title_": "New"},
    },
    "POST /tickets/search": QUERY,
    "POST /data_attributes": OPTIONS,
    "PUT /data_attributes/{id}": {"options": [{"value": "a"}, {"value": "b"}]},
    "POST /events": {"event_name": "charged", "created_at": 1768478400, "id": "<user>"},
    "POST /custom_object_instances/{type}": {"external_id": "s2", "custom_attributes": {"plan": "pro"}},
    "DELETE /custom_object_instances/{type}": {},
    "DELETE /custom_object_instances/{type}/{id}": {},
}  # fmt: skip
"""For each operation, a body that succeeds; words in angle brackets stand for ids."""
QUERIES = {"DELETE /custom_object_instances/{type}": "?external_id=s1"}
"""The query of an operation that has one."""
WRITES = {f"{one.method} {one.path}": one for one in OPERATIONS if one.method != "GET"}
LOOSE = {"POST /companies", "PUT /companies/{id}"}
"""Operations that refuse unknown fields whatever refuse_unknown_fields says."""
OPEN = ("custom_attributes", "ticket_attributes")
"""Objects whose keys the workspace defines: an undefined key is refused whatever the switch says."""


def ids(workspace: Any) -> dict[str, str]:
    """Return ids of existing records by the placeholder that stands for each."""
    linked = next(one for one in workspace.contacts.live() if one.companies and one.is_user)
    tag = workspace.library.list_ids("tags")[0]
    return {
        "<user>": linked.id, "<lead>": next(one.id for one in workspace.contacts.live() if not one.is_user),
        "<company>": next(iter(linked.companies)), "<tag>": tag,
        "<ticket type>": workspace.library.list_documents("ticket_types")[0]["id"],
        "contacts": linked.id, "companies": next(iter(linked.companies)), "tags": tag,
        "conversations": next(workspace.conversations.live()).id, "tickets": next(workspace.tickets.live()).id,
        "type": "Subscription", "id": "1",
        "data_attributes": "1", "company_id": next(iter(linked.companies)), "tag_id": tag,
    }  # fmt: skip


def filled(value: Any, known: dict[str, str]) -> Any:
    """Return the body with placeholders in angle brackets replaced by ids."""
    if isinstance(value, dict):
        return {name: filled(one, known) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, known) for one in value]
    return known[value] if isinstance(value, str) and value.startswith("<") else value


def objects(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each object in a body."""
    if isinstance(value, dict):
        yield path
    for name, one in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from objects(one, (*path, name))


def with_more(body: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """Return a copy of the body with one unknown field in the object at this path."""
    found = changed = deepcopy(body)
    for name in path:
        found = found[name]
    found.update(MORE)
    return changed


def call_of(operation: str, known: dict[str, str]) -> str:
    """Return the operation with its placeholders replaced by ids."""
    path = re.sub(r"/(\w+)/\{id\}", lambda found: f"/{found[1]}/{known[found[1]]}", operation)
    return re.sub(r"\{(\w+)\}", lambda found: known[found[1]], path) + QUERIES.get(operation, "")


def begin(intercom: IntercomCaller, **settings: Any) -> None:
    """Begin a workspace of 200 customers with an instance of a custom object."""
    intercom.sandbox.reset(customers=200, rate_limit_per_window=10**9, **settings)
    intercom.sandbox.object_type("Subscription", {"plan": "string"})
    intercom.ok("POST /custom_object_instances/Subscription", {"external_id": "s1"})


@pytest.fixture
def lively(intercom: IntercomCaller) -> IntercomCaller:
    """Return a workspace of 200 customers, which has records of every kind."""
    begin(intercom)
    return intercom


def test_every_write_and_search_has_a_row() -> None:
    """Every write and search has a row in the table."""
    assert set(BODIES) == set(WRITES)


@pytest.mark.parametrize("operation", BODIES)
def test_a_field_more_is_refused_at_any_depth(lively: IntercomCaller, operation: str) -> None:
    """An unknown field in any object of the body is a 400; without it the same body succeeds."""
    known = ids(lively.workspace)
    call, body = call_of(operation, known), filled(BODIES[operation], known)
    for path in objects(body):
        refused = lively(call, with_more(body, path), **NEWEST)
        code, word = ("parameter_invalid", "") if path and path[-1] in OPEN else ("bad_request", "shoe_size")
        if "users" in path:
            code, word = "parameter_invalid", "invalid tag parameters"
        error = refused.json()["errors"][0]
        assert (refused.status_code, error["code"], word in error["message"]) == (400, code, True), path
    assert lively(call, body, **NEWEST).status_code == WRITES[operation].status


@pytest.mark.parametrize("operation", BODIES)
def test_a_field_more_is_ignored_with_the_switch(lively: IntercomCaller, operation: str) -> None:
    """With the switch, unknown fields are ignored, except in companies, own attributes and a tag's users."""
    begin(lively, refuse_unknown_fields=False)
    known = ids(lively.workspace)
    call, body = call_of(operation, known), filled(BODIES[operation], known)
    for path in objects(body):
        if operation not in LOOSE and not {*OPEN, "users"} & {*path}:
            body = with_more(body, path)
    assert lively(call, body, **NEWEST).status_code == WRITES[operation].status


@pytest.mark.parametrize("operator", ["LIKE", "", None, 7, [], {}, "and", "==", True], ids=repr)
@pytest.mark.parametrize("path", ["contacts", "conversations", "tickets"])
def test_an_operator_that_there_is_not_is_refused(seeded: IntercomCaller, path: str, operator: Any) -> None:
    """An unknown operator is refused both in a filter and in a group."""
    leaf = {"field": "updated_at", "operator": operator, "value": 1}
    for query in (leaf, {"operator": "AND", "value": [leaf]}, {"operator": operator, "value": [QUERY["query"]]}):
        assert seeded.refused(f"POST /{path}/search", {"query": query})[0] == 400


@pytest.mark.parametrize("field", ["shoe_size", "", None, 7, [], "custom_attributes.none", "created_at.day"], ids=repr)
@pytest.mark.parametrize("path", ["contacts", "conversations", "tickets"])
def test_a_field_that_cannot_be_searched_is_refused(seeded: IntercomCaller, path: str, field: Any) -> None:
    """An unknown field is refused both in a filter and as a sort field."""
    query = {"field": field, "operator": "=", "value": "1"}
    assert seeded.refused(f"POST /{path}/search", {"query": query})[0] == 400
    sort = {"query": QUERY["query"], "sort": {"field": field}}
    assert seeded.refused(f"POST /{path}/search", sort)[0] == 400


def test_a_field_that_is_ignored_is_not_kept(intercom: IntercomCaller) -> None:
    """Ignored fields of an update are not stored: a contact keeps its id and its tags."""
    intercom.sandbox.reset(customers=0, refuse_unknown_fields=False)
    user = intercom.user(external_id="u1")
    more = {"name": "New", "id": "7", "at": 5, "tags": ["1"], "shoe_size": 44}
    changed = intercom.ok(f"PUT /contacts/{user}", more)
    assert {name: changed[name] for name in ("id", "name", "updated_at")} == {
        "id": user, "name": "New", "updated_at": 1768478400,
    }  # fmt: skip
    assert changed["tags"]["data"] == []
    assert "shoe_size" not in changed
