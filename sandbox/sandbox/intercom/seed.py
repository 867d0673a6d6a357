"""How the business's customers are known in Intercom when the story begins: most of them, and some of them oddly."""

from __future__ import annotations

from itertools import cycle
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.business.websites import website
from sandbox.intercom.errors import Refusal
from sandbox.intercom.seed_tables import (
    CHANCES,
    COMPANIES_OF_STRANGERS,
    COMPANY_ATTRIBUTES,
    CONTACT_ATTRIBUTES,
    FIRST_NAMES,
    LAST_NAMES,
    OWNERS,
    SIZES,
    STANDINGS,
    TIERS,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.business.records import Person
    from sandbox.intercom.companies import Company
    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.workspace import Workspace

DAY = 86_400
SOURCE = "seed"


class Seed:
    """Puts people into a workspace. What becomes of a person hangs on the seed and the customer's id alone."""

    def __init__(self, workspace: Workspace, admin_id: str) -> None:
        self._workspace = workspace
        self._admin_id = admin_id
        self._companies: dict[str, Company] = {}
        self._billing_ids = workspace.settings.companies_with_billing_ids
        self._names: list[str] = []
        self._standings: dict[str, Callable[[Person, Random], object]] = {
            "user": self._as_user,
            "two users": self._as_two_users,
            "lead": self._as_lead,
            "archived user": self._as_archived_user,
            "unknown": lambda _person, _random: None,
        }

    def fill(self, people: list[Person]) -> None:
        """The whole workspace as it is on the first day."""
        self._attributes()
        for person in people:
            self.sign_up(person)
        for number in range(round(len(people) * CHANCES["stranger"])):
            self._stranger(number)
        for number in range(round(len(people) * CHANCES["odd company"])):
            self._odd_company(number)
        self._acquaint()

    def sign_up(self, person: Person) -> None:
        """One customer becomes known to Intercom, as most do; not twice under one e-mail or external id."""
        random = self._random(person.customer_id)
        (standing,) = random.choices(tuple(STANDINGS), tuple(STANDINGS.values()))
        try:
            self._standings[standing](person, random)
        except Refusal:
            return

    def _as_user(self, person: Person, random: Random, external_id: str | None = None) -> Contact:
        values = {"role": "user", "external_id": external_id or _external_id(person, random)}
        contact = self._add(values | _identity(person, random), person.created_at, random)
        if person.company_id:
            self._workspace.attach(contact, self._company(person, random), contact.document["created_at"], SOURCE)
        return contact

    def _as_two_users(self, person: Person, random: Random) -> None:
        if person.email:
            self._as_user(person, random, external_id=person.user_id or person.customer_id)
            self._as_user(person, random, external_id=f"legacy-{person.customer_id}")

    def _as_lead(self, person: Person, random: Random) -> None:
        self._add({"role": "lead"} | _identity(person, random), person.created_at, random)

    def _as_archived_user(self, person: Person, random: Random) -> None:
        contact = self._as_user(person, random)
        at = min(contact.document["updated_at"] + random.randrange(30 * DAY), self._workspace.clock.now())
        self._workspace.contacts.set_archived(contact, archived=True, at=at, source=SOURCE)

    def _random(self, name: str) -> Random:
        return Random(f"{self._workspace.settings.seed}:{name}")

    def _attributes(self) -> None:
        at = self._workspace.clock.now() - 400 * DAY
        for model, table in (("contact", CONTACT_ATTRIBUTES), ("company", COMPANY_ATTRIBUTES)):
            for name, data_type, description in table:
                body = {"name": name, "model": model, "data_type": data_type, "description": description}
                self._workspace.attributes.create(body, admin_id=self._admin_id, now=at)

    def _add(self, values: dict[str, Any], known_since: int, random: Random) -> Contact:
        now = self._workspace.clock.now()
        created_at = min(known_since + random.randrange(2 * DAY), now)
        last_seen_at = random.randint(created_at, now)
        document = self._workspace.new_contact(values, created_at) | {
            "signed_up_at": created_at if values["role"] == "user" else None,
            "last_seen_at": last_seen_at,
            "updated_at": last_seen_at,
            "custom_attributes": _contact_attributes(random, now),
        }
        return self._workspace.contacts.create(document, SOURCE)

    def _company(self, person: Person, random: Random) -> Company:
        company_id = person.company_id or ""
        if company_id not in self._companies:
            name = person.company or company_id
            own = self._random(f"described:{company_id}")
            shown_id = person.customer_id if own.random() * 100 < self._billing_ids else company_id
            company = self._new_company(shown_id, name, person.created_at, random)
            _describe(company, website(own, name, company_id), own)
            self._companies[company_id] = company
            self._names.append(name)
        return self._companies[company_id]

    def _new_company(self, company_id: str, name: str, at: int, random: Random) -> Company:
        values = {
            "company_id": company_id,
            "name": name,
            "remote_created_at": at,
            "last_request_at": random.randint(at, self._workspace.clock.now()),
            "size": random.choice(SIZES),
            "custom_attributes": {"account_tier": random.choice(TIERS)} if _chance(random, "tier") else {},
        }
        return self._workspace.companies.add(self._workspace.new_company(values, at), SOURCE)

    def _stranger(self, number: int) -> Contact:
        """Somebody who is no customer."""
        random = self._random(f"stranger:{number}")
        first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
        values = {"name": f"{first} {last}", "email": f"{first}.{last}.{number}@visitors.example".lower()}
        role = {"role": "user", "external_id": f"visitor-{number}"} if _chance(random, "user") else {"role": "lead"}
        return self._add(values | role, self._some_day(random), random)

    def _odd_company(self, number: int) -> None:
        """By turns a company that nobody belongs to, and one with users that bears the name of another."""
        random = self._random(f"company:{number}")
        if number % 2 == 0 or not self._names:
            self._new_company(f"empty-{number}", f"Empty Room {number} Ltd", self._some_day(random), random)
            return
        company = self._new_company(f"namesake-{number}", random.choice(self._names), self._some_day(random), random)
        values = {"role": "user", "external_id": f"namesake-user-{number}", "name": f"Namesake {number}"}
        contact = self._add(values, company.document["created_at"], random)
        self._workspace.attach(contact, company, contact.document["created_at"], SOURCE)

    def _acquaint(self) -> None:
        """Some strangers turn out to belong to companies, up to three: the first that have users."""
        random = self._random("acquainted")
        companies = list(self._workspace.visible_companies())
        strangers = [one for one in self._workspace.contacts.live() if _is_stranger_with_id(one)]
        for stranger, count in zip(strangers, cycle(COMPANIES_OF_STRANGERS), strict=False):
            for company in random.sample(companies, min(count, len(companies))):
                self._workspace.attach(stranger, company, stranger.document["created_at"], SOURCE)

    def _some_day(self, random: Random) -> int:
        return self._workspace.clock.now() - random.randrange(DAY, 300 * DAY)


def _chance(random: Random, name: str) -> bool:
    return random.random() < CHANCES[name]


def _external_id(person: Person, random: Random) -> str | None:
    """The customer's user id for most; without an e-mail there must be some."""
    if person.email is None:
        return person.user_id or person.customer_id
    return person.user_id if _chance(random, "external id") else None


def _identity(person: Person, random: Random) -> dict[str, Any]:
    email = person.email
    if email and _chance(random, "other letter case"):
        email = random.choice((str.upper, str.title))(email)
    phone = person.phone if _chance(random, "phone") else None
    return {"email": email, "name": f"{person.first_name} {person.last_name}", "phone": phone}


def _describe(company: Company, site: str | None, random: Random) -> None:
    """What leads are made of: a website, and attributes of every type."""
    document = company.document
    document["website"] = site
    document["custom_attributes"] |= _company_attributes(random, document["created_at"])


def _is_stranger_with_id(contact: Contact) -> bool:
    return str(contact.document["external_id"]).startswith("visitor-")


def _company_attributes(random: Random, at: int) -> dict[str, Any]:
    values = {
        "seats_used": random.randint(1, 400),
        "trial_started_at": at - random.randrange(DAY),
        "expected_value": round(random.random() * 20_000, 2),
        "self_serve": random.choice((True, False)),
    }
    return {name: value for name, value in values.items() if _chance(random, name)}


def _contact_attributes(random: Random, now: int) -> dict[str, Any]:
    values = {
        "csm_owner": random.choice(OWNERS),
        "nps_score": random.randint(0, 10),
        "lead_score": round(random.random() * 100, 1),
        "beta_tester": random.choice((True, False)),
        "renewal_call_at": now + random.randrange(90 * DAY),
    }
    return {name: value for name, value in values.items() if _chance(random, name)}
