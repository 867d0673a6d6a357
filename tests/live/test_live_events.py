"""Which ids the events of both vendors name."""

from __future__ import annotations

from typing import Any

import pytest
from chargebee.models.enums import EventType
from hypothesis import given
from hypothesis import strategies as st
from standpipe_console.live.chargebee_events import RINGING_TYPES, parse_event
from standpipe_console.live.intercom_topics import RINGING_TOPICS, parse_notification
from standpipe_console.live.rings import Ring, Subject, Target


def customer(id_: str) -> Target:
    """Return a customer as a target."""
    return Target("sync", Subject.CUSTOMER, id_)


EVERYTHING = Target("sync", Subject.EVERYTHING)
CHARGEBEE: dict[str, tuple[str, Any, set[Target]]] = {
    "the customer itself": ("customer_changed", {"customer": {"id": "c1", "email": "a@b.example"}}, {customer("c1")}),
    "the customer beside a card": (
        "card_added",
        {"customer": {"id": "c1"}, "card": {"customer_id": "c1", "payment_source_id": "pm1"}},
        {customer("c1")},
    ),
    "the subscription's customer": (
        "mrr_updated",
        {"subscription": {"id": "s1", "customer_id": "c1"}},
        {customer("c1")},
    ),
    "an invoice's customer": (
        "invoice_updated",
        {"invoice": {"id": "7", "customer_id": "c1", "subscription_id": "s1"}},
        {customer("c1")},
    ),
    "both customers of a move": (
        "subscription_moved_in",
        {"customer": {"id": "c2"}, "subscription": {"id": "s1", "customer_id": "c2"}, "invoice": {"customer_id": "c1"}},
        {customer("c1"), customer("c2")},
    ),
    "a list under the singular": (
        "unbilled_charges_invoiced",
        {"unbilled_charge": [{"id": "u1", "customer_id": "c1"}, {"id": "u2", "customer_id": "c2"}]},
        {customer("c1"), customer("c2")},
    ),
    "a list under the plural": (
        "credit_note_created",
        {"credit_notes": [{"id": "n1", "customer_id": "c1"}]},
        {customer("c1")},
    ),
    "a ramp names a subscription only": (
        "subscription_ramp_applied",
        {"ramp": {"id": "r1", "subscription_id": "s1"}},
        {Target("sync", Subject.SUBSCRIPTION, "s1")},
    ),
    "nobody is named": ("payment_failed", {"transaction": {"id": "t1"}}, {EVERYTHING}),
    "the id is not a text": ("customer_changed", {"customer": {"id": 7}}, {EVERYTHING}),
    "the id is one that no database keeps": ("customer_changed", {"customer": {"id": "c\0"}}, {EVERYTHING}),
    "the id is half of a character": ("customer_changed", {"customer": {"id": "\ud83d"}}, {EVERYTHING}),
    "the id is longer than any": ("customer_changed", {"customer": {"id": "c" * 256}}, {EVERYTHING}),
    "no content": ("customer_changed", None, {EVERYTHING}),
    "a reminder changes nothing": ("payment_due_reminder", {"invoice": {"customer_id": "c1"}}, set()),
    "a type of tomorrow": ("customer_teleported", {"customer": {"id": "c1"}}, set()),
}


@pytest.mark.parametrize(("event_type", "content", "targets"), CHARGEBEE.values(), ids=CHARGEBEE.keys())
def test_an_event_of_chargebee_rings_for_its_customers(event_type: str, content: Any, targets: set[Target]) -> None:
    """All customers in it are read again. Without any customer, everything is read again."""
    event = {"id": "ev_1", "occurred_at": 1768478400, "event_type": event_type, "content": content}
    assert parse_event(event) == Ring("chargebee", "ev_1", event_type, frozenset(targets))


@pytest.mark.parametrize(
    ("event_type", "moments", "targets"),
    [
        ("payment_failed", ["payment_failed"], {customer("c1"), Target("sync", Subject.EVENT, "ev_1")}),
        ("card_expiry_reminder", ["card_expiry_reminder"], {customer("c1"), Target("sync", Subject.EVENT, "ev_1")}),
        ("payment_failed", ["card_expiry_reminder"], {customer("c1")}),
        ("card_expiry_reminder", ["payment_failed"], set()),
    ],
    ids=["rings anyway", "a reminder", "another moment", "no moment"],
)
def test_an_event_that_is_a_moment_rings_for_itself_too(
    event_type: str, moments: list[str], targets: set[Target]
) -> None:
    """The event of a moment is read by its id, beside its customer, even if it changes nothing of the customer."""
    event = {"id": "ev_1", "event_type": event_type, "content": {"customer": {"id": "c1"}}}
    assert parse_event(event, moments).targets == targets


def test_every_type_is_one_of_chargebees() -> None:
    """A misspelt type would never match."""
    known = {one.value for one in EventType}
    assert [one for one in RINGING_TYPES if one not in known] == []
    assert len(RINGING_TYPES) == len(set(RINGING_TYPES)) == 64


def company(id_: str) -> Target:
    """Return a company as a target."""
    return Target("sync-leads", Subject.COMPANY, id_)


def contact(id_: str) -> Target:
    """Return a contact as a target."""
    return Target("sync-leads", Subject.CONTACT, id_)


LINK = {"company": {"type": "company", "id": "co1", "company_id": "x"}, "contact": {"type": "contact", "id": "u1"}}
INTERCOM: dict[str, tuple[str, Any, set[Target]]] = {
    "company": ("company.updated", {"type": "company", "id": "co1", "company_id": "x"}, {company("co1")}),
    "deleted company": ("company.deleted", {"id": "co1", "type": "company", "deleted": True}, {company("co1")}),
    "attached": ("company.contact.attached", LINK, {company("co1"), contact("u1")}),
    "attached, half": ("company.contact.attached", {"contact": {"id": "u1"}}, {contact("u1")}),
    "unarchived as documented": ("contact.unarchive", {"id": "u1"}, {contact("u1")}),
    "unarchived as sent": ("contact.unarchived", {"id": "u1"}, {contact("u1")}),
    "merged with its other half": (
        "contact.merged",
        {"id": "u1", "merged_from": {"type": "contact", "id": "u2"}},
        {contact("u1"), contact("u2")},
    ),
    "merged as recorded": ("contact.merged", {"id": "u1"}, {contact("u1")}),
    "a visit": ("contact.user.updated", {"id": "u1"}, set()),
    "no id": ("company.created", {"type": "company"}, {Target("sync-leads", Subject.EVERYTHING)}),
}


@pytest.mark.parametrize(("topic", "item", "targets"), INTERCOM.values(), ids=INTERCOM.keys())
def test_a_notification_of_intercom_rings_for_companies_and_contacts(
    topic: str, item: Any, targets: set[Target]
) -> None:
    """Only its ids are used, as the item in it is not a complete record."""
    notification = {"type": "notification_event", "id": "notif_1", "topic": topic, "data": {"item": item}}
    assert parse_notification(notification) == Ring("intercom", "notif_1", topic, frozenset(targets))


def test_a_ping_has_no_id_and_rings_for_nobody() -> None:
    """Intercom sends a ping when somebody saves the address."""
    ping = {"type": "notification_event", "topic": "ping", "id": None, "data": {"item": {"type": "ping"}}}
    assert parse_notification(ping) == Ring("intercom", "", "ping", frozenset())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["id", "event_type", "content", "topic", "data"]), JSON),
    st.sampled_from([*RINGING_TYPES[:3], ""]),
    st.sampled_from([*RINGING_TOPICS, ""]),
)
def test_any_object_is_a_ring(body: dict[str, Any], event_type: str, topic: str) -> None:
    """Any JSON object can be parsed, and an event of a relevant type always has a target."""
    assert bool(parse_event(body | {"event_type": event_type}).targets) == bool(event_type)
    assert bool(parse_notification(body | {"topic": topic}).targets) == bool(topic)
