"""Records related to contacts and companies: merges, tags, notes, consents, and blocked contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import IntercomCaller

NEWEST = {"Intercom-Version": "2.16"}


def lead(intercom: IntercomCaller, **fields: Any) -> str:
    """Create a lead, and return its id."""
    return str(intercom.ok("POST /contacts", {"role": "lead", **fields})["id"])


def names(listed: dict[str, Any]) -> list[str]:
    """Return the names in a list."""
    return [one["name"] for one in listed["data"]]


def test_a_user_gains_what_its_lead_has_and_keeps_its_own(intercom: IntercomCaller) -> None:
    """A merge fills the user's missing fields from the lead and moves the lead's companies, tags, notes and threads."""
    intercom.attribute("plan", "string")
    intercom.attribute("seats", "integer")
    user = intercom.user(email="ada@example.com", name="Ada", custom_attributes={"plan": "gold"})
    other = lead(intercom, email="x@example.com", phone="+1", custom_attributes={"plan": "tin", "seats": 3})
    company = intercom.ok("POST /companies", {"company_id": "c1", "name": "Acme"})["id"]
    tag = intercom.ok("POST /tags", {"name": "VIP"})["id"]
    intercom.ok(f"POST /contacts/{other}/tags", {"id": tag})
    intercom.ok(f"POST /contacts/{other}/companies", {"id": company})
    intercom.ok(f"POST /contacts/{other}/notes", {"body": "Called twice"})
    intercom.workspace.contacts.get(other).subscriptions = {"121": "opt_out"}
    talk = intercom.ok("POST /conversations", {"from": {"type": "lead", "id": other}, "body": "Hello"})
    intercom.sandbox.advance(seconds=60)
    merged = intercom.ok("POST /contacts/merge", {"from": other, "into": user})
    assert {name: merged[name] for name in ("id", "email", "phone", "name", "custom_attributes", "updated_at")} == {
        "id": user, "email": "ada@example.com", "phone": "+1", "name": "Ada",
        "custom_attributes": {"plan": "gold", "seats": 3}, "updated_at": 1768478460,
    }  # fmt: skip
    assert [one["id"] for one in merged["tags"]["data"]] == [tag]
    assert names(intercom.ok(f"GET /contacts/{user}/companies")) == ["Acme"]
    assert [one["contact"]["id"] for one in intercom.ok(f"GET /contacts/{user}/notes")["data"]] == [user]
    assert merged["opted_out_subscription_types"]["total_count"] == 1
    assert intercom.ok(f"GET /conversations/{talk['conversation_id']}")["contacts"]["contacts"][0]["id"] == user


def test_a_merged_lead_vanishes(intercom: IntercomCaller) -> None:
    """A merged lead is a 404, and since version 2.16 a 410 that names the surviving user. It cannot be restored."""
    user, other = intercom.user(email="ada@example.com", name="Ada"), lead(intercom, name="Lin")
    intercom.ok("POST /contacts/merge", {"from": other, "into": user})
    assert names(intercom.ok("GET /contacts")) == ["Ada"]
    assert intercom.found({"field": "name", "operator": "=", "value": "Lin"}) == []
    assert intercom.refused(f"GET /contacts/{other}") == (404, [{"code": "not_found", "message": "User Not Found"}])
    gone = intercom(f"GET /contacts/{other}", None, **NEWEST)
    assert (gone.status_code, gone.json()["errors"][0]["code"]) == (410, "contact_merged")
    assert gone.headers["Link"] == f'</contacts/{user}>; rel="canonical"'
    assert intercom.refused(f"POST /contacts/{other}/unarchive") == (
        400,
        [{"code": "bad_request", "message": "User has been merged and is not restorable."}],
    )


@pytest.mark.parametrize(("source", "target"), [("user", "user"), ("user", "lead"), ("lead", "lead")])
def test_only_a_lead_is_merged_and_only_into_a_user(intercom: IntercomCaller, source: str, target: str) -> None:
    """Only a lead can be merged, and only into a user; other merges are refused and change nothing."""
    ids = [
        intercom.user(email=f"{place}@example.com") if role == "user" else lead(intercom)
        for place, role in enumerate((source, target))
    ]
    status, errors = intercom.refused("POST /contacts/merge", {"from": ids[0], "into": ids[1]})
    assert (status, errors[0]["code"]) == (400, "invalid_merge")
    assert len(intercom.ok("GET /contacts")["data"]) == 2


def test_since_2_16_only_duplicates_are_merged_unless_told_otherwise(intercom: IntercomCaller) -> None:
    """Since version 2.16, a merge requires the same e-mail or phone unless skip_duplicate_validation is set."""
    user, other = intercom.user(email="ada@example.com"), lead(intercom, email="lin@example.com")
    body = {"from": other, "into": user}
    refused = intercom("POST /contacts/merge", body, **NEWEST)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "invalid_merge")
    early = intercom.refused("POST /contacts/merge", body | {"skip_duplicate_validation": True})
    assert early == (400, [{"code": "bad_request", "message": "bad 'skip_duplicate_validation' parameter"}])
    accepted = intercom("POST /contacts/merge", body | {"skip_duplicate_validation": True}, **NEWEST)
    assert accepted.status_code == 200


def test_searches_and_lists_filter_by_a_tag(intercom: IntercomCaller) -> None:
    """Tagging moves `updated_at` once; searches and lists filter by the tag."""
    user = intercom.user(email="ada@example.com", name="Ada")
    company = intercom.ok("POST /companies", {"company_id": "c1", "name": "Acme"})
    intercom.ok(f"POST /contacts/{user}/companies", {"id": company["id"]})
    intercom.sandbox.advance(seconds=60)
    tag = intercom.ok("POST /tags", {"name": "VIP"})
    assert intercom.ok("POST /tags", {"name": "vip"}) == tag == {"type": "tag", "id": tag["id"], "name": "VIP"}
    intercom.ok(f"POST /contacts/{user}/tags", {"id": tag["id"]})
    workspace = intercom.workspace
    workspace.tag(workspace.companies.get(company["id"]), tag["id"], workspace.clock.now(), "test", on=True)
    intercom.sandbox.advance(seconds=60)
    intercom.ok(f"POST /contacts/{user}/tags", {"id": tag["id"]})
    assert intercom.ok(f"GET /contacts/{user}")["updated_at"] == 1768478460
    assert intercom.ok(f"GET /companies/{company['id']}")["tags"]["tags"] == [tag]
    assert names(intercom.ok(f"GET /companies?tag_id={tag['id']}")) == ["Acme"]
    assert names(intercom.ok("GET /companies?tag_id=1")) == []
    assert intercom.found({"field": "tag_id", "operator": "=", "value": tag["id"]}) == ["Ada"]
    assert intercom.found({"field": "tag_id", "operator": "!=", "value": tag["id"]}) == []
    intercom.ok(f"DELETE /tags/{tag['id']}")
    assert intercom.ok(f"GET /contacts/{user}/tags")["data"] == []
    assert intercom.found({"field": "tag_id", "operator": "=", "value": tag["id"]}) == []


def test_a_tag_is_renamed_and_taken_off(intercom: IntercomCaller) -> None:
    """A tag is renamed and removed by its id; each call replies with the tag."""
    user = intercom.user(email="ada@example.com")
    tag = intercom.ok("POST /tags", {"name": "VIP"})
    intercom.ok(f"POST /contacts/{user}/tags", {"id": tag["id"]})
    renamed = intercom.ok("POST /tags", {"id": tag["id"], "name": "Key"})
    assert intercom.ok(f"GET /contacts/{user}/tags")["data"] == [renamed] == [tag | {"name": "Key"}]
    assert intercom.ok(f"DELETE /contacts/{user}/tags/{tag['id']}") == renamed
    assert intercom.ok(f"GET /contacts/{user}/tags")["data"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "parameter_invalid"),
        ({"name": " "}, 400, "parameter_invalid"),
        ({"name": "x", "id": "1"}, 404, "tag_not_found"),
        ({"name": "x", "colour": "red"}, 400, "bad_request"),
    ],
    ids=["no name", "blank", "no tag", "unknown field"],
)
def test_a_tag_that_makes_no_sense_is_refused(
    intercom: IntercomCaller, body: dict[str, Any], status: int, code: str
) -> None:
    """A wrong tag is refused, and no tag is created."""
    count = len(intercom.ok("GET /tags")["data"])
    found, errors = intercom.refused("POST /tags", body)
    assert (found, errors[0]["code"]) == (status, code)
    assert len(intercom.ok("GET /tags")["data"]) == count


def test_notes_are_listed_newest_first_and_leave_updated_at_alone(intercom: IntercomCaller) -> None:
    """Notes are listed newest first with their author, and do not move updated_at."""
    user = intercom.user(email="ada@example.com")
    intercom.sandbox.advance(seconds=60)
    for body in ("First", "Second"):
        intercom.ok(f"POST /contacts/{user}/notes", {"body": body, "admin_id": "991268"})
    notes = intercom.ok(f"GET /contacts/{user}/notes?per_page=1")
    assert [one["body"] for one in notes["data"]] == ["<p>Second</p>"]
    assert notes["data"][0]["author"]["id"] == "991268"
    assert notes["pages"]["next"].endswith(f"/contacts/{user}/notes?per_page=1&page=2")
    assert intercom.ok(f"GET /notes/{notes['data'][0]['id']}") == notes["data"][0]
    assert intercom.ok(f"GET /contacts/{user}")["updated_at"] == 1768478400
    assert intercom.refused(f"POST /contacts/{user}/notes", {"body": "x", "admin_id": "1"})[0] == 404
    assert intercom.refused(f"POST /contacts/{user}/notes", {})[1][0]["code"] == "parameter_missing"


def test_company_notes_come_with_later_versions(intercom: IntercomCaller) -> None:
    """Company notes can be read since version 2.15 and written since 2.16."""
    company = intercom.ok("POST /companies", {"company_id": "c1", "name": "Acme"})["id"]
    path = f"/companies/{company}/notes"
    statuses = [
        intercom(f"{method} {path}", {"body": "Called"}, **{"Intercom-Version": version}).status_code
        for method, version in (("GET", "2.14"), ("GET", "2.15"), ("POST", "2.15"), ("POST", "2.16"))
    ]
    assert statuses == [400, 200, 400, 200]
    (note,) = intercom(f"GET {path}", None, **NEWEST).json()["data"]
    assert (note["company"], note["body"]) == ({"type": "company", "id": company}, "<p>Called</p>")


def test_consents_are_listed(intercom: IntercomCaller) -> None:
    """Consents are listed on the contact as opted in or opted out."""
    user = intercom.user(email="ada@example.com")
    intercom.workspace.contacts.get(user).subscriptions = {"121": "opt_out", "123": "opt_in"}
    shown = intercom.ok(f"GET /contacts/{user}")
    assert [one["id"] for one in shown["opted_out_subscription_types"]["data"]] == ["121"]
    assert [one["id"] for one in shown["opted_in_subscription_types"]["data"]] == ["123"]
    assert [one["id"] for one in intercom.ok(f"GET /contacts/{user}/subscriptions")["data"]] == ["121", "123"]
