"""Data events of Intercom: what is taken, what is refused, and what the list shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import IntercomCaller

NOW = 1_768_478_400
CHARGED = {"event_name": "charged", "created_at": NOW}


def listed(intercom: IntercomCaller, contact: str, query: str = "") -> list[Any]:
    """Return the events that the list shows of a contact."""
    shown = intercom.ok(f"GET /events?type=user&intercom_user_id={contact}{query}")
    events: list[Any] = shown["events"]
    return events


def test_an_event_is_taken_without_a_body_and_listed_with_its_contact(intercom: IntercomCaller) -> None:
    """An event is answered 202 with an empty body, and its contact's list shows it."""
    ann = intercom.user(email="ann@example.com", external_id="u1")
    metadata = {"invoice": "in_1", "amount": {"amount": 2999, "currency": "eur"}, "due_date": NOW, "seats": 3}
    answer = intercom("POST /events", CHARGED | {"id": ann, "metadata": metadata})
    assert (answer.status_code, answer.content) == (202, b"")
    assert listed(intercom, ann) == [
        {
            "type": "event",
            "id": "00000001-data-event",
            "event_name": "charged",
            "created_at": NOW,
            "user_id": "u1",
            "email": "ann@example.com",
            "intercom_user_id": ann,
            "metadata": metadata,
        }
    ]


@pytest.mark.parametrize("name", ["user_id=u1", "email=Ann@example.com"])
def test_a_contact_is_named_by_external_id_or_address(intercom: IntercomCaller, name: str) -> None:
    """A user is also named by its external id, and by its e-mail address in any letter case."""
    ann = intercom.user(email="ann@example.com", external_id="u1")
    field, _, value = name.partition("=")
    assert intercom("POST /events", CHARGED | {field: value}).status_code == 202
    shown = intercom.ok(f"GET /events?type=user&{name}")
    assert [one["intercom_user_id"] for one in shown["events"]] == [ann]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"created_at": NOW, "id": "<ann>"}, (400, "parameter_missing")),
        ({"event_name": "charged", "id": "<ann>"}, (400, "parameter_invalid")),
        ({"event_name": "charged", "created_at": "today", "id": "<ann>"}, (400, "parameter_invalid")),
        (CHARGED, (400, "parameter_missing")),
        (CHARGED | {"id": "nobody"}, (404, "not_found")),
        (CHARGED | {"email": "nobody@example.com"}, (404, "not_found")),
        (CHARGED | {"id": "<ann>", "metadata": ["a"]}, (400, "parameter_invalid")),
        (CHARGED | {"id": "<ann>", "metadata": {"a": {"b": 1}}}, (400, "parameter_invalid")),
        (CHARGED | {"id": "<ann>", "metadata": {"a": "x" * 256}}, (400, "parameter_invalid")),
        (CHARGED | {"id": "<ann>", "metadata": {"a.b": "x"}}, (400, "parameter_invalid")),
        (CHARGED | {"id": "<ann>", "metadata": {"due_date": "tomorrow?" * 29}}, (400, "parameter_invalid")),
        (CHARGED | {"id": "<ann>", "metadata": {"due_date": 1.5}}, (400, "parameter_invalid")),
        (CHARGED | {"id": "<ann>", "metadata": {"a": {"amount": 0, "currency": "eur"}}}, (400, "parameter_invalid")),
        (CHARGED | {"id": "<ann>", "metadata": {"a": {"amount": 1, "currency": "euro"}}}, (400, "parameter_invalid")),
        (CHARGED | {"id": "<ann>", "metadata": {"a": {"url": "ftp://x", "value": "x"}}}, (400, "parameter_invalid")),
    ],
)
def test_an_event_that_cannot_be_is_refused(
    intercom: IntercomCaller, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    """An event without name, time or contact, or with metadata that Intercom cannot hold, is refused."""
    ann = intercom.user(email="ann@example.com")
    status, errors = intercom.refused("POST /events", {**body, **({"id": ann} if body.get("id") == "<ann>" else {})})
    assert (status, errors[0]["code"]) == expected
    assert listed(intercom, ann) == []


def test_the_list_asks_for_its_type(intercom: IntercomCaller) -> None:
    """A list without the type `user` is refused."""
    assert intercom.refused(f"GET /events?intercom_user_id={intercom.user(email='ann@example.com')}")[0] == 400


def test_an_event_of_the_same_name_and_second_is_ignored(intercom: IntercomCaller) -> None:
    """The contact, the name and the second make an event: a second one is answered 202 and ignored."""
    ann = intercom.user(email="ann@example.com")
    for name, at in (("charged", NOW), ("charged", NOW), ("charged", NOW - 1), ("renewed", NOW)):
        assert intercom("POST /events", {"event_name": name, "created_at": at, "id": ann}).status_code == 202
    assert sorted((one["event_name"], one["created_at"]) for one in listed(intercom, ann)) == [
        ("charged", NOW - 1),
        ("charged", NOW),
        ("renewed", NOW),
    ]


def test_an_event_of_the_same_name_and_second_is_kept_with_the_switch(intercom: IntercomCaller) -> None:
    """Without deduplication both events are there."""
    intercom.sandbox.reset(customers=0, intercom_events_deduplicate=False)
    ann = intercom.user(email="ann@example.com")
    for _ in range(2):
        assert intercom("POST /events", CHARGED | {"id": ann}).status_code == 202
    assert len(listed(intercom, ann)) == 2


def test_the_list_lags_with_the_switch_and_forgets_after_ninety_days(intercom: IntercomCaller) -> None:
    """An event is listed after the lag, and for ninety days."""
    intercom.sandbox.reset(customers=0, intercom_events_lag=60)
    ann = intercom.user(email="ann@example.com")
    intercom("POST /events", CHARGED | {"id": ann})
    seen = [len(listed(intercom, ann))]
    for seconds in (59, 1, 90 * 86_400 - 61, 1):
        intercom.sandbox.world.clock.advance(seconds)
        seen.append(len(listed(intercom, ann)))
    assert seen == [0, 0, 1, 1, 0]


def test_pages_follow_each_other_by_address(intercom: IntercomCaller) -> None:
    """`pages.next` leads to the next page until there is none; the newest event comes first."""
    ann = intercom.user(email="ann@example.com")
    for at in range(5):
        intercom("POST /events", {"event_name": "charged", "created_at": NOW - at, "id": ann})
    call, found = f"GET /events?type=user&intercom_user_id={ann}&per_page=2", list[list[int]]()
    while call:
        shown = intercom.ok(call)
        found.append([NOW - one["created_at"] for one in shown["events"]])
        following = shown["pages"].get("next", "")
        call = following.replace(intercom.sandbox.intercom_url, "GET ")
    assert found == [[0, 1], [2, 3], [4]]


def test_the_names_of_events_are_limited(intercom: IntercomCaller) -> None:
    """A workspace takes a limited number of names, and further events of known ones."""
    intercom.sandbox.reset(customers=0, intercom_event_names=2)
    ann = intercom.user(email="ann@example.com")
    statuses = [
        intercom("POST /events", {"event_name": name, "created_at": NOW + at, "id": ann}).status_code
        for at, name in enumerate(("charged", "renewed", "cancelled", "charged"))
    ]
    assert statuses == [202, 202, 400, 202]


def test_further_metadata_is_ignored(intercom: IntercomCaller) -> None:
    """Of more than ten keys the first ten are kept."""
    ann = intercom.user(email="ann@example.com")
    intercom("POST /events", CHARGED | {"id": ann, "metadata": {f"k{at:02}": at for at in range(12)}})
    assert listed(intercom, ann)[0]["metadata"] == {f"k{at:02}": at for at in range(10)}
