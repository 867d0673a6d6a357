"""Which records are sent, by comparison with the ones sent last, and what happens to contacts that left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.map_leads.conftest import Mapper, Say

DAY = 24 * 3600 * 1000
NOTICED = "2026-01-15T12:00:00+00:00"


def everybody(say: Say) -> list[Any]:
    """Return three companies with one contact each."""
    return [*(say.company(n) for n in (1, 2, 3)), say.contact("ann", 1), say.contact("bob", 2), say.contact("eve", 3)]


def test_nothing_is_sent_twice(leads: Mapper, say: Say) -> None:
    """Unchanged records are not sent again."""
    assert len(leads.run(*everybody(say)).messages) == 2 + 6 + 1
    assert leads.run(*everybody(say)).kinds == ["SCHEMA", "SCHEMA", "STATE"]
    assert leads.run().kinds == ["SCHEMA", "SCHEMA", "STATE"]


CHANGES: list[tuple[str, str, dict[str, Any], tuple[set[str], set[str]]]] = [
    ("a visit", "company", {"last_request_at": 1700000001, "user_count": 2}, (set(), set())),
    ("a company renamed", "company", {"name": "Other"}, ({"acme-1"}, set())),
    ("its attribute", "company", {"custom_attributes": {"seats_used": 5}}, ({"acme-1"}, set())),
    ("an attribute that nobody selected", "company", {"custom_attributes": {"self_serve": True}}, (set(), set())),
    ("a tag", "company", {"tags": {"tags": [{"name": "VIP"}]}}, ({"acme-1"}, set())),
    ("an older version", "company", {"name": "Older", "updated_at": 1600000000}, (set(), set())),
    ("a contact's phone", "contact", {"phone": "+1"}, (set(), {"ann:acme-1"})),
    ("a contact seen", "contact", {"last_seen_at": 1700000001, "updated_at": 1700000001}, (set(), set())),
    ("the speaker's address", "contact", {"email": "new@x.io"}, ({"acme-1"}, {"ann:acme-1"})),
    ("the speaker's place", "contact", {"location": {"country": "Ireland"}}, ({"acme-1"}, set())),
]


@pytest.mark.parametrize(("kind", "values", "expected"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_what_says_something_new_is_sent(
    kind: str, values: dict[str, Any], expected: tuple[set[str], set[str]], leads: Mapper, say: Say
) -> None:
    """A changed company or contact is sent, alone or together as the change requires."""
    leads.run(*everybody(say), company_attributes=["seats_used"])
    row = say.company(1, **values) if kind == "company" else say.contact("ann", 1, **values)
    sent = leads.run(row, company_attributes=["seats_used"])
    assert (sent.ids("customers"), sent.ids("contacts")) == expected
    assert leads.run(row, company_attributes=["seats_used"]).of("customers") == []


def test_what_was_not_confirmed_is_sent_again(leads: Mapper, say: Say) -> None:
    """Records of an unconfirmed run are sent again by the next run, and not by the one after it."""
    leads.run(*everybody(say))
    confirmed = leads.confirmed
    leads.run(say.company(1, name="Other"), say.contact("bob"), on_unlinked="keep")
    leads.confirmed = confirmed
    sent = leads.run(say.contact("eve", 3, phone="+1"))
    assert (sent.ids("customers"), sent.ids("contacts")) == ({"acme-1", "acme-2"}, {"eve:acme-3"})
    assert leads.run().kinds == ["SCHEMA", "SCHEMA", "STATE"]


def test_a_change_that_was_undone_before_it_was_confirmed(leads: Mapper, say: Say) -> None:
    """A change undone before it was confirmed is sent, because the target may have received it."""
    leads.run(*everybody(say))
    confirmed = leads.confirmed
    leads.run(say.company(1, name="Other"))
    leads.confirmed = confirmed
    assert leads.run(say.company(1)).one("customers", "acme-1")["name"] == "Acme 1"


@pytest.mark.parametrize(("later", "sent"), [(DAY - 1000, 0), (DAY, 6), (-DAY, 6)])
def test_everything_is_sent_every_so_often(later: int, sent: int, leads: Mapper, say: Say) -> None:
    """Everything is sent again after `reconcile_every` hours by the tap's clock, or when that clock went back."""
    leads.run(*everybody(say))
    marker = {**say.marker, "completed_at": say.marker["completed_at"] + later}
    assert leads.run(marker=marker).kinds.count("RECORD") == sent
    assert leads.run(marker=marker).kinds.count("RECORD") == 0


SETTINGS: list[dict[str, Any]] = [
    {"company_attributes": ["seats_used"]},
    {"trial_date_field": "none"},
    {"on_unlinked": "delete"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_changed_setting_sends_everything(settings: dict[str, Any], leads: Mapper, say: Say) -> None:
    """A changed setting sends everything from the store, unless it does not affect records."""
    leads.run(*everybody(say))
    assert leads.run(reconcile_every=48).kinds.count("RECORD") == 0
    assert leads.run(**settings).kinds.count("RECORD") == 6
    assert leads.run(**settings).kinds.count("RECORD") == 0


def test_a_changed_type_sends_everything(leads: Mapper, say: Say) -> None:
    """A changed type of an attribute sends everything."""
    leads.run(*everybody(say), company_attributes=["seats_used"])
    wider = say.schema("companies", {"seats_used": {"type": ["number", "null"]}})
    lines = leads.lines()
    lines[1] = wider
    assert leads.feed(lines, company_attributes=["seats_used"]).kinds.count("RECORD") == 6


def test_leads_all_sends_everything(leads: Mapper, say: Say) -> None:
    """`resend: all`, as in the mapping `leads-all`, sends everything."""
    leads.run(*everybody(say))
    assert leads.run(resend="all").kinds.count("RECORD") == 6


def test_a_company_that_vanished_keeps_its_customer(leads: Mapper, say: Say) -> None:
    """A company that Intercom no longer lists stays in the store and is still sent."""
    leads.run(*everybody(say))
    sent = leads.run(say.company(1), say.company(3), resend="all")
    assert sent.ids("customers") == {"acme-1", "acme-2", "acme-3"}


def test_a_contact_that_left_is_kept(leads: Mapper, say: Say, caplog: pytest.LogCaptureFixture) -> None:
    """By default a contact that left its company stays at the customer, and is reported once."""
    leads.run(*everybody(say))
    sent = leads.run(say.contact("ann", 2), say.company(1))
    assert sent.of("contacts")[0]["customer_external_id"] == "acme-2"
    assert (sent.ids("contacts"), sent.deleted) == ({"ann:acme-2"}, set())
    assert leads.summary()["left_company"] == 1
    assert "left company: ann:acme-1" in caplog.messages
    assert leads.run(resend="all").ids("contacts") == {"ann:acme-2", "bob:acme-2", "eve:acme-3"}
    assert leads.summary()["left_company"] == 0


def test_a_contact_that_left_is_deleted(leads: Mapper, say: Say) -> None:
    """With `on_unlinked: delete` a contact that left is sent as deleted until the target confirmed it."""
    leads.run(*everybody(say), on_unlinked="delete")
    confirmed = leads.confirmed
    ids = {"external_id": "ann:acme-1", "previous_external_id": "ann:co1", "customer_external_id": "acme-1"}
    gone = {**ids, "_sdc_deleted_at": NOTICED}
    assert leads.run(say.contact("ann", 2), on_unlinked="delete").of("contacts")[1] == gone
    leads.confirmed = confirmed
    later = {**say.marker, "completed_at": say.marker["completed_at"] + DAY // 2}
    assert leads.run(marker=later, on_unlinked="delete").one("contacts", "ann:acme-1") == gone
    assert leads.run(marker=later, on_unlinked="delete").of("contacts") == []
    assert leads.summary()["contacts_deleted"] == 0


def test_a_contact_that_came_back(leads: Mapper, say: Say) -> None:
    """A contact that returns to its company is sent as no longer deleted."""
    leads.run(*everybody(say), on_unlinked="delete")
    assert leads.run(say.contact("ann"), on_unlinked="delete").deleted == {"ann:acme-1"}
    (back,) = leads.run(say.contact("ann", 1), on_unlinked="delete").of("contacts")
    assert (back["external_id"], back["_sdc_deleted_at"]) == ("ann:acme-1", None)
    assert leads.run(on_unlinked="delete").of("contacts") == []


def test_who_was_kept_may_be_deleted_later(leads: Mapper, say: Say) -> None:
    """Contacts that left under `keep` are deleted once the setting changes."""
    leads.run(*everybody(say))
    leads.run(say.contact("ann", 2))
    assert leads.run(on_unlinked="delete").deleted == {"ann:acme-1"}


def test_a_company_that_comes_after_its_contact(leads: Mapper, say: Say, caplog: pytest.LogCaptureFixture) -> None:
    """A contact whose company has not arrived waits, and is sent together with it."""
    assert leads.run(say.company(1), say.contact("ann", 1, 2)).ids("contacts") == {"ann:acme-1"}
    assert leads.summary()["waiting_for_company"] == 1
    assert "waiting for company: ann" in caplog.messages
    sent = leads.run(say.company(1), say.company(2))
    assert (sent.ids("customers"), sent.ids("contacts")) == ({"acme-2"}, {"ann:acme-2"})
    assert leads.summary()["waiting_for_company"] == 0


def test_another_speaker(leads: Mapper, say: Say) -> None:
    """When the oldest contact leaves, the customer gets the next one's address."""
    leads.run(say.company(1), say.contact("ann", 1, created_at=100), say.contact("bob", 1, created_at=200))
    sent = leads.run(say.contact("ann", created_at=100))
    assert [(one["external_id"], one["email"]) for one in sent.of("customers")] == [("acme-1", "bob@x.io")]


def test_a_contact_of_very_many_companies(leads: Mapper, say: Say) -> None:
    """A contact of a thousand companies is sent once for each of them."""
    people = [say.contact(f"p{n:04}", n) for n in range(1200)]
    sent = leads.run(*(say.company(n) for n in range(1000)), *people, say.contact("ann", *range(1000)))
    assert len(sent.of("customers")) == 1000
    assert sent.ids("contacts") == {f"p{n:04}:acme-{n}" for n in range(1000)} | {f"ann:acme-{n}" for n in range(1000)}
    assert leads.summary()["waiting_for_company"] == 200


def test_the_summary(leads: Mapper, say: Say) -> None:
    """The summary beside the store has these counts."""
    leads.run(*everybody(say), say.contact("joe"), say.company(4, company_id=None))
    summary = leads.summary()
    assert isinstance(summary.pop("seconds"), float)
    assert summary == {
        "map": "map-leads",
        "generation": 1,
        "rows_in": {"companies": 4, "contacts": 4},
        "customers": 3,
        "customers_out": 3,
        "contacts": 3,
        "contacts_out": 3,
        "shadowed": 0,
        "contacts_without_company": 1,
        "left_company": 0,
        "contacts_deleted": 0,
        "without_name": 0,
        "without_email": 0,
        "without_date": 0,
        "no_website": 0,
        "unknown_country": 0,
        "unfit_attribute": 0,
        "companies_without_id": 1,
        "waiting_for_company": 0,
    }
