"""The operations on companies, https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.intercom import answers, bodies
from sandbox.intercom.errors import parameter_invalid, parameter_missing
from sandbox.intercom.operations import Call, Operation
from sandbox.intercom.segments import segments_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.intercom.companies import Company

LIST_PAGE, CONTACTS_PAGE = 15, 50
CEILING = 10_000
"""Paged lists end here; only a scroll shows more."""


def upsert(call: Call) -> dict[str, Any]:
    """Create the company with this `company_id`, or change it; the answer does not say which."""
    values = _values(call, bodies.COMPANY)
    company_id = values.get("company_id")
    if company_id is None:
        raise parameter_missing("company_id not specified")
    companies = call.workspace.companies
    if not companies.has(company_id):
        return answers.company(call, companies.add(call.workspace.new_company(values, call.now), "API"))
    company = companies.find("company_id", company_id)
    companies.update(company, values, call.now, "API")
    return answers.company(call, company)


def update(call: Call) -> dict[str, Any]:
    """Change what is sent and leave the rest; `company_id` stays for ever."""
    company = call.workspace.companies.get(call.path["id"])
    call.workspace.companies.update(company, _values(call, bodies.COMPANY_UPDATE), call.now, "API")
    return answers.company(call, company)


def get(call: Call) -> dict[str, Any]:
    """One company by Intercom's id."""
    return answers.company(call, call.workspace.companies.get(call.path["id"]))


def retrieve(call: Call) -> dict[str, Any]:
    """One company by `company_id` or name, whether it has users or not; without either, the list."""
    for field in ("company_id", "name"):
        if field in call.query:
            return answers.company(call, call.workspace.companies.find(field, call.query[field]))
    return _page(call, "/companies", [one for one in call.workspace.visible_companies() if _is_asked_for(call, one)])


def listed(call: Call) -> dict[str, Any]:
    """A page of the companies that have users, by their last request; nothing beyond the first 10,000."""
    call.known()
    return _page(call, "/companies/list", call.workspace.visible_companies())


def _page(call: Call, path: str, companies: Iterable[Company]) -> dict[str, Any]:
    order = call.query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise parameter_invalid("order must be asc or desc", "order")
    found = sorted(companies, key=_last_request, reverse=order == "desc")[:CEILING]
    return answers.numbered_page(call, path, found, answers.company, _sizes(call, LIST_PAGE))


def _is_asked_for(call: Call, company: Company) -> bool:
    tag_id, segment_id = call.query.get("tag_id"), call.query.get("segment_id")
    if tag_id is not None and tag_id not in company.document.get("tags", ()):
        return False
    return segment_id is None or segment_id in [one.id for one in segments_of("company", company.document)]


def scroll(call: Call) -> dict[str, Any]:
    """The next page of all companies that have users."""
    workspace, param = call.workspace, call.query.get("scroll_param")
    if param is None:
        param = workspace.new_id()
        page = workspace.scroll.begin(param, workspace.visible_companies())
    else:
        page = workspace.scroll.next(param)
    data = [answers.company(call, one) for one in page]
    return {"type": "list", "data": data, "pages": None, "total_count": None, "scroll_param": param}


def delete(call: Call) -> dict[str, Any]:
    """Accept the deletion; the company is gone some time later."""
    company = call.workspace.companies.get(call.path["id"])
    call.workspace.delete_company(company)
    return {"id": company.id, "object": "company", "deleted": True}


def contacts(call: Call) -> dict[str, Any]:
    """A page of the contacts attached to a company."""
    company = call.workspace.companies.get(call.path["id"])
    found = call.workspace.contacts_of(company)
    sizes = _sizes(call, CONTACTS_PAGE)
    return answers.numbered_page(call, f"/companies/{company.id}/contacts", found, answers.contact, sizes)


def _sizes(call: Call, default: int) -> answers.Sizes:
    return default, call.workspace.settings.companies_max_per_page


def _values(call: Call, fields: dict[str, bodies.Field]) -> dict[str, Any]:
    """The body as document fields; a company refuses unknown fields whatever the switch says."""
    return bodies.company_values(
        bodies.checked(call.body, fields, call.version, strict=True), call.workspace.attributes
    )


def _last_request(company: Company) -> tuple[int, str]:
    return (company.document["last_request_at"] or 0, company.id)


LIST_QUERY = frozenset({"page", "per_page", "order"})
OPERATIONS = (
    Operation("GET", "/companies", retrieve, LIST_QUERY | {"company_id", "name", "tag_id", "segment_id"}),
    Operation("POST", "/companies", upsert),
    Operation("POST", "/companies/list", listed, LIST_QUERY),
    Operation("GET", "/companies/scroll", scroll, frozenset({"scroll_param"})),
    Operation("GET", "/companies/{id}", get),
    Operation("PUT", "/companies/{id}", update),
    Operation("DELETE", "/companies/{id}", delete),
    Operation("GET", "/companies/{id}/contacts", contacts, frozenset({"page", "per_page"})),
)
