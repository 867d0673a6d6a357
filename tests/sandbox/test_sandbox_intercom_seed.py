"""The seeded workspace: most customers are in it, some in odd ways, and one seed always gives the same."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.business.records import Person
from sandbox.clock import Clock
from sandbox.intercom.living import LivingWorkspace
from sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.intercom.contacts import Contact


def person(number: int, **facts: Any) -> Person:
    """Return a customer with an e-mail and a company that three customers share."""
    common: dict[str, Any] = {
        "customer_id": f"c{number}", "email": f"p{number}@example.com", "first_name": "Ada", "last_name": "Li",
        "phone": "+1", "company": f"Co {number // 3}", "company_id": f"co-{number // 3}", "user_id": f"u{number}",
        "created_at": 1_700_000_000, "deleted": False,
    }  # fmt: skip
    return Person(**(common | facts))


def everyone(workspace: LivingWorkspace) -> list[dict[str, Any]]:
    """Return the documents of all live contacts."""
    return [one.document for one in workspace.contacts.live()]


@pytest.fixture(scope="module")
def workspace() -> LivingWorkspace:
    """Return a workspace seeded from a thousand customers."""
    return LivingWorkspace.seeded((person(number) for number in range(1000)), Settings(), Clock())


def standings(workspace: LivingWorkspace) -> Counter[str]:
    """Count the customers that are a user, two users, a lead, or unknown."""
    users, leads = (
        Counter((one["email"] or "").lower() for one in everyone(workspace) if one["role"] == role)
        for role in ("user", "lead")
    )
    emails = [f"p{number}@example.com" for number in range(1000)]
    return Counter(
        ("unknown", "user", "two users")[users[email]] if users[email] or not leads[email] else "lead"
        for email in emails
    )


def test_most_customers_are_known_in_some_way(workspace: LivingWorkspace) -> None:
    """Most customers are users; a few are two users, leads or unknown. Archived users count as unknown."""
    counts = standings(workspace)
    shares = {"user": 780, "two users": 40, "lead": 50, "unknown": 130}
    assert {name: abs(counts[name] - share) < 50 for name, share in shares.items()} == dict.fromkeys(shares, True)
    assert min(counts.values()) > 20


def test_users_have_odd_cases_external_ids_and_values(workspace: LivingWorkspace) -> None:
    """Some users have e-mails in another letter case or no external id. Only the workspace's own attributes are set."""
    users = [
        one for one in everyone(workspace) if one["role"] == "user" and (one["email"] or "").lower().startswith("p")
    ]
    odd = sum(one["email"] != one["email"].lower() for one in users)
    without = sum(one["external_id"] is None for one in users)
    assert 30 < odd < 130
    assert 50 < without < 200
    names = {name for one in everyone(workspace) for name in one["custom_attributes"]}
    assert names == {"csm_owner", "nps_score", "lead_score", "beta_tester", "renewal_call_at"}


def test_people_who_are_no_customers_are_there_too(workspace: LivingWorkspace) -> None:
    """The workspace also has users and leads who are not customers, 15 % of the customers' number."""
    strangers = [one["role"] for one in everyone(workspace) if (one["email"] or "").endswith("@visitors.example")]
    assert len(strangers) == 150
    assert set(strangers) == {"user", "lead"}


def test_some_companies_are_hidden_and_some_share_a_name(workspace: LivingWorkspace) -> None:
    """Some companies have no users and are hidden; some share a name but have different `company_id`s."""
    visible = [one.document for one in workspace.visible_companies()]
    assert len(workspace.companies) - len(visible) == 20
    names = Counter(one["name"] for one in visible)
    assert sum(count > 1 for count in names.values()) >= 10
    assert len({one["company_id"] for one in visible}) == len(visible)


def test_no_two_users_break_intercoms_own_rules(workspace: LivingWorkspace) -> None:
    """Users who share an e-mail all have external ids, and external ids are unique."""
    users = [one for one in everyone(workspace) if one["role"] == "user"]
    shared = {
        email for email, count in Counter((one["email"] or "").lower() for one in users).items() if email and count > 1
    }
    assert all(one["external_id"] for one in users if (one["email"] or "").lower() in shared)
    ids = [one["external_id"] for one in users if one["external_id"]]
    assert len(ids) == len(set(ids))


def test_one_seed_gives_one_workspace() -> None:
    """The same seed gives the same workspace; another seed gives a different one."""

    def seeded(seed: int) -> list[dict[str, Any]]:
        return everyone(LivingWorkspace.seeded([person(number) for number in range(50)], Settings(seed=seed), Clock()))

    assert seeded(7) == seeded(7)
    assert seeded(7) != seeded(8)


def emails(contacts: Iterable[Contact]) -> set[str]:
    """Return the contacts' e-mails in lower case."""
    return {str(one.document["email"]).lower() for one in contacts}


def test_new_customers_sign_up_when_time_passes() -> None:
    """Most new customers sign up as time passes, and each outcome does not depend on other customers."""
    clock = Clock()
    workspace = LivingWorkspace.seeded([], Settings(), clock)
    people = [person(number, created_at=clock.now()) for number in range(100)]
    workspace.advance(people)
    signed_up = emails(workspace.contacts.live())
    assert 75 < len(signed_up) < 97
    one_by_one = LivingWorkspace.seeded([], Settings(), clock)
    for each in reversed(people):
        one_by_one.advance([each])
    assert emails(one_by_one.contacts.live()) == signed_up


def test_a_customer_without_email_is_known_by_external_id() -> None:
    """A user without an e-mail always has an external id."""
    people = [person(number, email=None, user_id=None) for number in range(100)]
    workspace = LivingWorkspace.seeded(people, Settings(), Clock())
    users = [one for one in everyone(workspace) if one["role"] == "user" and one["email"] is None]
    assert len(users) > 60
    assert all(one["external_id"] for one in users)
