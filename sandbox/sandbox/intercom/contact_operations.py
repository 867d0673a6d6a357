"""The operations on contacts, https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.intercom import bodies
from sandbox.intercom.errors import Refusal, parameter_invalid, parameter_missing, refuse
from sandbox.intercom.finding import Finder, read_fields
from sandbox.intercom.merging import merge_lead
from sandbox.intercom.operations import PAGING, Call, Operation
from sandbox.intercom.paging import Ask, read_count
from sandbox.intercom.search import CUSTOM, find_equality_fields
from sandbox.intercom.shapes import show_stub

if TYPE_CHECKING:
    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.paging import Found
    from sandbox.json_types import JsonObject

LIST_PAGE, SEARCH_PAGE, MAX_PAGE = 10, 50, 150
LINKS_PAGE = (50, 60)
MERGES_KNOWN = (2, 16)
"""Since this version a merged contact names its survivor, and only duplicates can be merged."""
FINDER = Finder(lambda call: call.workspace.contacts, read_fields("contacts"), (SEARCH_PAGE, MAX_PAGE), "contact")


def list_contacts(call: Call) -> JsonObject:
    """Return a page of all contacts, newest first."""
    per_page = read_count(call.query.get("per_page"), "per_page", LIST_PAGE, MAX_PAGE)
    return _show_page(call, call.workspace.contacts.list_page(Ask(per_page, call.query.get("starting_after"))))


def search_contacts(call: Call) -> JsonObject:
    """Return a page of the contacts that match a query; dates are compared by day."""
    for field in find_equality_fields(FINDER.read_query(call)):
        if field.startswith(CUSTOM):
            call.workspace.contacts.index_custom(field)
    return _show_page(call, FINDER.search(call))


def _show_page(call: Call, found: Found[Contact]) -> JsonObject:
    data = [call.show_contact(one) for one in found.records]
    return {"type": "list", "data": data, "total_count": found.total, "pages": found.pages}


def create_contact(call: Call) -> JsonObject:
    """Create a user or lead, or refuse an existing user with 409."""
    values = _read_values(call, None)
    if not values.keys() & {"role", "email", "external_id"}:
        raise parameter_missing("email, external_id or role must be specified")
    document = call.workspace.new_contact({"role": "user", **values}, call.now)
    return call.show_contact(call.workspace.contacts.create(document, "API"))


def get_contact(call: Call) -> JsonObject:
    """Return one contact; since 2.16 a merged one is a 410 that names its survivor."""
    survivor = call.workspace.contacts.find_survivor(call.path["id"])
    if survivor and call.version >= MERGES_KNOWN:
        refusal = refuse("merged")
        refusal.headers["Link"] = f'</contacts/{survivor}>; rel="canonical"'
        raise refusal
    return call.show_contact(call.contact)


def find_by_external_id(call: Call) -> JsonObject:
    """Return the user with this external id."""
    return call.show_contact(call.workspace.contacts.find_user(call.path["external_id"]))


def update_contact(call: Call) -> JsonObject:
    """Change the fields that are sent; the role can turn a lead into a user."""
    contact = call.contact
    call.workspace.contacts.update(contact, _read_values(call, contact), call.now, "API")
    return call.show_contact(contact)


def archive_contact(call: Call) -> JsonObject:
    """Archive a contact, which hides it from lists and searches."""
    call.read_body()
    contact = call.contact
    call.workspace.set_archived(contact, archived=True, source="API")
    return show_stub(contact, archived=True)


def unarchive_contact(call: Call) -> JsonObject:
    """Restore an archived contact, unless it was merged."""
    call.read_body()
    if call.workspace.contacts.find_survivor(call.path["id"]):
        raise refuse("not restorable")
    contact = call.workspace.contacts.get_any(call.path["id"])
    if contact.archived:
        call.workspace.set_archived(contact, archived=False, source="API")
    return show_stub(contact, archived=False)


def merge_contacts(call: Call) -> JsonObject:
    """Merge a lead into a user, and return the user."""
    body = call.read_body("from", "into", *(["skip_duplicate_validation"] if call.version >= MERGES_KNOWN else []))
    for name in ("from", "into"):
        if not isinstance(body.get(name), str):
            raise parameter_missing(f"{name} not specified")
    lead, user = (call.workspace.contacts.get(body[name]) for name in ("from", "into"))
    if call.version >= MERGES_KNOWN and body.get("skip_duplicate_validation") is not True and not lead.is_user:
        pairs = ((lead.document[name], user.document[name]) for name in ("email", "phone"))
        if user.is_user and not any(one and other and one.lower() == other.lower() for one, other in pairs):
            raise refuse("no merge", reason="The contacts are not duplicates")
    merge_lead(call.workspace, lead, user, call.now, "API")
    return call.show_contact(user)


def delete_contact(call: Call) -> JsonObject:
    """Delete a contact, which cannot be undone."""
    contact = call.workspace.contacts.get_any(call.path["id"])
    call.workspace.delete_contact(contact)
    return show_stub(contact, deleted=True)


def list_companies(call: Call) -> JsonObject:
    """Return a page of the companies that a contact is attached to."""
    contact = call.contact
    path, found = f"/contacts/{contact.id}/companies", call.workspace.companies_of(contact)
    return call.make_page(path, found, call.show_company, LINKS_PAGE)


def attach_company(call: Call) -> JsonObject:
    """Attach a contact to a company, whose Intercom id is in the body."""
    contact = call.contact
    company_id = call.read_body("id").get("id")
    if not isinstance(company_id, str) or not company_id:
        raise Refusal(400, "parameter_not_found", "company not specified")
    company = call.workspace.companies.get(company_id)
    call.workspace.attach(contact, company, call.now, "API")
    return call.show_company(company)


def detach_company(call: Call) -> JsonObject:
    """Detach a contact from a company."""
    contact = call.contact
    company = call.workspace.companies.get(call.path["company_id"])
    call.workspace.detach(contact, company, call.now, "API")
    return call.show_company(company)


def _read_values(call: Call, contact: Contact | None) -> JsonObject:
    """Return the body as document fields; `contact` is None for a new one."""
    role_before = contact.document["role"] if contact else None
    settings = call.workspace.settings
    values = bodies.check_fields(call.body, bodies.CONTACT, call.version, strict=settings.refuse_unknown_fields)
    role = values.get("role") or role_before or "user"
    if role_before == "user" and role == "lead":
        raise parameter_invalid("role of a user cannot be changed to lead", "role")
    made = bodies.make_contact_values(values, call.workspace.attributes, role, leads_take_null=settings.leads_take_null)
    return call.workspace.custom_objects.resolve_references("contact", made, contact.document if contact else None)


OPERATIONS = (
    Operation("GET", "/contacts", list_contacts, frozenset({"per_page", "starting_after"})),
    Operation("POST", "/contacts", create_contact),
    Operation("POST", "/contacts/merge", merge_contacts),
    Operation("POST", "/contacts/search", search_contacts),
    Operation("GET", "/contacts/find_by_external_id/{external_id}", find_by_external_id, since=(2, 13)),
    Operation("GET", "/contacts/{id}", get_contact),
    Operation("PUT", "/contacts/{id}", update_contact),
    Operation("DELETE", "/contacts/{id}", delete_contact),
    Operation("POST", "/contacts/{id}/archive", archive_contact),
    Operation("POST", "/contacts/{id}/unarchive", unarchive_contact),
    Operation("GET", "/contacts/{id}/companies", list_companies, PAGING),
    Operation("POST", "/contacts/{id}/companies", attach_company),
    Operation("DELETE", "/contacts/{id}/companies/{company_id}", detach_company),
)
