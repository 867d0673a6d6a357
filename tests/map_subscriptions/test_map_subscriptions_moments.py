"""Which of Chargebee's events become moments, what they carry, and when they are sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standpipe_maps._kit.errors import UserError
from standpipe_maps.subscriptions.moments import BY_TYPE, MOMENTS, derive_moments

if TYPE_CHECKING:
    from tests.map_subscriptions.conftest import Lines, Mapper, Sent

AT = 1_768_400_000
READ_AT = 1_768_478_400
ANN = {"id": "ann", "email": "ann@x.io", "created_at": 100, "resource_version": 1}
SUBSCRIPTION = {
    "id": "s1",
    "customer_id": "ann",
    "status": "active",
    "mrr": 4900,
    "currency_code": "EUR",
    "next_billing_at": AT + 86_400,
    "trial_end": AT + 3_600,
    "subscription_items": [{"item_type": "addon", "item_price_id": "x"}, {"item_type": "plan", "item_price_id": "pro"}],
}
TRANSACTION = {"id": "t1", "customer_id": "ann", "amount": 2999, "currency_code": "USD", "payment_method": "card"}
FAILED = {**TRANSACTION, "error_code": "expired_card", "error_text": "The card has expired."}
INVOICE = {"id": "i1", "customer_id": "ann", "subscription_id": "s1", "next_retry_at": AT + 7_200}
SHOWN = {
    "subscription_id": "s1",
    "plan": "pro",
    "status": "active",
    "mrr": {"amount": 4900, "currency": "eur"},
    "next_billing_date": AT + 86_400,
}
PAID = {
    "amount": {"amount": 2999, "currency": "usd"},
    "invoice_id": "i1",
    "subscription_id": "s1",
    "payment_method": "card",
    "transaction_id": "t1",
}


def event(event_type: str, event_id: str = "ev_1", at: int = AT, **content: Any) -> dict[str, Any]:
    """Return an event as the tap sends it."""
    content = content or {"subscription": SUBSCRIPTION, "customer": ANN}
    return {"id": event_id, "event_type": event_type, "occurred_at": at, "source": "api", "content": content}


def derive(*events: dict[str, Any], chosen: Any = MOMENTS) -> list[dict[str, Any]]:
    """Return the moments of these events."""
    return list(derive_moments([json.dumps(one).encode() for one in events], chosen))


@pytest.mark.parametrize(
    ("event_type", "content", "event_name", "metadata"),
    [
        ("subscription_created", {}, "created-subscription", {**SHOWN, "trial_end_date": AT + 3_600}),
        ("subscription_created_with_backdating", {}, "created-subscription", {**SHOWN, "trial_end_date": AT + 3_600}),
        ("subscription_activated", {}, "activated-subscription", SHOWN),
        ("subscription_activated_with_backdating", {}, "activated-subscription", SHOWN),
        ("subscription_trial_end_reminder", {}, "trial-ending", {**SHOWN, "trial_end_date": AT + 3_600}),
        (
            "subscription_cancelled",
            {"subscription": {**SUBSCRIPTION, "status": "cancelled", "cancel_reason": "not_paid", "cancelled_at": AT}},
            "deleted-subscription",
            {**SHOWN, "status": "cancelled", "cancel_reason": "not_paid", "cancelled_date": AT},
        ),
        (
            "subscription_canceled_with_backdating",
            {"subscription": {**SUBSCRIPTION, "cancel_reason_code": "Too expensive"}},
            "deleted-subscription",
            {**SHOWN, "cancel_reason": "Too expensive"},
        ),
        ("subscription_renewed", {}, "renewed-subscription", SHOWN),
        ("subscription_changed", {}, "changed-plan", SHOWN),
        ("subscription_changed_with_backdating", {}, "changed-plan", SHOWN),
        (
            "payment_failed",
            {"transaction": FAILED, "invoice": INVOICE, "customer": ANN, "subscription": SUBSCRIPTION},
            "payment-failed",
            {**PAID, "plan": "pro", "error": "The card has expired.", "next_retry_date": AT + 7_200},
        ),
        ("payment_succeeded", {"transaction": TRANSACTION, "invoice": INVOICE}, "charged", PAID),
        (
            "card_expiry_reminder",
            {"customer": ANN, "card": {"card_type": "visa", "expiry_month": 2, "expiry_year": 2026, "last4": "4242"}},
            "card-expiring",
            {"card_type": "visa", "expires": "02/2026"},
        ),
    ],
    ids=lambda one: one if isinstance(one, str) and "_" in one else "",
)
def test_an_event_becomes_a_moment(
    event_type: str, content: dict[str, Any], event_name: str, metadata: dict[str, Any]
) -> None:
    """The type of an event decides the name of the moment, and its content gives the metadata."""
    assert derive(event(event_type, **content)) == [
        {
            "event_id": "ev_1",
            "customer_id": "ann",
            "event_name": event_name,
            "created_at": AT,
            "metadata": {"chargebee_event_id": "ev_1", **metadata},
        }
    ]


def test_the_table_above_has_every_type() -> None:
    """Thirteen types of events become nine moments; every other type becomes none."""
    assert (len(BY_TYPE), len(MOMENTS)) == (13, 9)
    others = ("customer_created", "mrr_updated", "payment_source_expiring", "invoice_generated", "subscription_started")
    assert derive(*(event(kind) for kind in others)) == []


def test_only_chosen_moments_are_derived() -> None:
    """Events of moments that were not chosen are left out."""
    events = [event("subscription_renewed"), event("subscription_cancelled", "ev_2")]
    assert [one["event_id"] for one in derive(*events, chosen=["subscription_cancelled"])] == ["ev_2"]


@pytest.mark.parametrize(
    "odd",
    [
        event("payment_failed", transaction={"amount": 1}),
        event("payment_failed", at=0),
        event("payment_failed") | {"occurred_at": None},
        event("payment_failed") | {"occurred_at": "today"},
        event("payment_failed") | {"content": []},
        event("payment_failed") | {"content": None},
        {"id": 7, "event_type": "payment_failed"},
        {"id": "ev_1", "event_type": ["payment_failed"]},
    ],
    ids=["nobody", "time 0", "no time", "text as time", "list", "null", "number as id", "list as type"],
)
def test_an_odd_event_is_no_moment_and_stops_nothing(odd: dict[str, Any]) -> None:
    """An event without a customer or a time is left out, and the next one is a moment."""
    assert [one["event_id"] for one in derive(odd, event("payment_failed", "ev_2"))] == ["ev_2"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=9), one, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ("id", "amount", "mrr", "currency_code", "status", "plan_id", "next_billing_at", "trial_end", "cancel_reason",
     "subscription_items", "error_text", "card_type", "expiry_month", "expiry_year", "payment_method", "cancelled_at"),
)  # fmt: skip
RECORDS = st.dictionaries(NAMES, JSON | st.text(min_size=250, max_size=300), max_size=8)


@given(
    event_type=st.sampled_from(sorted(BY_TYPE)),
    content=st.dictionaries(st.sampled_from(("subscription", "invoice", "transaction", "card")), RECORDS | JSON),
)
def test_metadata_is_within_the_limits_of_intercom(event_type: str, content: dict[str, Any]) -> None:
    """Whatever an event contains, its moment has at most ten flat members, texts of 255, and positive amounts."""
    events = [json.dumps(event(event_type, **{**content, "customer": ANN})).encode()]
    (moment,) = derive_moments(events, MOMENTS)
    metadata = moment["metadata"]
    assert len(metadata) <= 10
    assert next(iter(metadata)) == "chargebee_event_id"
    for name, value in metadata.items():
        if isinstance(value, dict):
            assert value.keys() == {"amount", "currency"}
            assert (value["amount"] > 0, len(value["currency"])) == (True, 3)
        elif isinstance(value, str):
            assert 0 < len(value) <= 255
        else:
            assert isinstance(value, int if name.endswith("_date") else int | float)


def run(
    mapper: Mapper,
    lines: Lines,
    *rows: tuple[str, dict[str, Any]],
    subset: int = 0,
    read_at: int = READ_AT,
    **more: Any,
) -> Sent:
    """Run the map over these rows with the stream of events; two moments are chosen unless the settings say more."""
    marker = {**lines.marker, "streams": "customers,events,invoices,subscriptions", "subset": subset}
    bookmarks = {"customers": {"replication_key_value": 1}, "events": {"read_at": read_at}}
    echo = [lines.line("STATE", value={"bookmarks": {"_map": mapper.confirmed}})] if mapper.confirmed else []
    last = lines.line("STATE", value={"bookmarks": {**bookmarks, "_sync": marker, "_map": mapper.confirmed}})
    records = [lines.record(*row) for row in rows]
    settings = {"moments": ["payment_failed", "subscription_renewed"]} | more
    return mapper.feed([*echo, *lines.schemas, lines.schema("events"), *records, last], **settings)


def moments_of(sent: Sent) -> list[str]:
    """Return the event ids of the moments, in their order."""
    return [one["record"]["event_id"] for one in sent.messages if one["type"] == "RECORD" and one["stream"] == "events"]


def test_moments_come_after_the_contacts_with_the_start_of_the_run(mapper: Mapper, lines: Lines) -> None:
    """The stream of moments comes after the contacts, oldest first; its SCHEMA says what is chosen since when."""
    sent = run(
        mapper,
        lines,
        ("events", event("subscription_renewed", "ev_2", AT + 1)),
        ("events", event("payment_failed", "ev_1")),
        ("events", event("subscription_cancelled", "ev_3")),
        ("customers", ANN),
    )
    assert [one["stream"] for one in sent.messages if one["type"] == "RECORD"] == ["contacts", "events", "events"]
    assert moments_of(sent) == ["ev_1", "ev_2"]
    (schema,) = [one for one in sent.messages if one["type"] == "SCHEMA" and one["stream"] == "events"]
    assert schema["key_properties"] == ["event_id"]
    assert schema["schema"]["x-standpipe-moments"] == {
        "names": ["renewed-subscription", "payment-failed"],
        "read_at": READ_AT,
    }
    assert mapper.summary()["moments"] == 2


def test_without_the_setting_events_change_nothing(mapper: Mapper, lines: Lines) -> None:
    """Without moments, the stream of events is ignored, and the map sends what it sends without that stream."""
    with_events = run(mapper, lines, ("customers", ANN), ("events", event("payment_failed")), moments=[])
    assert {one.get("stream") for one in with_events.messages} == {"contacts", None}
    assert "moments" not in mapper.summary()


def test_moments_are_sent_until_the_target_has_confirmed_them(mapper: Mapper, lines: Lines) -> None:
    """An unconfirmed run's moments are sent again; a confirmed run's are not."""
    first = run(mapper, lines, ("customers", ANN))
    mapper.confirmed = first.bookmarks["_map"]
    assert moments_of(run(mapper, lines, ("events", event("payment_failed")))) == ["ev_1"]
    again = run(mapper, lines)
    assert moments_of(again) == ["ev_1"]
    mapper.confirmed = again.bookmarks["_map"]
    assert moments_of(run(mapper, lines)) == []


def test_the_customer_of_a_moment_is_sent(mapper: Mapper, lines: Lines) -> None:
    """With `resend: changed`, a moment's customer is sent although nothing else of it changed."""
    first = run(mapper, lines, ("customers", ANN), ("customers", ANN | {"id": "bob", "email": "bob@x.io"}))
    mapper.confirmed = first.bookmarks["_map"]
    sent = run(mapper, lines, ("events", event("payment_failed")), resend="changed", moments=["payment_failed"])
    mapper.confirmed = sent.bookmarks["_map"]
    sent = run(mapper, lines, ("events", event("payment_failed", "ev_2")), resend="changed", moments=["payment_failed"])
    found = [(one["stream"], one["record"]["customer_id"]) for one in sent.messages if one["type"] == "RECORD"]
    assert found == [("contacts", "ann"), ("events", "ann")]


def test_a_moment_waits_a_week_for_its_customer(mapper: Mapper, lines: Lines) -> None:
    """A moment whose customer did not come yet is sent in the run in which it comes, unless that takes a week."""
    now = lines.marker["completed_at"] // 1000
    events = [
        ("events", event("payment_failed", "ev_1", now - 60)),
        ("events", event("payment_failed", "old", now - 7 * 86_400 - 1)),
    ]
    mapper.confirmed = run(mapper, lines, *events).bookmarks["_map"]
    mapper.confirmed = run(mapper, lines).bookmarks["_map"]
    assert moments_of(run(mapper, lines, ("customers", ANN))) == ["ev_1"]


def test_a_run_over_some_customers_sends_its_own_moments(mapper: Mapper, lines: Lines) -> None:
    """A subset run sends the events that it was given, in a stream that is marked as a subset."""
    mapper.confirmed = run(mapper, lines, ("customers", ANN)).bookmarks["_map"]
    run(mapper, lines, ("events", event("payment_failed", "ev_0")))
    sent = run(mapper, lines, ("customers", ANN), ("events", event("payment_failed")), subset=1)
    (schema,) = [one for one in sent.messages if one["type"] == "SCHEMA" and one["stream"] == "events"]
    assert (moments_of(sent), schema["schema"]["x-standpipe-subset"]) == (["ev_1"], True)
    mapper.confirmed = sent.bookmarks["_map"]
    assert moments_of(run(mapper, lines)) == ["ev_0", "ev_1"]


def test_the_stream_of_events_is_needed(mapper: Mapper, lines: Lines) -> None:
    """Moments need the stream `events`, except in a run over some customers: without it nothing is sent."""
    mapper.run(("customers", ANN))
    with pytest.raises(UserError, match="The tap did not read the stream events, which the join needs: select it"):
        mapper.run(("customers", ANN), moments=["payment_failed"])
    sent = mapper.run(("customers", ANN), marker={**lines.marker, "subset": 1}, moments=["payment_failed"])
    assert [one["stream"] for one in sent.messages if one["type"] == "SCHEMA"] == ["contacts", "events"]


def test_moments_are_of_people(mapper: Mapper, lines: Lines) -> None:
    """Moments with a match on companies are refused at start."""
    with pytest.raises(UserError, match="`moments` are events of people"):
        run(mapper, lines, match_on="company_id")
