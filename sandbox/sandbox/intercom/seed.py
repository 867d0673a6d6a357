"""How the business's customers are known in Intercom when the story begins: most of them, and some of them oddly.

In ``fixtures/seed.json``, `standings` says how a customer is known, in percent; `chances` are shares: of the customers
for strangers and odd companies, else of their own kind. Strangers belong to `companies_of_strangers` by turns.
"""

from __future__ import annotations

from itertools import cycle
from random import Random
from typing import TYPE_CHECKING

from sandbox.business.websites import website
from sandbox.clock import DAY
from sandbox.intercom.errors import Refusal
from sandbox.intercom.fixtures import read_fixture

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.business.records import Person
    from sandbox.intercom.companies import Company
    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.workspace import Workspace
    from sandbox.json_types import JsonObject

SOURCE = "seed"
TABLES = read_fixture("seed")
CHANCES = TABLES["chances"]


class Seed:
    """Puts people into a workspace. What becomes of a person depends on the seed and the customer's id alone."""

    def __init__(self, workspace: Workspace, admin_id: str) -> None:
        self._workspace = workspace
        self._admin_id = admin_id
        self._companies: dict[str, Company] = {}
        self._names: list[str] = []
        self._standings: dict[str, Callable[[Person, Random], object]] = {
            "user": self._add_user,
            "two users": self._add_two_users,
            "lead": lambda person, random: self._add({"role": "lead"} | _identify(person, random), person, random),
            "archived user": self._add_archived_user,
            "unknown": lambda _person, _random: None,
        }

    def fill(self, people: list[Person]) -> None:
        """Create the whole workspace of the first day."""
        at = self._workspace.clock.now() - 400 * DAY
        for model, rows in TABLES["attributes"].items():
            for name, data_type, description in rows:
                body = {"name": name, "model": model, "data_type": data_type, "description": description}
                self._workspace.attributes.create(body, admin_id=self._admin_id, now=at)
        for person in people:
            self.sign_up(person)
        for number in range(round(len(people) * CHANCES["stranger"])):
            self._add_stranger(number)
        for number in range(round(len(people) * CHANCES["odd company"])):
            self._add_odd_company(number)
        self._link_strangers()

    def sign_up(self, person: Person) -> None:
        """Let one customer sign up, as most do, unless the e-mail or external id is taken."""
        random = self._make_random(person.customer_id)
        (standing,) = random.choices(tuple(TABLES["standings"]), tuple(TABLES["standings"].values()))
        try:
            self._standings[standing](person, random)
        except Refusal:
            # A customer whose e-mail or external id is taken does not sign up.
            return

    def _add_user(self, person: Person, random: Random, external_id: str | None = None) -> Contact:
        if external_id is None:
            # A contact without an e-mail needs an external id.
            is_known_by_id = person.email is None or _draw(random, "external id")
            fallback = person.customer_id if person.email is None else None
            external_id = (person.user_id or fallback) if is_known_by_id else None
        contact = self._add({"role": "user", "external_id": external_id} | _identify(person, random), person, random)
        if person.company_id:
            company = self._find_company(person, person.company_id, random)
            self._workspace.attach(contact, company, contact.document["created_at"], SOURCE)
        return contact

    def _add_two_users(self, person: Person, random: Random) -> None:
        if person.email:
            self._add_user(person, random, person.user_id or person.customer_id)
            self._add_user(person, random, f"legacy-{person.customer_id}")

    def _add_archived_user(self, person: Person, random: Random) -> None:
        contact = self._add_user(person, random)
        at = min(contact.document["updated_at"] + random.randrange(30 * DAY), self._workspace.clock.now())
        self._workspace.contacts.set_archived(contact, archived=True, at=at, source=SOURCE)

    def _make_random(self, name: str) -> Random:
        return Random(f"{self._workspace.settings.seed}:{name}")

    def _add(self, values: JsonObject, known_since: Person | int, random: Random) -> Contact:
        now = self._workspace.clock.now()
        since = known_since if isinstance(known_since, int) else known_since.created_at
        created_at = min(since + random.randrange(2 * DAY), now)
        last_seen_at = random.randint(created_at, now)
        document = self._workspace.new_contact(values, created_at) | {
            "signed_up_at": created_at if values["role"] == "user" else None,
            "last_seen_at": last_seen_at,
            "updated_at": last_seen_at,
        }
        attributes = {
            "csm_owner": random.choice(TABLES["owners"]),
            "nps_score": random.randint(0, 10),
            "lead_score": round(random.random() * 100, 1),
            "beta_tester": random.choice((True, False)),
            "renewal_call_at": now + random.randrange(90 * DAY),
        }
        document["custom_attributes"] = _draw_some(random, attributes)
        return self._workspace.contacts.create(document, SOURCE)

    def _find_company(self, person: Person, company_id: str, random: Random) -> Company:
        """Return a customer's company, created when its first customer signs up."""
        if company_id not in self._companies:
            name = person.company or company_id
            own = self._make_random(f"described:{company_id}")
            billing_ids = self._workspace.settings.companies_with_billing_ids
            shown_id = person.customer_id if own.random() * 100 < billing_ids else company_id
            company = self._add_company(shown_id, name, person.created_at, random)
            # The website and the attributes of every type are what map-leads reads.
            company.document["website"] = website(own, name, company_id)
            attributes = {
                "seats_used": own.randint(1, 400),
                "trial_started_at": person.created_at - own.randrange(DAY),
                "expected_value": round(own.random() * 20_000, 2),
                "self_serve": own.choice((True, False)),
            }
            company.document["custom_attributes"] |= _draw_some(own, attributes)
            self._companies[company_id] = company
            self._names.append(name)
        return self._companies[company_id]

    def _add_company(self, company_id: str, name: str, at: int, random: Random) -> Company:
        values = {
            "company_id": company_id,
            "name": name,
            "remote_created_at": at,
            "last_request_at": random.randint(at, self._workspace.clock.now()),
            "size": random.choice(TABLES["sizes"]),
            "custom_attributes": {"account_tier": random.choice(TABLES["tiers"])} if _draw(random, "tier") else {},
        }
        return self._workspace.companies.add(self._workspace.new_company(values, at), SOURCE)

    def _add_stranger(self, number: int) -> None:
        """Add a contact who is not a customer."""
        random = self._make_random(f"stranger:{number}")
        first, last = random.choice(TABLES["first_names"]), random.choice(TABLES["last_names"])
        values = {"name": f"{first} {last}", "email": f"{first}.{last}.{number}@visitors.example".lower()}
        role = {"role": "user", "external_id": f"visitor-{number}"} if _draw(random, "user") else {"role": "lead"}
        self._add(values | role, self._draw_day(random), random)

    def _add_odd_company(self, number: int) -> None:
        """Add in turn a company without users, and a company with users that shares another's name."""
        random = self._make_random(f"company:{number}")
        if number % 2 == 0 or not self._names:
            self._add_company(f"empty-{number}", f"Empty Room {number} Ltd", self._draw_day(random), random)
            return
        name = random.choice(self._names)
        company = self._add_company(f"namesake-{number}", name, self._draw_day(random), random)
        values = {"role": "user", "external_id": f"namesake-user-{number}", "name": f"Namesake {number}"}
        contact = self._add(values, company.document["created_at"], random)
        self._workspace.attach(contact, company, contact.document["created_at"], SOURCE)

    def _link_strangers(self) -> None:
        """Attach some strangers to up to three companies, the first that have users."""
        random = self._make_random("acquainted")
        companies = list(self._workspace.visible_companies())
        contacts = self._workspace.contacts.live()
        strangers = [one for one in contacts if str(one.document["external_id"]).startswith("visitor-")]
        for stranger, count in zip(strangers, cycle(TABLES["companies_of_strangers"]), strict=False):
            for company in random.sample(companies, min(count, len(companies))):
                self._workspace.attach(stranger, company, stranger.document["created_at"], SOURCE)

    def _draw_day(self, random: Random) -> int:
        return self._workspace.clock.now() - random.randrange(DAY, 300 * DAY)


def _draw(random: Random, name: str) -> bool:
    return bool(random.random() < CHANCES[name])


def _draw_some(random: Random, values: JsonObject) -> JsonObject:
    return {name: value for name, value in values.items() if _draw(random, name)}


def _identify(person: Person, random: Random) -> JsonObject:
    email = person.email
    if email and _draw(random, "other letter case"):
        email = random.choice((str.upper, str.title))(email)
    phone = person.phone if _draw(random, "phone") else None
    return {"email": email, "name": f"{person.first_name} {person.last_name}", "phone": phone}
