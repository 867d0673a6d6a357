"""In twelve months of a business, ChartMogul's data equals an independent calculation after every month.

`LEAD_SEEDS=10 pytest tests/target_chartmogul/test_target_chartmogul_months.py` runs ten businesses.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

PLANS = ("basic", "gold", None)


class Business:
    """Companies and people as Intercom would hold them, and what ChartMogul should hold, calculated independently.

    `told` has the values that a company's customer should have; `billed` those that billing has merged, with the name
    that stays; `pinned` those whose website somebody has fixed.
    """

    def __init__(self, account: Any, lead: Record, person: Record, seed: int) -> None:
        self.account, self.lead, self.person = account, lead, person
        self.random = Random(seed)  # noqa: S311 - a seeded business
        self.companies: dict[str, dict[str, Any]] = {}
        self.told: dict[str, dict[str, Any]] = {}
        self.people: dict[str, str] = {}  #: by person, the company
        self.pairs: dict[str, str] = {}  #: by contact's external id, the title
        self.left: set[str] = set()
        self.billed: dict[str, str] = {}
        self.pinned: dict[str, str] = {}
        self.made = 0

    def month(self) -> None:
        """Simulate a month: new companies, renames, changed plans, moved people, closed companies."""
        for _ in range(6):
            self.found()
        for name in self.some(4):
            self.companies[name]["name"] = f"{name} Ltd {self.random.randint(1, 99)}"
        for name in self.some(4):
            self.companies[name]["plan"] = self.random.choice(PLANS)
            self.companies[name]["vip"] = self.random.random() < 0.5
        for one in self.random.sample(sorted(self.people), min(3, len(self.people))):
            self.move(one)
        for name in self.some(1):
            del self.companies[name]  # deleted in Intercom; its customer stays unchanged

    def found(self) -> None:
        """Add a new company with two people."""
        self.made += 1
        name = f"c{self.made}"
        fields = {"name": name, "plan": self.random.choice(PLANS), "vip": False, "site": f"{name}.example"}
        self.companies[name] = fields
        for number in range(2):
            self.people[f"p{self.made}-{number}"] = name

    def move(self, one: str) -> None:
        """Move a person from one company to another."""
        self.left.add(f"{one}:{self.people[one]}")
        self.people[one] = self.random.choice(sorted(self.companies))
        self.left.discard(f"{one}:{self.people[one]}")

    def some(self, count: int) -> list[str]:
        """Choose `count` companies, or all when there are fewer."""
        return self.random.sample(sorted(self.companies), min(count, len(self.companies)))

    def merge(self) -> None:
        """Merge a company's customer into one of billing's."""
        name = self.random.choice([one for one in self.told if one not in self.billed])
        self.billed[name] = f"Billed {name}"
        into = self.account.add(f"cb-{name}", "Billing", name=self.billed[name])
        self.account.merge(self.account.customer(name)["uuid"], into)
        self.told[name] |= {"name": self.billed[name], "site": ""}

    def pin(self) -> None:
        """Override a customer's website, like a user."""
        name = self.random.choice(sorted(set(self.told) - set(self.billed) - set(self.pinned)))
        self.pinned[name] = self.told[name]["site"] = "fixed.example"
        body = {"website_url": "fixed.example", "overrides": {"website_url": True}}
        self.account.call("PATCH", f"/customers/{self.account.customer(name)['uuid']}", body)

    def records(self) -> list[dict[str, Any]]:
        """Return the records that a map sends in a full run."""
        customers = [
            self.lead(one, {"plan": held["plan"], "vip": held["vip"]}, name=held["name"], website_url=held["site"])
            for one, held in self.companies.items()
        ]
        people = [self.person(one, company) for one, company in self.people.items() if company in self.companies]
        gone = [self.person(*pair.split(":"), _sdc_deleted_at="2026-01-01T00:00:00Z") for pair in sorted(self.left)]
        return [*customers, *people, *gone]

    def reckon(self) -> None:
        """Calculate ChartMogul's data after a complete run."""
        for name, held in self.companies.items():
            told = {"name": self.billed.get(name, held["name"]), "site": self.pinned.get(name, held["site"])}
            self.told[name] = told | {"plan": held["plan"], "vip": held["vip"]}
        self.pairs |= {f"{one}:{company}": company for one, company in self.people.items() if company in self.companies}
        self.pairs = {pair: company for pair, company in self.pairs.items() if pair not in self.left}

    def held(self) -> dict[str, dict[str, Any]]:
        """Return ChartMogul's data about the companies."""
        return {
            name: {
                "name": one["name"],
                "site": one["website_url"] or "",
                "plan": one["attributes"]["custom"].get("plan"),
                "vip": one["attributes"]["custom"]["vip"],
            }
            for name, one in self.account.customers().items()
        }


@pytest.mark.parametrize("seed", range(1, int(os.environ.get("LEAD_SEEDS", "1")) + 1))
def test_twelve_months(account: Any, target: Any, lead: Record, person: Record, seed: int) -> None:
    """After every month the data is as calculated, every record is reported once, and a second run writes nothing."""
    business = Business(account, lead, person, seed)
    for month in range(12):
        business.month()
        records = business.records()
        ran = target.run(records)
        business.reckon()
        assert business.held() == business.told
        owners = {key: one["customer_external_id"] for key, one in account.contacts().items()}
        assert set(owners) == set(business.pairs)
        assert all(owner in {business.pairs[key], f"cb-{business.pairs[key]}"} for key, owner in owners.items())
        assert Counter(ran.ids()) == Counter(record["external_id"] for record in records)
        target.run(records)
        assert account.writes() == 0
        if month % 3 == 1:
            business.merge()
            business.pin()
    assert (len(business.billed), len(business.pinned)) == (4, 4)
