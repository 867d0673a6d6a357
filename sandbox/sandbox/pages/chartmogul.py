"""ChartMogul's data: all customers, and one customer with its contacts and history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.chartmogul import shapes
from sandbox.chartmogul.errors import Refusal
from sandbox.chartmogul.fields import CUSTOMER, INSTANTS
from sandbox.chartmogul.records import name_override
from sandbox.pages.tables import Cell, Table, build_table, format_instant, make_cell
from sandbox.pages.views import CHARTMOGUL, PER_PAGE, Section, View, build_page_links, read_page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

    from sandbox.chartmogul.account import Account
    from sandbox.chartmogul.contacts import Contact
    from sandbox.chartmogul.customers import Customer
    from sandbox.chartmogul.records import Record
    from sandbox.world import World

HEADS = ("name", "company", "email", "sources", "status", "MRR", "lead_created_at", "free_trial_started_at")
CONTACT_HEADS = ("first_name", "last_name", "email", "title", "external_id")


def show_customers(world: World, request: Request) -> View:
    """Return customers, last written first, filtered by `source` and `name`."""
    account = world.chartmogul
    asked = {name: request.query_params.get(name, "") for name in ("name", "source")}
    found = _find_customers(account, asked["name"].strip().lower(), asked["source"].strip())
    page, pages = read_page(request, len(found))
    shown = sorted(found, key=_find_last_write, reverse=True)[(page - 1) * PER_PAGE : page * PER_PAGE]
    section = Section(
        "",
        build_table(HEADS, (_build_row(account, one) for one in shown), figures=True),
        note=f"{len(found)} in all, page {page} of {pages}, the last written first. MRR is cents of USD.",
        links=build_page_links(CHARTMOGUL, asked, page, pages),
    )
    return View("Customers in ChartMogul", (section,), asked)


def show_customer(world: World, request: Request) -> View | None:
    """Return one customer's page."""
    account = world.chartmogul
    try:
        one = account.customers.get(request.path_params["id"])
    except Refusal:
        return None
    contacts = account.contacts.of(one)
    return View(
        f"Customer {one.values['name'] or one.primary.external_id}",
        (
            Section("Fields", _build_fields(one, (name for name in CUSTOMER if name != "status"))),
            Section("Standing", _build_billing(account, one)),
            Section("Sources", _build_members(account, one), note="" if len(one.members) == 1 else "Merged."),
            Section("Attributes", _build_attributes(account, one)),
            Section("Contacts", _build_contacts(contacts)),
            Section("History of changes", _build_history([("customer", one), *_name_contacts(contacts)])),
        ),
    )


def _find_customers(account: Account, name: str, source: str) -> list[Customer]:
    wanted = {one.uuid for one in account.sources if one.name == source}
    found = account.customers if not source else [one for uuid in wanted for one in account.customers.of_source(uuid)]
    if not name:
        return list(found)
    return [one for one in found if name in f"{one.values['name']} {one.values['company']}".lower()]


def _find_last_write(one: Customer) -> tuple[int, int]:
    return (one.changes[-1].at if one.changes else one.created_at, one.id)


def _build_row(account: Account, one: Customer) -> tuple[Cell, ...]:
    values, facts = one.values, account.customers.facts(one)
    return (
        Cell(values["name"] or one.primary.external_id, f"{CHARTMOGUL}/{one.uuid}"),
        make_cell(values["company"]),
        make_cell(values["email"]),
        Cell(", ".join(account.sources.get(member.source).name for member in one.members)),
        Cell(facts.status or values["status"]),
        make_cell(facts.mrr),
        *(_make_value_cell(name, values[name]) for name in ("lead_created_at", "free_trial_started_at")),
    )


def _make_value_cell(name: str, value: Any) -> Cell:
    return make_cell(value, is_instant=name in INSTANTS)


def _build_fields(one: Record, names: Iterable[str]) -> Table:
    filled = ((name, one.values[name]) for name in names if one.values[name] not in (None, ""))
    return build_table(
        ("field", "value", ""),
        ((Cell(name), _make_value_cell(name, value), _make_override_cell(one, name)) for name, value in filled),
    )


def _make_override_cell(one: Record, name: str) -> Cell:
    return Cell("held by an override" if name_override(name) in one.pins else "")


def _build_billing(account: Account, one: Customer) -> Table:
    shown = shapes.show_customer(account, one)
    names = ("status", "customer-since", "mrr", "arr", "billing-system-type")
    return build_table(("", "value"), ((Cell(name), make_cell(shown[name])) for name in names))


def _build_members(account: Account, one: Customer) -> Table:
    rows = ((account.sources.get(member.source), member.external_id) for member in one.members)
    return build_table(
        ("data source", "system", "external id"),
        ((Cell(source.name), Cell(source.system), Cell(external_id)) for source, external_id in rows),
    )


def _build_attributes(account: Account, one: Customer) -> Table:
    types = account.attributes.types
    custom = [(Cell(key), Cell(types.get(key, "")), make_cell(value)) for key, value in sorted(one.custom().items())]
    return build_table(
        ("attribute", "type", "value"), [*custom, *((Cell("tag"), Cell(""), Cell(tag)) for tag in one.tags)]
    )


def _build_contacts(contacts: list[Contact]) -> Table:
    keys = sorted({key for one in contacts for key in one.custom()})
    return build_table(
        (*CONTACT_HEADS, *keys),
        (
            [
                *(make_cell(one.values[name]) for name in CONTACT_HEADS),
                *(make_cell(one.custom().get(key)) for key in keys),
            ]
            for one in contacts
        ),
        figures=True,
    )


def _name_contacts(contacts: list[Contact]) -> list[tuple[str, Record]]:
    return [(f"contact {one.values['email'] or one.values['external_id'] or one.uuid}", one) for one in contacts]


def _build_history(records: list[tuple[str, Record]]) -> Table:
    """Return the changes of all records, the newest first."""
    changes = [(name, change) for name, one in records for change in reversed(one.history)]
    return build_table(
        ("when (UTC)", "who", "what", "field", "before", "after"),
        (
            (
                Cell(format_instant(change.at)),
                Cell(change.by),
                Cell(name),
                Cell(change.field),
                _make_value_cell(change.field, change.before),
                _make_value_cell(change.field, change.after),
            )
            for name, change in sorted(changes, key=lambda entry: -entry[1].at)
        ),
    )
