"""The content of each page as plain data: its title and sections."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from sandbox.intercom.errors import Refusal
from sandbox.pages.tables import (
    Cell,
    Table,
    build_attribute_table,
    build_change_table,
    build_field_table,
    build_list_table,
    build_table,
    make_cell,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from sandbox.intercom.records import Record
    from sandbox.intercom.workspace import Workspace
    from sandbox.world import World

PER_PAGE = 50
PREFIX = "cb_"
CHARTMOGUL = "/pages/chartmogul/customers"
CONTACT_FIELDS = ("name", "email", "role", "external_id", "updated_at")
COMPANY_FIELDS = ("name", "company_id", "plan", "monthly_spend", "updated_at")


@dataclass(frozen=True)
class Section:
    """A heading with a table; `note` is a line before the table, `links` are (text, address) pairs after it."""

    heading: str
    table: Table
    note: str = ""
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class View:
    """One page; `form` has the fields of its filter with the request's values, by name."""

    title: str
    sections: tuple[Section, ...]
    form: dict[str, str] = field(default_factory=dict)


def show_index(world: World, _: Request) -> View:
    """Return the index page: numbers of records, and calls."""
    calls = world.calls.report()["calls"]
    return View(
        "Sandbox",
        (
            Section("What there is", build_table(("system", "what", "how many"), _count_records(world), figures=True)),
            Section(
                "Calls",
                build_table(
                    ("API", "method", "path", "count"),
                    (
                        (Cell(one["api"]), Cell(one["method"]), Cell(one["path"]), make_cell(one["count"]))
                        for one in calls
                    ),
                    figures=True,
                ),
                note="" if calls else "No call has been made yet.",
            ),
            Section(
                "Settings",
                build_table(
                    ("setting", "value"),
                    ((Cell(one.name), make_cell(getattr(world.settings, one.name))) for one in fields(world.settings)),
                ),
            ),
        ),
    )


def show_contacts(world: World, request: Request) -> View:
    """Return contacts, last written first."""
    asked = {name: request.query_params.get(name, default) for name, default in (("email", ""), ("prefix", PREFIX))}
    wanted = asked["email"].strip().lower()
    found = [one for one in world.intercom.contacts.live() if wanted in (one.document["email"] or "").lower()]
    columns = _find_columns(world.intercom, "contact", asked["prefix"])
    return View("Contacts in Intercom", (_show_list(request, found, CONTACT_FIELDS, columns, asked),), asked)


def show_companies(world: World, request: Request) -> View:
    """Return companies, last written first, including those that Intercom's own lists hide."""
    asked = {name: request.query_params.get(name, default) for name, default in (("name", ""), ("prefix", PREFIX))}
    wanted = asked["name"].strip().lower()
    found = [one for one in world.intercom.companies.live() if wanted in (one.document["name"] or "").lower()]
    columns = _find_columns(world.intercom, "company", asked["prefix"])
    return View("Companies in Intercom", (_show_list(request, found, COMPANY_FIELDS, columns, asked),), asked)


def show_contact(world: World, request: Request) -> View | None:
    """Return one contact's page, archived or not."""
    workspace = world.intercom
    try:
        record = workspace.contacts.get_any(request.path_params["id"])
    except Refusal:
        return None
    linked = build_list_table(workspace.companies_of(record), "/pages/companies", COMPANY_FIELDS[:2], {})
    state = "Archived." if record.archived else ""
    return _show_record(workspace, record, "contact", state, Section("Companies", linked))


def show_company(world: World, request: Request) -> View | None:
    """Return one company's page."""
    workspace = world.intercom
    try:
        record = workspace.companies.get(request.path_params["id"])
    except Refusal:
        return None
    linked = build_list_table(workspace.contacts_of(record), "/pages/contacts", CONTACT_FIELDS[:4], {})
    state = "" if workspace.count_users(record) else "Without users, so that Intercom's lists do not show it."
    return _show_record(workspace, record, "company", state, Section("Contacts", linked))


def show_nothing() -> View:
    """Return the page for an unknown record."""
    return View("There is no such record", ())


def _count_records(world: World) -> list[tuple[Cell, ...]]:
    workspace = world.intercom
    account = world.chartmogul
    sources = [(one.name, account.customers.size(one.uuid)) for one in account.sources]
    users = sum(one.is_user for one in workspace.contacts.live())
    counts = [
        ("Intercom", "users", users, "/pages/contacts"),
        ("Intercom", "leads", len(workspace.contacts) - users, "/pages/contacts"),
        ("Intercom", "companies", len(workspace.companies), "/pages/companies"),
        *(("ChartMogul", source, count, f"{CHARTMOGUL}?source={quote(source)}") for source, count in sources),
        ("ChartMogul", "contacts", len(account.contacts), CHARTMOGUL),
        *(("Chargebee", name, count, None) for name, count in world.business.counts().items()),
    ]
    return [(Cell(system), Cell(name, href), make_cell(count)) for system, name, count, href in counts]


def _find_columns(workspace: Workspace, model: str, prefix: str) -> dict[str, str]:
    """Return the custom attributes with the prefix, by name, with their types."""
    found = (workspace.attributes.get(model, name) for name in workspace.attributes.named(model))
    return {one.name: one.data_type for one in found if one and one.name.startswith(prefix)}


def _show_list(
    request: Request, found: Sequence[Record], names: Sequence[str], columns: dict[str, str], asked: dict[str, str]
) -> Section:
    base: str = request.scope["path"]
    page, pages = read_page(request, len(found))
    ordered = sorted(found, key=lambda one: (one.document["updated_at"], one.id), reverse=True)
    shown = ordered[(page - 1) * PER_PAGE : page * PER_PAGE]
    return Section(
        "",
        build_list_table(shown, base, names, columns),
        note=f"{len(found)} in all, page {page} of {pages}, the last updated first. Times are UTC.",
        links=build_page_links(base, asked, page, pages),
    )


def build_page_links(base: str, asked: dict[str, str], page: int, pages: int) -> tuple[tuple[str, str], ...]:
    """Return links to the previous and the next page."""
    links = [(text, number) for text, number in (("Previous", page - 1), ("Next", page + 1)) if 1 <= number <= pages]
    return tuple((text, f"{base}?{urlencode({**asked, 'page': number})}") for text, number in links)


def read_page(request: Request, count: int) -> tuple[int, int]:
    """Return the requested page number, or the nearest one, and the number of pages."""
    pages = max(1, -(-count // PER_PAGE))
    asked = request.query_params.get("page", "1")
    number = int(asked) if asked.isdecimal() and len(asked) < 10 else 1  # noqa: PLR2004 - nine digits are page enough
    return min(max(number, 1), pages), pages


def _show_record(workspace: Workspace, record: Record, model: str, state: str, linked: Section) -> View:
    attributes = workspace.attributes
    return View(
        f"{model.capitalize()} {record.document['name'] or record.id}",
        (
            Section("Fields", build_field_table(record), note=state),
            Section("Custom attributes", build_attribute_table(record, model, attributes)),
            linked,
            Section("History of changes", build_change_table(record.history, model, attributes)),
        ),
    )
