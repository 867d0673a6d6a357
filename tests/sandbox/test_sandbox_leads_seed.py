"""The seeded data for leads: websites, typed attributes, and contacts in no, one and three companies."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest
from sandbox.settings import Settings, read_settings
from sandbox.world import World

MAIL_HOSTS = {"gmail.com", "outlook.com", "yahoo.com"}


def host(url: str) -> str:
    """Return the domain of a website in any spelling."""
    return (urlsplit(url if "//" in url else f"//{url}").hostname or "").removeprefix("www.")


@pytest.fixture(scope="module")
def world() -> World:
    """Return a world of 300 customers with both switches for leads on."""
    return World(Settings(customers=300, companies_with_billing_ids=30, chartmogul_billing_websites=True))


def companies(world: World) -> list[dict[str, Any]]:
    """Return the documents of all companies."""
    return [one.document for one in world.intercom.companies.live()]


def billed(world: World, field: str) -> Counter[str]:
    """Count the non-empty values of a field among the imported ChartMogul customers."""
    return Counter(one.values[field] for one in world.chartmogul.customers if one.values[field])


def test_websites_are_absent_own_shared_or_a_mail_hosts(world: World) -> None:
    """A company's website is missing, its own, shared by two companies, or a mail host's, in several spellings."""
    websites = [one["website"] for one in companies(world)]
    given = [one for one in websites if one]
    counts = Counter(map(host, given))
    assert 0.15 < websites.count(None) / len(websites) < 0.4
    assert set(counts) >= MAIL_HOSTS
    assert 1 <= sum(count == 2 for name, count in counts.items() if name not in MAIL_HOSTS) <= 20
    assert max(count for name, count in counts.items() if name not in MAIL_HOSTS) == 2
    assert (
        {one.startswith("www.") for one in given} == {one.startswith("http://www.") for one in given} == {True, False}
    )


def test_companies_have_attributes_of_every_declared_type(world: World) -> None:
    """Every declared company attribute has values of its type on some companies."""
    declared = {
        one["name"]: one["data_type"]
        for one in world.intercom.attributes.list_all("company", include_archived=False)
        if one["custom"]
    }
    assert declared == {
        "account_tier": "string", "seats_used": "integer", "trial_started_at": "date", "expected_value": "float",
        "self_serve": "boolean",
    }  # fmt: skip
    types = {"string": str, "integer": int, "date": int, "float": float, "boolean": bool}
    values = [item for one in companies(world) for item in one["custom_attributes"].items()]
    assert {(name, type(value)) for name, value in values} == {(name, types[kind]) for name, kind in declared.items()}


def test_contacts_belong_to_no_company_to_one_and_to_three(world: World) -> None:
    """Contacts belong to no company, to one or to three."""
    counts = Counter(len(one.companies) for one in world.intercom.contacts.live())
    assert set(counts) == {0, 1, 3}
    assert counts[1] > counts[0] > counts[3] > 1


def test_every_rule_of_merging_finds_somebody(world: World) -> None:
    """Leads match imported customers by external id, by domain, by company name and by e-mail."""
    leads = companies(world)
    domains = Counter(map(host, billed(world, "website_url").elements()))
    known = {one.primary.external_id for one in world.chartmogul.customers}
    emails = {one.document["email"] for one in world.intercom.contacts.live() if one.companies}
    assert sum(one["company_id"] in known for one in leads) > 20
    assert sum(host(one["website"]) in domains for one in leads if one["website"]) > 50
    assert sum(one["name"] in billed(world, "company") for one in leads) > 150
    assert len(emails & set(billed(world, "email"))) > 150
    assert set(domains.values()) == {1, 2}


def test_both_switches_are_off_by_default() -> None:
    """By default, companies have their own ids, and imported customers have no website."""
    world = World(Settings(customers=60))
    assert {one["company_id"].partition("-")[0] for one in companies(world)} == {"co", "empty", "namesake"}
    assert billed(world, "website_url") == {}


def test_a_share_is_a_percentage() -> None:
    """A share above 100 is refused with a sentence that names the setting."""
    with pytest.raises(ValueError, match="'companies_with_billing_ids' is 0 to 100"):
        read_settings({"companies_with_billing_ids": 101})
