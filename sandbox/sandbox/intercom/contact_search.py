"""Pages of contacts: `GET /contacts` and `POST /contacts/search`, both by cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.intercom import answers, shapes
from sandbox.intercom.finding import Finder
from sandbox.intercom.paging import Ask, Found, whole_number
from sandbox.intercom.search import CUSTOM, equality_fields

if TYPE_CHECKING:
    from sandbox.intercom.contacts import Contact, Contacts
    from sandbox.intercom.operations import Call

LIST_PAGE, SEARCH_PAGE, MAX_PAGE = 10, 50, 150
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
    """A page of the contacts that match a query; dates are cut to days."""
    for field in equality_fields(FINDER.query(call)):
        if field.startswith(CUSTOM):
            call.workspace.contacts.index_custom(field)
    return _answer(call, FINDER.search(call))


def _answer(call: Call, found: Found[Contact]) -> dict[str, Any]:
    return shapes.listed((answers.contact(call, one) for one in found.records), found.total, found.pages)


def _store(call: Call) -> Contacts:
    return call.workspace.contacts


def _kind_of(call: Call, field: str) -> str | None:
    if not field.startswith(CUSTOM):
        return FIELDS.get(field)
    found = call.workspace.attributes.get("contact", field.removeprefix(CUSTOM))
    return found.data_type if found else None


def _ignore_case(call: Call) -> frozenset[str]:
    return frozenset({"email"} if call.workspace.settings.email_search_ignores_case else ())


FINDER = Finder(_store, _kind_of, (SEARCH_PAGE, MAX_PAGE), _ignore_case)
