"""The operations on companies, https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.intercom import bodies
from sandbox.intercom.errors import parameter_invalid, parameter_missing
from sandbox.intercom.operations import PAGING, Call, Operation
from sandbox.intercom.segments import find_segments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.intercom.companies import Company
    from sandbox.json_types import JsonObject

LIST_PAGE, CONTACTS_PAGE = 15, 50
CEILING = 10_000
"""The most companies that numbered pages show; only a scroll shows more."""


def save_company(call: Call) -> JsonObject:
    """Create or change the company with this `company_id`; the reply does not say which."""
    companies, company_id = call.workspace.companies, str(call.body.get("company_id"))
    company = companies.find("company_id", company_id) if companies.has(company_id) else None
    values = _read_values(call, bodies.COMPANY, company)
    if values.get("company_id") is None:
        raise parameter_missing("company_id not specified")
    if company is None:
        return call.show_company(companies.add(call.workspace.new_company(values, call.now), "API"))
    companies.update(company, values, call.now, "API")
    return call.show_company(company)


def update_company(call: Call) -> JsonObject:
    """Change the fields that are sent; `company_id` never changes."""
    company = call.company
    call.workspace.companies.update(company, _read_values(call, bodies.COMPANY_UPDATE, company), call.now, "API")
    return call.show_company(company)


def find_companies(call: Call) -> JsonObject:
    """Return one company by `company_id` or name, even without users; without either, the list."""
    for field in ("company_id", "name"):
        if field in call.query:
            return call.show_company(call.workspace.companies.find(field, call.query[field]))
    found = list(call.workspace.visible_companies())
    if "tag_id" in call.query:
        found = [one for one in found if call.query["tag_id"] in one.document.get("tags", ())]
    if "segment_id" in call.query:
        segment = call.query["segment_id"]
        found = [one for one in found if segment in [each.id for each in find_segments("company", one.document)]]
    return _show_page(call, "/companies", found)


def list_companies(call: Call) -> JsonObject:
    """Return a page of the companies with users, sorted by last request; at most the first 10,000."""
    call.read_body()
    return _show_page(call, "/companies/list", call.workspace.visible_companies())


def _show_page(call: Call, path: str, companies: Iterable[Company]) -> JsonObject:
    order = call.query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise parameter_invalid("order must be asc or desc", "order")
    # Companies without a last request are sorted as if it had been in 1970.
    found = sorted(companies, key=lambda one: (one.document["last_request_at"] or 0, one.id), reverse=order == "desc")
    sizes = (LIST_PAGE, call.workspace.settings.companies_max_per_page)
    return call.make_page(path, found[:CEILING], call.show_company, sizes)


def scroll_companies(call: Call) -> JsonObject:
    """Return the next page of all companies with users."""
    workspace, param = call.workspace, call.query.get("scroll_param")
    if param is None:
        param = workspace.make_id()
        page = workspace.scroll.begin(param, workspace.visible_companies())
    else:
        page = workspace.scroll.next(param)
    data = [call.show_company(one) for one in page]
    return {"type": "list", "data": data, "pages": None, "total_count": None, "scroll_param": param}


def delete_company(call: Call) -> JsonObject:
    """Accept the deletion, which takes effect later."""
    company = call.company
    call.workspace.delete_company(company)
    return {"id": company.id, "object": "company", "deleted": True}


def list_contacts(call: Call) -> JsonObject:
    """Return a page of the contacts attached to a company."""
    company = call.company
    found = call.workspace.contacts_of(company)
    sizes = (CONTACTS_PAGE, call.workspace.settings.companies_max_per_page)
    return call.make_page(f"/companies/{company.id}/contacts", found, call.show_contact, sizes)


def _read_values(call: Call, fields: dict[str, bodies.Field], company: Company | None = None) -> JsonObject:
    """Return the body as document fields; unknown fields are always refused for companies."""
    made = bodies.make_company_values(
        bodies.check_fields(call.body, fields, call.version, strict=True), call.workspace.attributes
    )
    return call.workspace.custom_objects.resolve_references("company", made, company.document if company else None)


LIST_QUERY = PAGING | {"order"}
OPERATIONS = (
    Operation("GET", "/companies", find_companies, LIST_QUERY | {"company_id", "name", "tag_id", "segment_id"}),
    Operation("POST", "/companies", save_company),
    Operation("POST", "/companies/list", list_companies, LIST_QUERY),
    Operation("GET", "/companies/scroll", scroll_companies, frozenset({"scroll_param"})),
    Operation("GET", "/companies/{id}", lambda call: call.show_company(call.company)),
    Operation("PUT", "/companies/{id}", update_company),
    Operation("DELETE", "/companies/{id}", delete_company),
    Operation("GET", "/companies/{id}/contacts", list_contacts, PAGING),
)
