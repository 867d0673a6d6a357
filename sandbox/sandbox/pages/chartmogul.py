"""What ChartMogul holds: its customers, and one of them with its contacts and its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.chartmogul import shapes
from sandbox.chartmogul.errors import Refusal
from sandbox.chartmogul.fields import CUSTOMER, INSTANTS
from sandbox.chartmogul.records import name_override
from sandbox.pages.tables import Cell, Table, cell, instant, table
from sandbox.pages.views import CHARTMOGUL, PER_PAGE, Section, View, page_links, page_of

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


def customers(world: World, request: Request) -> View:
    """Return customers, the last written first; `source` and `name` narrow the list."""
    account = world.chartmogul
    asked = {name: request.query_params.get(name, "") for name in ("name", "source")}
    found = _found(account, asked["name"].strip().lower(), asked["source"].strip())
    page, pages = page_of(request, len(found))
    shown = sorted(found, key=_last_written, reverse=True)[(page - 1) * PER_PAGE : page * PER_PAGE]
    section = Section(
        "",
        table(HEADS, (_row(account, one) for one in shown), figures=True),
        note=f"{len(found)} in all, page {page} of {pages}, the last written first. MRR is cents of USD.",
        links=page_links(CHARTMOGUL, asked, page, pages),
    )
    return View("Customers in ChartMogul", (section,), asked)


def customer(world: World, request: Request) -> View | None:
    """One customer."""
    account = world.chartmogul
    try:
        one = account.customers.get(request.path_params["id"])
    except Refusal:
        return None
    contacts = account.contacts.of(one)
    return View(
        f"Customer {one.values['name'] or one.primary.external_id}",
        (
            Section("Fields", _fields(one, (name for name in CUSTOMER if name != "status"))),
            Section("Standing", _billing(account, one)),
            Section("Sources", _members(account, one), note="" if len(one.members) == 1 else "Merged."),
            Section("Attributes", _attributes(account, one)),
            Section("Contacts", _contacts(contacts)),
            Section("History of changes", _history([("customer", one), *_named(contacts)])),
        ),
    )


def _found(account: Account, name: str, source: str) -> list[Customer]:
    wanted = {one.uuid for one in account.sources if one.name == source}
    found = account.customers if not source else [one for uuid in wanted for one in account.customers.of_source(uuid)]
    if not name:
        return list(found)
    return [one for one in found if name in f"{one.values['name']} {one.values['company']}".lower()]


def _last_written(one: Customer) -> tuple[int, int]:
    return (one.changes[-1].at if one.changes else one.created_at, one.id)


def _row(account: Account, one: Customer) -> tuple[Cell, ...]:
    values, facts = one.values, account.customers.facts(one)
    return (
        Cell(values["name"] or one.primary.external_id, f"{CHARTMOGUL}/{one.uuid}"),
        cell(values["company"]),
        cell(values["email"]),
        Cell(", ".join(account.sources.get(member.source).name for member in one.members)),
        Cell(facts.status or values["status"]),
        cell(facts.mrr),
        *(_value(name, values[name]) for name in ("lead_created_at", "free_trial_started_at")),
    )


def _value(name: str, value: Any) -> Cell:
    return cell(value, is_instant=name in INSTANTS)


def _fields(one: Record, names: Iterable[str]) -> Table:
    filled = ((name, one.values[name]) for name in names if one.values[name] not in (None, ""))
    return table(
        ("field", "value", ""), ((Cell(name), _value(name, value), _held(one, name)) for name, value in filled)
    )


def _held(one: Record, name: str) -> Cell:
    return Cell("held by an override" if name_override(name) in one.pins else "")


def _billing(account: Account, one: Customer) -> Table:
    shown = shapes.show_customer(account, one)
    names = ("status", "customer-since", "mrr", "arr", "billing-system-type")
    return table(("", "value"), ((Cell(name), cell(shown[name])) for name in names))


def _members(account: Account, one: Customer) -> Table:
    rows = ((account.sources.get(member.source), member.external_id) for member in one.members)
    return table(
        ("data source", "system", "external id"),
        ((Cell(source.name), Cell(source.system), Cell(external_id)) for source, external_id in rows),
    )


def _attributes(account: Account, one: Customer) -> Table:
    types = account.attributes.types
    custom = [(Cell(key), Cell(types.get(key, "")), cell(value)) for key, value in sorted(one.custom().items())]
    return table(("attribute", "type", "value"), [*custom, *((Cell("tag"), Cell(""), Cell(tag)) for tag in one.tags)])


def _contacts(contacts: list[Contact]) -> Table:
    keys = sorted({key for one in contacts for key in one.custom()})
    return table(
        (*CONTACT_HEADS, *keys),
        (
            [*(cell(one.values[name]) for name in CONTACT_HEADS), *(cell(one.custom().get(key)) for key in keys)]
            for one in contacts
        ),
        figures=True,
    )


def _named(contacts: list[Contact]) -> list[tuple[str, Record]]:
    return [(f"contact {one.values['email'] or one.values['external_id'] or one.uuid}", one) for one in contacts]


def _history(records: list[tuple[str, Record]]) -> Table:
    """Return the changes of all records, the newest first."""
    changes = [(name, change) for name, one in records for change in reversed(one.history)]
    return table(
        ("when (UTC)", "who", "what", "field", "before", "after"),
        (
            (
                Cell(instant(change.at)),
                Cell(change.by),
                Cell(name),
                Cell(change.field),
                _value(change.field, change.before),
                _value(change.field, change.after),
            )
            for name, change in sorted(changes, key=lambda entry: -entry[1].at)
        ),
    )
