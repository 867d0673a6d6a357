"""The operations on contacts, https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts."""

from __future__ import annotations

from typing import Any

from sandbox.intercom import answers, bodies, contact_search, merging, shapes
from sandbox.intercom.errors import Refusal, contact_merged, not_restorable, parameter_invalid, parameter_missing
from sandbox.intercom.operations import Call, Operation

LINKS_PAGE = (50, 60)
MERGES_KNOWN = (2, 16)
"""Since this version a merged contact says where it lives on, and only duplicates are merged."""


def create(call: Call) -> dict[str, Any]:
    """A new user or lead; 409 when the user exists."""
    values = _values(call, None)
    if not values.keys() & {"role", "email", "external_id"}:
        raise parameter_missing("email, external_id or role must be specified")
    document = call.workspace.new_contact({"role": "user", **values}, call.now)
    return answers.contact(call, call.workspace.contacts.create(document, "API"))


def get(call: Call) -> dict[str, Any]:
    """One contact; of a merged one, since 2.16, where it lives on."""
    survivor = call.workspace.contacts.survivor(call.path["id"])
    if survivor and call.version >= MERGES_KNOWN:
        raise contact_merged(survivor)
    return answers.contact(call, call.workspace.contacts.get(call.path["id"]))


def find_by_external_id(call: Call) -> dict[str, Any]:
    """The user with this external id."""
    return answers.contact(call, call.workspace.contacts.user_by_external_id(call.path["external_id"]))


def update(call: Call) -> dict[str, Any]:
    """Change what is sent and leave the rest; its role makes a lead a user."""
    contact = call.workspace.contacts.get(call.path["id"])
    values = _values(call, contact.document["role"])
    call.workspace.contacts.update(contact, values, call.now, "API")
    return answers.contact(call, contact)


def archive(call: Call) -> dict[str, Any]:
    """Hide a contact from lists and searches."""
    call.known()
    contact = call.workspace.contacts.get(call.path["id"])
    call.workspace.set_archived(contact, archived=True, source="API")
    return shapes.stub(contact, archived=True)


def unarchive(call: Call) -> dict[str, Any]:
    """Bring an archived contact back, unless it was merged."""
    call.known()
    if call.workspace.contacts.survivor(call.path["id"]):
        raise not_restorable()
    contact = call.workspace.contacts.get_any(call.path["id"])
    if contact.archived:
        call.workspace.set_archived(contact, archived=False, source="API")
    return shapes.stub(contact, archived=False)


def block(call: Call) -> dict[str, Any]:
    """Block a contact, which archives it."""
    call.known()
    contact = call.workspace.contacts.get(call.path["id"])
    call.workspace.set_archived(contact, archived=True, source="API")
    return shapes.stub(contact, blocked=True)


def merge(call: Call) -> dict[str, Any]:
    """Merge a lead into a user; the answer is the user."""
    body = call.known("from", "into", *(["skip_duplicate_validation"] if call.version >= MERGES_KNOWN else []))
    for name in ("from", "into"):
        if not isinstance(body.get(name), str):
            raise parameter_missing(f"{name} not specified")
    lead, user = (call.workspace.contacts.get(body[name]) for name in ("from", "into"))
    checked = call.version >= MERGES_KNOWN and body.get("skip_duplicate_validation") is not True
    if checked and not lead.is_user and user.is_user and not merging.are_duplicates(lead, user):
        raise Refusal(400, "invalid_merge", "The contacts are not duplicates")
    merging.merge(call.workspace, lead, user, call.now, "API")
    return answers.contact(call, user)


def delete(call: Call) -> dict[str, Any]:
    """Remove a contact for ever."""
    contact = call.workspace.contacts.get_any(call.path["id"])
    call.workspace.delete_contact(contact)
    return shapes.stub(contact, deleted=True)


def companies(call: Call) -> dict[str, Any]:
    """A page of the companies a contact is attached to."""
    contact = call.workspace.contacts.get(call.path["id"])
    found = call.workspace.companies_of(contact)
    return answers.numbered_page(call, f"/contacts/{contact.id}/companies", found, answers.company, LINKS_PAGE)


def attach(call: Call) -> dict[str, Any]:
    """Attach a contact to a company, named by Intercom's id."""
    contact = call.workspace.contacts.get(call.path["id"])
    company_id = call.known("id").get("id")
    if not isinstance(company_id, str) or not company_id:
        raise Refusal(400, "parameter_not_found", "company not specified")
    company = call.workspace.companies.get(company_id)
    call.workspace.attach(contact, company, call.now, "API")
    return answers.company(call, company)


def detach(call: Call) -> dict[str, Any]:
    """Detach a contact from a company."""
    contact = call.workspace.contacts.get(call.path["id"])
    company = call.workspace.companies.get(call.path["company_id"])
    call.workspace.detach(contact, company, call.now, "API")
    return answers.company(call, company)


def _values(call: Call, held_role: str | None) -> dict[str, Any]:
    """The body as document fields; `held_role` is None for a contact that is not there yet."""
    settings = call.workspace.settings
    values = bodies.checked(call.body, bodies.CONTACT, call.version, strict=settings.refuse_unknown_fields)
    role = values.get("role") or held_role or "user"
    if held_role == "user" and role == "lead":
        raise parameter_invalid("role of a user cannot be changed to lead", "role")
    return bodies.contact_values(values, call.workspace.attributes, role, leads_take_null=settings.leads_take_null)


OPERATIONS = (
    Operation("GET", "/contacts", contact_search.listed, frozenset({"per_page", "starting_after"})),
    Operation("POST", "/contacts", create),
    Operation("POST", "/contacts/merge", merge),
    Operation("POST", "/contacts/search", contact_search.search),
    Operation("GET", "/contacts/find_by_external_id/{external_id}", find_by_external_id, since=(2, 13)),
    Operation("GET", "/contacts/{id}", get),
    Operation("PUT", "/contacts/{id}", update),
    Operation("DELETE", "/contacts/{id}", delete),
    Operation("POST", "/contacts/{id}/archive", archive),
    Operation("POST", "/contacts/{id}/unarchive", unarchive),
    Operation("POST", "/contacts/{id}/block", block, since=(2, 14)),
    Operation("GET", "/contacts/{id}/companies", companies, frozenset({"page", "per_page"})),
    Operation("POST", "/contacts/{id}/companies", attach),
    Operation("DELETE", "/contacts/{id}/companies/{company_id}", detach),
)
