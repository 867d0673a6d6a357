"""Every list of Intercom has records, and refuses wrong requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import IntercomCaller

WHOLE = {
    "GET /admins": ("admins", 24),
    "GET /teams": ("teams", 6),
    "GET /tags": ("data", 24),
    "GET /segments": ("segments", 23),
    "GET /subscription_types": ("data", 12),
    "GET /ticket_types": ("data", 6),
    "GET /ticket_states": ("data", 7),
}


def ids_of(records: list[dict[str, Any]]) -> list[str]:
    """Return the records' ids."""
    return [str(one["id"]) for one in records]


@pytest.mark.parametrize("call", WHOLE)
def test_a_whole_list_is_seeded(seeded: IntercomCaller, call: str) -> None:
    """Each list without pages is seeded with the expected number of different records."""
    key, count = WHOLE[call]
    ids = ids_of(seeded.ok(call)[key])
    assert (len(ids), len(set(ids))) == (count, count)


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        ("GET /admins/1", 404, "admin_not_found"),
        ("GET /teams/1", 404, "team_not_found"),
        ("GET /tags/1", 404, "tag_not_found"),
        ("GET /segments/1", 404, "not_found"),
        ("GET /articles/1", 404, "not_found"),
        ("GET /news/newsfeeds/1/items", 404, "not_found"),
        ("GET /notes/1", 404, "not_found"),
        ("GET /conversations/1", 404, "not_found"),
        ("GET /tickets/1", 404, "ticket_not_found"),
        ("GET /calls?per_page=26", 400, "parameter_invalid"),
        ("GET /articles?colour=red", 400, "bad_request"),
        ("GET /tags?page=2", 400, "bad_request"),
        ("GET /segments?include_count=maybe", 400, "parameter_invalid"),
        ("GET /admins/activity_logs", 400, "parameter_missing"),
        ("GET /admins/activity_logs?created_at_after=soon", 400, "parameter_invalid"),
        ("GET /admins/activity_logs?created_at_after=9&created_at_before=8", 400, "parameter_invalid"),
        ("GET /brands", 400, "intercom_version_invalid"),
        ("GET /conversations?starting_after=x", 400, "client_error"),
        ("GET /companies/1/tags", 404, "not_found"),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_refused(
    seeded: IntercomCaller, call: str, status: int, code: str
) -> None:
    """Unknown ids, parameters and versions are refused with the vendor's code."""
    found, errors = seeded.refused(call)
    assert (found, errors[0]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("call", "since"),
    [
        ("GET /brands", "2.15"),
        ("GET /emails", "2.15"),
        ("GET /internal_articles", "2.14"),
        ("GET /ticket_states", "2.12"),
        ("GET /calls", "2.14"),
    ],
)
def test_a_list_answers_from_its_version_on(seeded: IntercomCaller, call: str, since: str) -> None:
    """A list is refused in versions before it was added; an unknown version is always refused."""
    major, minor = since.split(".")
    before = seeded(call, None, **{"Intercom-Version": f"{major}.{int(minor) - 1}"})
    assert (before.status_code, before.json()["errors"][0]["code"]) == (400, "intercom_version_invalid")
    assert seeded(call, None, **{"Intercom-Version": since}).status_code == 200
    assert seeded(call, None, **{"Intercom-Version": "3.1"}).status_code == 400


def test_activity_logs_lie_between_two_instants(seeded: IntercomCaller) -> None:
    """Activity logs are listed newest first between two times, both ends included."""
    whole = seeded.ok("GET /admins/activity_logs?created_at_after=0&per_page=150")["activity_logs"]
    times = [one["created_at"] for one in whole]
    assert (len(times), times) == (60, sorted(times, reverse=True))
    first, last = times[20], times[10]
    asked = f"GET /admins/activity_logs?created_at_after={first}&created_at_before={last}"
    assert [one["created_at"] for one in seeded.ok(asked)["activity_logs"]] == [
        one for one in times if first <= one <= last
    ]


def test_a_contact_shows_ten_of_each_and_says_that_there_is_more(seeded: IntercomCaller) -> None:
    """A contact shows ten tags and ten notes; the list at the given url has all of them."""
    contact = next(one for one in seeded.workspace.contacts.live() if len(one.notes) > 10)
    shown = seeded.ok(f"GET /contacts/{contact.id}")
    for name, count in (("tags", 13), ("notes", 13)):
        head = shown[name]
        assert (len(head["data"]), head["total_count"], head["has_more"]) == (10, count, True)
        assert len(seeded.ok(f"GET {head['url']}")["data"]) == count
    consents = [shown[f"opted_{way}_subscription_types"]["total_count"] for way in ("in", "out")]
    assert sum(consents) == len(seeded.ok(f"GET /contacts/{contact.id}/subscriptions")["data"]) == 12


def test_segment_counts_are_those_of_the_search(seeded: IntercomCaller) -> None:
    """A segment's count equals the search by `segment_id`, and each member lists the segment."""
    segments = seeded.ok("GET /segments?include_count=true")["segments"]
    promoters = next(one for one in segments if one["name"] == "Promoters")
    query = {"field": "segment_id", "operator": "=", "value": promoters["id"]}
    found = seeded.ok("POST /contacts/search", {"query": query, "pagination": {"per_page": 150}})
    assert found["total_count"] == promoters["count"] > 5
    assert all(one["custom_attributes"]["nps_score"] >= 9 for one in found["data"])
    names = [one["name"] for one in seeded.ok(f"GET /contacts/{found['data'][0]['id']}/segments")["data"]]
    assert "Promoters" in names
