"""Pages of contacts: `GET /contacts` and `POST /contacts/search`, both by cursor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.intercom import answers, shapes
from sandbox.intercom.errors import Refusal, invalid_field, parameter_invalid, parameter_missing
from sandbox.intercom.paging import Ask, Found, Order, whole_number
from sandbox.intercom.search import CUSTOM, Rules, equality_fields, parse

if TYPE_CHECKING:
    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.operations import Call

LIST_PAGE, SEARCH_PAGE, MAX_PAGE = 10, 50, 150
ORDERS = {"ascending": False, "descending": True}
FIELDS = (
    dict.fromkeys((
        "id", "role", "name", "avatar", "email", "email_domain", "phone", "formatted_phone", "external_id",
        "language_override", "browser", "browser_language", "os",
        "location.country", "location.region", "location.city",
    ), "string")
    | dict.fromkeys((
        "created_at", "signed_up_at", "updated_at", "last_seen_at", "last_contacted_at", "last_replied_at",
        "last_email_opened_at", "last_email_clicked_at",
    ), "date")
    | dict.fromkeys(("unsubscribed_from_emails", "marked_email_as_spam", "has_hard_bounced"), "boolean")
    | {"owner_id": "integer", "tag_id": "tag", "segment_id": "tag"}
)  # fmt: skip


def listed(call: Call) -> dict[str, Any]:
    """A page of all contacts, newest first."""
    per_page = whole_number(call.query.get("per_page"), "per_page", LIST_PAGE, MAX_PAGE)
    return _answer(call, call.workspace.contacts.listed(Ask(per_page, call.query.get("starting_after"))))


def search(call: Call) -> dict[str, Any]:
    """A page of the contacts that match a query; `pagination.page` has no effect."""
    body = call.known("query", "pagination", "sort")
    if body.get("query") is None:
        raise parameter_missing("query not specified")
    query = parse(body["query"], _rules(call))
    for field in equality_fields(query):
        if field.startswith(CUSTOM):
            call.workspace.contacts.index_custom(field)
    name = json.dumps(body["query"], sort_keys=True)
    return _answer(call, call.workspace.contacts.search(query, name, _ask(call), call.now))


def _ask(call: Call) -> Ask:
    pagination = _object(call.body, "pagination")
    per_page = whole_number(pagination.get("per_page"), "per_page", SEARCH_PAGE, MAX_PAGE)
    return Ask(per_page, pagination.get("starting_after"), _order(call, _object(call.body, "sort")))


def _answer(call: Call, found: Found[Contact]) -> dict[str, Any]:
    return shapes.listed((answers.contact(call, one) for one in found.records), found.total, found.pages)


def _rules(call: Call) -> Rules:
    settings = call.workspace.settings
    return Rules(
        type_of=lambda field: _type_of(call, field),
        zone=call.workspace.zone,
        max_in_values=settings.max_in_values,
        ignore_case=frozenset({"email"} if settings.email_search_ignores_case else ()),
    )


def _type_of(call: Call, field: str) -> str | None:
    if not field.startswith(CUSTOM):
        return FIELDS.get(field)
    found = call.workspace.attributes.get("contact", field.removeprefix(CUSTOM))
    return found.data_type if found else None


def _order(call: Call, sort: dict[str, Any]) -> Order:
    field, order = sort.get("field", "created_at"), sort.get("order", "descending")
    if order not in ORDERS:
        raise Refusal(400, "invalid_sort_order", "sort order must be ascending or descending")
    if not isinstance(field, str) or _type_of(call, field) in (None, "tag"):
        raise invalid_field(field)
    return Order(field, ORDERS[order])


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict | None):
        raise parameter_invalid(f"{name} must be an object", name)
    return value or {}
