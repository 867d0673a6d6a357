"""After each run of twelve months, ChartMogul holds what an independent calculation expects.

The calculation reads the sandbox's workspace itself, not the tap's output. `LEADS_CUSTOMERS=200 LEADS_SEEDS=10
pytest tests/leads_chain/test_leads_chain_months.py` runs ten workspaces with two hundred customers each.
"""

from __future__ import annotations

import os
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.intercom.merging import merge_lead
from sandbox.intercom.shapes import show_company

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.intercom.companies import Company
    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.workspace import Workspace

    from tests.leads_chain.conftest import Chain

CUSTOMERS = int(os.environ.get("LEADS_CUSTOMERS", "20"))
SEEDS = range(1, 1 + int(os.environ.get("LEADS_SEEDS", "1")))
MONTHS = int(os.environ.get("LEADS_MONTHS", "12"))
LONG = 3
"""In this test, a list of more companies than this is scrolled only once per `scroll_every`."""
EVERYTHING = {"company_attributes": ["*"], "contact_attributes": ["*"]}


class Life:
    """Makes the changes of a workspace. A seed decides which ones."""

    def __init__(self, workspace: Workspace, seed: int) -> None:
        self._workspace, self._random = workspace, Random(seed)  # noqa: S311 a seeded business
        self._made = 0
        self._archived: list[Contact] = []

    def month(self) -> None:
        """Make every kind of change, including those that only a full run can see."""
        self.rename()
        self.remake()
        self.close()
        self.come_back()
        self.archive()
        self.merge()
        self.move()
        self.swap()
        self.leave()
        self.write_in()
        self.quarter()

    def quarter(self) -> None:
        """Make only changes that the next run with a scroll can see."""
        self.rename()
        self.edit()
        self.join()
        self.found()

    def rename(self) -> None:
        """Change the name, website and tags of a company."""
        company = self._company()
        self._made += 1
        site = self._random.choice(["https://a.example/x", None, f"https://n{self._made}.example"])
        self._workspace.companies.update(company, {"name": f"Named {self._made}", "website": site}, self._now, "test")
        tag = self._workspace.name_tag(f"Tag {self._made % 4}")
        self._workspace.tag(company, tag["id"], self._now, "test", on=self._made % 3 > 0)

    def edit(self) -> None:
        """Change the name, phone and an attribute of a person; some of the values are empty."""
        person, number = self._person(), self._random.randint(1, 9)
        phone = self._random.choice([None, f"+1555000{number}"])
        values = {"name": f"Ann {number} of Ham", "phone": phone, "custom_attributes": {"nps_score": number or None}}
        self._workspace.contacts.update(person, values, self._now, "test")

    def remake(self) -> None:
        """Delete a company and create it again under the same `company_id`, with all of its people."""
        company = self._company()
        people = self._workspace.contacts_of(company)
        self._workspace.companies.delete(company, takes_effect_at=self._now)
        values = {"company_id": company.document["company_id"], "name": "Made again"}
        again = self._workspace.companies.add(self._workspace.new_company(values, self._now), "test")
        for person in people:
            self._workspace.attach(person, again, self._now, "test")

    def close(self) -> None:
        """Delete a company for good."""
        self._workspace.companies.delete(self._company(), takes_effect_at=self._now)

    def archive(self) -> None:
        """Archive two people."""
        for _ in range(2):
            person = self._person()
            self._archived.append(person)
            self._workspace.set_archived(person, archived=True, source="test")

    def come_back(self) -> None:
        """Restore a third of the archived contacts, whether one or several full runs have missed them."""
        for person in self._random.sample(self._archived, len(self._archived) // 3):
            self._archived.remove(person)
            self._workspace.set_archived(person, archived=False, source="test")

    def merge(self) -> None:
        """Merge a lead into a user."""
        leads = [one for one in self._linked() if not one.is_user]
        users = [one for one in self._linked() if one.is_user and one.document["email"]]
        if leads:
            lead, user = self._random.choice(leads), self._random.choice(users)
            merge_lead(self._workspace, lead, user, self._now, "test")

    def move(self) -> None:
        """Move a person from one company to another."""
        person = self._person()
        self._workspace.detach(person, self._workspace.companies_of(person)[0], self._now, "test")
        self._workspace.attach(person, self._company(), self._now, "test")

    def swap(self) -> None:
        """Two people swap companies."""
        one, other = self._person(), self._person()
        first, second = (self._workspace.companies_of(who)[0] for who in (one, other))
        for who, old, new in ((one, first, second), (other, second, first)):
            if old.id in who.companies:
                self._workspace.detach(who, old, self._now, "test")
                self._workspace.attach(who, new, self._now, "test")

    def leave(self) -> None:
        """Let a person leave a company and join no other."""
        person = self._person()
        self._workspace.detach(person, self._workspace.companies_of(person)[0], self._now, "test")

    def join(self) -> None:
        """Attach a known user to a known company."""
        people = [one for one in self._workspace.contacts.live() if one.is_user]
        self._workspace.attach(self._random.choice(people), self._company(), self._now, "test")

    def write_in(self) -> None:
        """Add two leads to a company. One of them has the address of a user."""
        for email in (self._person().document["email"], f"lead{self._made}@a.example"):
            values = {"role": "lead", "email": email, "name": f"Lead {self._made}"}
            lead = self._workspace.contacts.create(self._workspace.new_contact(values, self._now), "test")
            self._workspace.attach(lead, self._company(), self._now, "test")

    def found(self) -> None:
        """Attach two users to the newest company, and create a company that has no users yet."""
        if self._made:
            company = next((one for one in self._workspace.companies.live() if not one.contacts), None)
            people = [one for one in self._workspace.contacts.live() if one.is_user]
            if company:
                for person in self._random.sample(people, 2):
                    self._workspace.attach(person, company, self._now, "test")
        self._made += 1
        values = {"company_id": f"late-{self._made}", "name": f"Late {self._made}"}
        self._workspace.companies.add(self._workspace.new_company(values, self._now), "test")

    @property
    def _now(self) -> int:
        return self._workspace.clock.now()

    def _company(self) -> Company:
        return self._random.choice(list(self._workspace.visible_companies()))

    def _linked(self) -> list[Contact]:
        return [one for one in self._workspace.contacts.live() if self._workspace.companies_of(one)]

    def _person(self) -> Contact:
        return self._random.choice([one for one in self._linked() if one.is_user])


class Reckoning:
    """Calculates from the workspace what ChartMogul should hold, without any code of the plugins.

    Attributes:
        customers: by external id.
        contacts: by the person's Intercom id and the customer's external id.
    """

    def __init__(self, workspace: Workspace, *, deletes: bool) -> None:
        self._workspace, self._deletes = workspace, deletes
        self._companies: dict[str, dict[str, Any]] = {}
        self._people: dict[str, dict[str, Any]] = {}
        self._absences: dict[str, int] = {}
        self.customers: dict[str, dict[str, Any]] = {}
        self.contacts: dict[tuple[str, str], dict[str, Any]] = {}

    def see(self, *, companies: bool, whole: bool) -> None:
        """Read what a run can see: the people, and the companies if it scrolls."""
        if companies:
            visible = self._workspace.visible_companies()
            self._companies |= {one.id: show_company(self._workspace, one) for one in visible}
        live = {one.id: one for one in self._workspace.contacts.live()}
        for key, one in live.items():
            links = [company.id for company in self._workspace.companies_of(one)]
            self._people[key] = {**one.document, "companies": links}
            self._absences[key] = 0
        for key in self._people.keys() - live.keys():
            self._absences[key] += whole

    def reckon(self) -> None:
        """Calculate what ChartMogul should hold after the run."""
        by_age = sorted(self._companies.values(), key=lambda one: (one["created_at"], one["id"]))
        newest = {one["company_id"]: one for one in by_age if one["company_id"]}
        members: dict[str, list[dict[str, Any]]] = {key: [] for key in newest}
        present = set()
        for person in self._people.values():
            keys = {self._companies[one]["company_id"] for one in person["companies"] if one in self._companies}
            for key in keys & newest.keys():
                members[key].append(person)
                if self._absences[person["id"]] < 2:
                    present.add((person["id"], key))
                    self._put(self.contacts, (person["id"], key), self._contact(person, key))
        if self._deletes:
            self.contacts = {pair: one for pair, one in self.contacts.items() if pair in present}
        for key, company in newest.items():
            self._put(self.customers, key, self._customer(company, self._speaker(members[key])))

    def _put(self, held: dict[Any, dict[str, Any]], key: Any, values: dict[str, Any]) -> None:
        """Merge new values into old ones: empty fields keep their value, tags are added, custom attributes replaced."""
        before = held.get(key, {})
        tags = sorted({*before.get("tags", ()), *values.get("tags", ())})
        kept = {name: before.get(name) if one is None and name != "custom" else one for name, one in values.items()}
        held[key] = {**kept, **({"tags": tags} if "tags" in values else {})}

    def _speaker(self, people: Iterable[dict[str, Any]]) -> str | None:
        speaking = [one for one in people if (one["email"] or "").strip() and not self._absences[one["id"]]]
        order = sorted(speaking, key=lambda one: (one["role"] != "user", one["created_at"], one["id"]))
        return order[0]["email"].strip() if order else None

    def _customer(self, company: dict[str, Any], email: str | None) -> dict[str, Any]:
        return {
            "name": company["name"].strip(),
            "company": company["name"].strip(),
            "email": email,
            "website_url": site_of(company.get("website")),
            "lead_created_at": company["created_at"],
            "free_trial_started_at": company["created_at"],
            "custom": self._custom("company", company),
            "tags": [one["name"] for one in company["tags"]["tags"]],
        }

    def _contact(self, person: dict[str, Any], key: str) -> dict[str, Any]:
        return {
            "customer": key,
            "name": " ".join((person["name"] or "").split()) or None,
            "email": person["email"],
            "phone": person["phone"],
            "custom": self._custom("contact", person),
        }

    def _custom(self, model: str, record: dict[str, Any]) -> dict[str, Any]:
        listed = self._workspace.attributes.list_all(model, include_archived=False)
        names = [one["name"] for one in listed if one["custom"]]
        return {name: one for name in names if (one := record["custom_attributes"].get(name)) is not None}


def site_of(typed: str | None) -> str | None:
    """Return a website as a URL. The sandbox's websites differ only in scheme and letter case."""
    if not typed:
        return None
    scheme, _, rest = typed.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{(scheme or 'https').lower()}://{host.lower()}{slash}{path}"


def seconds(shown_at: str | None) -> int | None:
    """Return a date-time of ChartMogul's in Unix seconds."""
    return None if shown_at is None else int(datetime.fromisoformat(shown_at).timestamp())


def in_seconds(custom: dict[str, Any]) -> dict[str, Any]:
    """Return custom attributes without the empty ones, with dates in Unix seconds."""
    dates = {name: seconds(custom[name]) for name in custom if name.endswith("_at") and custom[name]}
    return {name: one for name, one in (custom | dates).items() if one is not None}


def held_customers(chain: Chain) -> dict[str, dict[str, Any]]:
    """Return ChartMogul's customers in the form of the calculation."""
    names = ("name", "company", "email", "website_url")
    return {
        one["external_id"]: {
            **{name: one[name] or None for name in names},
            **{name: seconds(one[name]) for name in ("lead_created_at", "free_trial_started_at")},
            "custom": in_seconds(one["attributes"]["custom"]),
            "tags": sorted(one["attributes"]["tags"]),
        }
        for one in chain.read("customers")
    }


def held_contacts(chain: Chain) -> list[tuple[tuple[str, str], dict[str, Any]]]:
    """Return ChartMogul's contacts in the form of the calculation. It is a list, so that a duplicate would show."""
    return sorted(
        (
            (one["external_id"].partition(":")[0], one["customer_external_id"]),
            {
                "customer": one["customer_external_id"],
                "name": " ".join(filter(None, (one["first_name"], one["last_name"]))) or None,
                "email": one["email"] or None,
                "phone": one["phone"] or None,
                "custom": in_seconds(one["custom"]),
            },
        )
        for one in chain.read("contacts")
    )


def check(chain: Chain, reckoning: Reckoning) -> None:
    """Compare all values in ChartMogul with the calculation."""
    assert held_customers(chain) == reckoning.customers
    assert held_contacts(chain) == sorted(reckoning.contacts.items())


@pytest.mark.parametrize("on_unlinked", ["delete", "keep"])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_run_of_twelve_months(
    on_unlinked: str, seed: int, leads_chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every run with a scroll, also a killed one, ChartMogul matches the calculation.

    An idle run writes nothing.
    """
    monkeypatch.setattr("tap_intercom.streams.stream.LONG_LIST", LONG)
    sandbox = leads_chain.sandbox
    switches = {"chartmogul_requests_per_second": 1_000_000, "chartmogul_contact_attributes": "*"}
    sandbox.reset(customers=CUSTOMERS, seed=seed, **switches)
    leads_chain.settings["map"] = {**EVERYTHING, "on_unlinked": on_unlinked}
    workspace = sandbox.world.intercom
    life, reckoning = Life(workspace, seed), Reckoning(workspace, deletes=on_unlinked == "delete")
    for month in range(MONTHS + 1):
        if month:
            sandbox.advance(days=30)
            life.month()
            sandbox.advance(seconds=2)
        if month % 3 == 1:
            leads_chain.run(killed_after=0.5)
            reckoning.see(companies=True, whole=True)
            sandbox.advance(seconds=900)
        leads_chain.run()
        reckoning.see(companies=True, whole=True)
        reckoning.reckon()
        check(leads_chain, reckoning)

        sandbox.advance(seconds=3700)
        life.quarter()
        if month % 4 == 2:
            leads_chain.run(killed_after=0.7)
            reckoning.see(companies=True, whole=False)
            sandbox.advance(seconds=900)
        leads_chain.run()
        reckoning.see(companies=True, whole=False)
        reckoning.reckon()
        check(leads_chain, reckoning)

        sandbox.advance(seconds=900)
        leads_chain.run()
        assert "GET /companies/scroll" not in leads_chain.calls("intercom")
        assert sum(leads_chain.calls("intercom").values()) <= 5
        assert {one.split()[0] for one in leads_chain.calls("chartmogul")} <= {"GET"}
        reckoning.see(companies=False, whole=False)
        reckoning.reckon()
        check(leads_chain, reckoning)
