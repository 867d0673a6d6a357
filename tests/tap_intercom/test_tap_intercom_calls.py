"""How many calls a whole run for leads makes; other tests count its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

NOW = 1_768_478_400
BEGAN = NOW - 5 * 365 * 86_400
CONTACTS, COMPANIES = 20_000, 5_000


def fill(sandbox: RunningSandbox) -> None:
    """Fill a workspace that grew faster and faster over five years; every company has one user."""
    sandbox.reset(customers=0, seed=7)
    known = sandbox.world.intercom
    for row in range(CONTACTS):
        at = BEGAN + int((NOW - BEGAN) * (row / CONTACTS) ** 0.5)
        document = known.new_contact({"role": "user", "email": f"jane.{row}@example.com"}, at)
        contact = known.contacts.create(document, "API")
        if row % (CONTACTS // COMPANIES) == 0:
            company = known.companies.add(known.new_company({"company_id": f"c-{row}", "name": "Acme"}, at), "API")
            known.attach(contact, company, at, "API")


def test_twenty_thousand_contacts_and_five_thousand_companies_take_two_hundred_calls(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, calls: Callable[[], dict[str, int]]
) -> None:
    """Reading 20,000 contacts and 5,000 companies takes at most 200 calls.

    After 38 hours without changes, contacts cost one call.
    """
    fill(sandbox)
    # The sandbox caches eight sorted lists; with more readers it would sort again for each page.
    first = run_tap(max_concurrency=4)
    counted = calls()
    assert {name: len(by_id) for name, by_id in ids(first).items()} == {"contacts": CONTACTS, "companies": COMPANIES}
    assert counted["/companies/scroll"] == 51
    assert sum(counted.values()) <= 200

    sandbox.world.clock.advance(38 * 3600)
    second = run_tap(state=first.state)
    assert second.records == {}
    assert calls() == {"/me": 1, "/data_attributes": 2, "/contacts/search": 1, "/companies/scroll": 51}


def ids(run: Any) -> dict[str, set[str]]:
    """Return the ids of the records that were sent, by stream."""
    return {name: {record["id"] for record in records} for name, records in run.records.items()}
