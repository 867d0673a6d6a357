"""Month by month, the records sent equal an independent calculation in SQL.

The sandbox's workspace is simulated for twelve months. The test adds what the sandbox does not do: companies are
renamed, deleted and created again, and people change companies, are archived or merged.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.intercom.merging import merge_lead
from sandbox.intercom.shapes import show_company, show_contact
from sandbox.settings import Settings
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.intercom.companies import Company
    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.workspace import Workspace

    from tests.map_leads.conftest import Mapper, Say

MONTH = 30 * 86_400
MONTHS = 12
LATE = 5
TYPES = {
    "string": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "null"]},
    "float": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "date": {"type": ["integer", "null"], "format": "unix-time"},
}
PLACES = [("Ireland", "IRL", "Dublin"), ("Germany", "DEU", "Leipzig"), (None, None, None)]
WEBSITES = ["Renamed.Example/About", " HTTP://www.renamed.example ", "joe@renamed.example", "coming soon", "", None]
COMPANY_TRUTH = """
with
customer as (
  select body->>'id' id, body->>'company_id' key, body->>'name' name, body->>'created_at' born,
         body->'custom_attributes' customs, body->'tags'->'tags' tags, trim(coalesce(body->>'website', '')) typed,
         row_number() over (partition by body->>'company_id' order by body->>'created_at' desc, body->>'id' desc) nth
  from company
),
typed as (
  select id, typed, case instr(typed, '://') when 0 then 'https://' || typed else typed end url from customer
),
website as (
  select id, typed, substr(url, 1, instr(url, '://') + 2) scheme, substr(url, instr(url, '://') + 3) rest from typed
),
site as (
  select *, substr(rest, 1, instr(rest || '/', '/') - 1) host from website
),
link as (
  select contact.body, value->>'id' company from contact, json_each(contact.body, '$.companies.data')
  where contact.absences = 0
),
speaker as (
  select customer.key, link.body,
         row_number() over (partition by customer.key order by link.body->>'role' <> 'user', link.body->>'created_at',
                            link.body->>'id') nth
  from link join customer on customer.id = link.company where trim(coalesce(link.body->>'email', '')) <> ''
)
select customer.key, customer.name, trim(speaker.body->>'email'), customer.born,
  case speaker.body->'location'->>'country_code' when 'IRL' then 'IE' when 'DEU' then 'DE' end,
  speaker.body->'location'->>'city', customer.customs->>'account_tier', customer.customs->>'seats_used',
  (select json_group_array(value->>'name') from (select * from json_each(customer.tags) order by value->>'name')),
  case when host like '%.%' and site.typed not like '%@%' and site.typed not like '% %'
    then lower(scheme || host) || substr(rest, length(host) + 1) end
from customer join site on site.id = customer.id left join speaker on speaker.key = customer.key and speaker.nth = 1
where customer.nth = 1
"""
CONTACT_TRUTH = """
with
link as (
  select contact.body, company.body->>'company_id' key, company.body->>'id' company,
         row_number() over (partition by contact.id, company.body->>'company_id'
                            order by company.body->>'created_at' desc, company.id desc) nth
  from contact, json_each(contact.body, '$.companies.data') each join company on company.id = each.value->>'id'
  where contact.absences < 2
)
select body->>'id' || ':' || key, key, trim(body->>'name'), body->>'email', body->>'phone',
  body->'custom_attributes'->>'nps_score', body->'custom_attributes'->>'renewal_call_at'
from link where nth = 1
"""


class Tap:
    """The output of tap-intercom for a workspace: every company, and the contacts that changed."""

    def __init__(self, workspace: Workspace, say: Say) -> None:
        self.workspace = workspace
        self.say = say
        self.known: dict[str, dict[str, dict[str, Any]]] = {"company": {}, "contact": {}}
        """The last version of every record, by kind and id."""
        self.absences: Counter[str] = Counter()
        """The number of complete reads in a row without the contact."""

    def read(self, confirmed: dict[str, Any], now: int, *, whole: bool) -> list[str]:
        """Return the messages of a complete run, or of a run over all companies and changed contacts."""
        companies = [show_company(self.workspace, one) for one in self.workspace.visible_companies()]
        contacts = [self.contact(one) for one in self.workspace.contacts.live()]
        changed = [one for one in contacts if whole or self.known["contact"].get(one["id"]) != one]
        self.known["company"].update({one["id"]: one for one in companies})
        self.known["contact"].update({one["id"]: one for one in changed})
        shown_ids = {one["id"] for one in changed}
        for key in self.known["contact"]:
            self.absences[key] = 0 if key in shown_ids else self.absences[key] + int(whole)
        rows = f"companies:{len(companies)},contacts:{len(changed)}"
        streams = "companies,contacts" if whole else "companies"
        marker = {**self.say.marker, "completed_at": now * 1000, "whole": streams, "rows": rows}
        return [
            *([self.say.state(None, _map=confirmed)] if confirmed else []),
            *(self.say.schema(f"{model[:-1]}ies" if model == "company" else "contacts", self.types(model))
              for model in ("company", "contact")),
            *(self.say.record("companies", one) for one in companies),
            *(self.say.record("contacts", one) for one in changed),
            self.say.state(marker, _map=confirmed),
        ]  # fmt: skip

    def types(self, model: str) -> dict[str, Any]:
        """Return the declared custom attributes of a model."""
        listed = self.workspace.attributes.list_all(model, include_archived=False)
        return {one["name"]: TYPES[one["data_type"]] for one in listed if one["custom"]}

    def contact(self, contact: Contact) -> dict[str, Any]:
        """Return a contact with all its companies and a location."""
        found = show_contact(self.workspace, contact, (2, 14))
        links = [{"type": "company", "id": one.id} for one in self.workspace.companies_of(contact)]
        country, code, city = PLACES[int(contact.id, 16) % 3]
        place = {"type": "location", "country": country, "country_code": code, "city": city}
        return {**found, "companies": {"type": "list", "data": links, "has_more": False}, "location": place}

    def truth(self, query: str) -> dict[str, tuple[Any, ...]]:
        """Return the result of a plain SQL query over the input, by its first column."""
        with closing(sqlite3.connect(":memory:")) as database:
            for kind, rows in self.known.items():
                database.execute(f"create table {kind} (id text primary key, body text, absences integer)")
                known = [(key, json.dumps(body), self.absences[key]) for key, body in rows.items()]
                database.executemany(f"insert into {kind} values (?, ?, ?)", known)  # noqa: S608 two fixed names
            return {row[0]: row for row in database.execute(query)}


def happen(workspace: Workspace, month: int, now: int) -> None:
    """Change the workspace in ways that the sandbox itself does not; each change affects other records."""
    companies = sorted(workspace.visible_companies(), key=lambda one: one.id)
    renamed, deleted, left, joined = (companies[(month * step + 1) % len(companies)] for step in (3, 5, 7, 11))
    changes = {"name": f"{renamed.document['name']} {month}", "website": WEBSITES[month % len(WEBSITES)]}
    workspace.companies.update(renamed, changes, now, "test")
    workspace.tag(renamed, workspace.name_tag(f"Month {month % 3}")["id"], now, "test", on=month % 5 > 0)
    for contact in workspace.contacts_of(left)[:2]:
        workspace.detach(contact, left, now, "test")
        if month % 2:
            workspace.attach(contact, joined, now, "test")
    for contact in workspace.contacts_of(joined)[:1]:
        for company in companies[:3]:
            workspace.attach(contact, company, now, "test")
    if month % 4 == 0:
        people = workspace.contacts_of(deleted)
        workspace.companies.delete(deleted, takes_effect_at=now)
        again = workspace.new_company({"company_id": deleted.document["company_id"], "name": "Again"}, now)
        company = workspace.companies.add(again, "test")
        for contact in people:
            workspace.attach(contact, company, now, "test")
    _come_and_go(workspace, month, now, renamed)


def _come_and_go(workspace: Workspace, month: int, now: int, company: Company) -> None:
    """Archive a contact, merge a lead into a user, and attach a company's first user late."""
    if month % 2 == 0:
        workspace.set_archived(workspace.contacts_of(company)[0], archived=True, source="test")
    people = list(workspace.contacts.live())
    lead = next((one for one in people if not one.is_user and one.companies), None)
    if month % 3 == 0 and lead is not None:
        user = next(one for one in people if one.is_user and one.companies)
        merge_lead(workspace, lead, user, now, "test")
    if month == 1:
        workspace.companies.add(workspace.new_company({"company_id": "late", "name": "Late"}, now), "test")
    if month == LATE:
        late = workspace.companies.find("company_id", "late")
        workspace.attach(next(one for one in people if one.is_user and not one.companies), late, now, "test")


def customer_row(record: dict[str, Any]) -> tuple[Any, ...]:
    """Return a customer record with the columns and units of the SQL query."""
    custom, tags = record["attributes"]["custom"], record["attributes"]["tags"]
    assert record["lead_created_at"] == record["free_trial_started_at"]
    names = (record["external_id"], record["name"], record["email"], seconds(record["lead_created_at"]))
    place = (record["country"], record["city"])
    customs = (custom["account_tier"], custom["seats_used"], json.dumps(tags, separators=(",", ":")))
    return (*names, *place, *customs, record["website_url"])


def contact_row(record: dict[str, Any]) -> tuple[Any, ...]:
    """Return a contact record with the columns and units of the SQL query."""
    name = " ".join(part for part in (record["first_name"], record["last_name"]) if part)
    custom = record["custom"]
    ids = (record["external_id"], record["customer_external_id"])
    return (
        *(*ids, name or None, record["email"], record["phone"]),
        *(custom["nps_score"], seconds(custom["renewal_call_at"])),
    )


def seconds(text: str | None) -> int | None:
    """Return a date-time in unix seconds, computed by SQLite."""
    with closing(sqlite3.connect(":memory:")) as database:
        found: int | None = database.execute("select unixepoch(?)", (text,)).fetchone()[0]
        return found


@pytest.mark.parametrize("on_unlinked", ["keep", "delete"])
def test_every_lead_of_every_month(on_unlinked: str, leads: Mapper, say: Say) -> None:
    """A target that applies every record has the calculated data; people who left are kept or deleted as set."""
    world = World(Settings(customers=60, seed=7))
    tap = Tap(world.intercom, say)
    settings = {"company_attributes": ["*"], "contact_attributes": ["*"], "reconcile_every": 24 * 365 * 2}
    customers: dict[str, dict[str, Any]] = {}
    contacts: dict[str, dict[str, Any]] = {}
    left: set[str] = set()
    before: set[str] = set()
    for month in range(MONTHS + 1):
        if month:
            world.advance(MONTH)
            happen(world.intercom, month, world.clock.now())
        lines = tap.read(leads.confirmed, world.clock.now(), whole=month % 3 != 1)
        sent = leads.feed(lines, on_unlinked=on_unlinked, **settings)
        leads.confirmed = sent.bookmarks["_map"]
        customers.update({one["external_id"]: one for one in sent.of("customers")})
        contacts.update({one["external_id"]: one for one in sent.of("contacts")})
        for gone in sent.deleted:
            del contacts[gone]
        people = tap.truth(CONTACT_TRUTH)
        left = (left | before) - set(people)
        before = set(people)
        assert min(len(people), len(customers)) > 15
        assert 15 < sum(one["website_url"] is not None for one in customers.values()) < len(customers)
        assert {key: customer_row(one) for key, one in customers.items()} == tap.truth(COMPANY_TRUTH)
        assert {key: contact_row(one) for key, one in contacts.items() if key in people} == people
        assert set(contacts) - set(people) == (left if on_unlinked == "keep" else set())
        assert len({(key.partition(":")[0], one["customer_external_id"]) for key, one in contacts.items()}) == len(
            contacts
        )
        assert month == 0 or len(sent.of("contacts")) < len(people)
    assert len(left) > MONTHS
    assert leads.summary()["shadowed"] == 3
    assert leads.summary()["people_gone"] > 3
    assert "late" in customers
