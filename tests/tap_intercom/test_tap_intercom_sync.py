"""Records that tap-intercom reads from the sandbox in first and later runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from tap_intercom.state import user_counts

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from sandbox.testing import RunningSandbox

    Truth = Callable[[], dict[str, dict[str, Any]]]

NOW = 1_768_478_400
PEOPLE = ("companies", "contacts", "conversation_parts", "conversations", "tickets")


def by_id(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the records by id, with their nested lists sorted, and check that no id is repeated."""
    found = {record["id"]: record for record in records}
    for name in ("companies", "tags", "notes"):
        for data in [record[name]["data"] for record in records if "data" in (record.get(name) or {})]:
            data.sort(key=lambda one: one["id"])
    assert len(found) == len(records)
    return found


def listed(truth: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the true records with their nested lists sorted."""
    return {name: by_id(list(records.values())) for name, records in truth.items()}


def marker(run: Any, whole: str = "companies,contacts", **changes: Any) -> dict[str, Any]:
    """Return the marker of a run over companies and contacts."""
    streams = ("companies", "contacts")
    rows = ",".join(f"{name}:{len(run.records.get(name, ()))}" for name in streams)
    found = {"completed_at": "set", "streams": ",".join(streams), "from": None, "subset": 0}
    return {**found, "whole": whole, "rows": rows, **changes}


def changed_at(record: dict[str, Any]) -> int:
    """Return when a record, or its parent, changed."""
    at: int = record.get("conversation_updated_at") or record["updated_at"]
    return at


def write(sandbox: RunningSandbox, method: str, path: str, body: dict[str, Any], version: str = "2.16") -> None:
    """Send a write to the workspace."""
    requests.request(
        method,
        f"{sandbox.intercom_url}{path}",
        json=body,
        headers={"Authorization": "Bearer sandbox_token", "Intercom-Version": version},
        timeout=10,
    ).raise_for_status()
    sandbox.clear_calls()


def test_the_first_run_reads_everything(
    run_tap: Callable[..., Any],
    catalog_of: Callable[..., Any],
    truth: Truth,
    calls: Callable[[], dict[str, int]],
) -> None:
    """The first run reads every contact, company, ticket and conversation with all parts, each once."""
    records = run_tap(catalog=catalog_of(*PEOPLE)).records
    assert {name: by_id(records[name]) for name in PEOPLE} == listed(truth())
    assert calls() == {
        "/me": 1,
        "/data_attributes": 2,
        "/companies/scroll": 2,
        "/contacts/search": 1,
        "/contacts/{id}/notes": 3,
        "/contacts/{id}/tags": 3,
        "/conversations/search": 1,
        "/conversations/{id}": len(records["conversations"]),
        "/tickets/search": 1,
    }


def test_the_state_of_a_complete_run(run_tap: Callable[..., Any]) -> None:
    """Each stream's bookmark appears when it is complete, the marker when all are.

    Values are integers, strings or null.
    """
    run = run_tap()
    rest = {"replication_key": "updated_at", "read_at": NOW, "whole_at": NOW, "from": None, "workspace": "sandboxws"}
    newest = {name: max(one["updated_at"] for one in records) for name, records in run.records.items()}
    listed = run.records["companies"]
    companies = {"companies": {**rest, "replication_key_value": newest["companies"], "listed": len(listed)}}
    counts = user_counts.encode_sums(user_counts.sum_users((one["id"], one["user_count"]) for one in listed))
    both = companies | {
        "contacts": {**rest, "replication_key_value": newest["contacts"], "user_counts": counts},
    }
    assert run.states == [companies, both, both | {"_sync": marker(run)}]
    assert run.messages[-1]["type"] == "STATE"


def test_state_between_records_tells_nothing(run_tap: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """STATE messages in the middle of a stream never contain that stream's new bookmark."""
    monkeypatch.setattr("tap_intercom.streams.stream.IntercomStream.STATE_MSG_FREQUENCY", 7)
    messages = run_tap().messages
    last = {message["stream"]: index for index, message in enumerate(messages) if message["type"] == "RECORD"}
    for index, message in enumerate(messages):
        if message["type"] == "STATE":
            told = [name for name, bookmark in message["value"]["bookmarks"].items() if bookmark and name in last]
            assert all(index > last[name] for name in told)


def test_a_run_without_a_change_sends_nothing_in_two_calls_a_stream(
    run_tap: Callable[..., Any],
    catalog_of: Callable[..., Any],
    sandbox: RunningSandbox,
    calls: Callable[[], dict[str, int]],
) -> None:
    """After a time without changes longer than the lag of searches, a run sends no record."""
    catalog = catalog_of("contacts", "conversations", "conversation_parts", "tickets", "ticket_parts")
    first = run_tap(catalog=catalog)
    sandbox.world.clock.advance(38 * 3600)
    second = run_tap(catalog=catalog, state=first.state)
    sandbox.world.clock.advance(38 * 3600)
    calls()
    third = run_tap(catalog=catalog, state=second.state)
    assert {name: len(records) for name, records in second.records.items()} == {"ticket_parts": 2, "tickets": 1}
    assert all(one["updated_at"] >= NOW - 600 for one in second.records["tickets"])
    assert third.records == {}
    assert calls() == {
        "/me": 1,
        "/data_attributes": 1,
        "/contacts/search": 1,
        "/conversations/search": 1,
        "/tickets/search": 1,
    }


def test_only_what_changed_comes_again(
    run_tap: Callable[..., Any], catalog_of: Callable[..., Any], sandbox: RunningSandbox, truth: Truth
) -> None:
    """A later run sends exactly the records that changed in the meantime, with their children."""
    catalog = catalog_of(*PEOPLE)
    first = run_tap(catalog=catalog)
    sandbox.advance(days=2)
    again = run_tap(catalog=catalog, state=first.state).records
    since = {
        name: {key: one for key, one in records.items() if changed_at(one) >= NOW - 600}
        for name, records in listed(truth()).items()
    }
    assert {name: by_id(again.get(name, [])) for name in PEOPLE} == since
    assert 0 < len(since["contacts"]) < len(first.records["contacts"])
    assert since["conversation_parts"]


def test_a_change_in_the_second_in_which_the_last_run_began_comes(
    run_tap: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """A change in the same second in which the last run began is sent, because it may have happened after the read."""
    state = run_tap(lookback=0).state
    contact = next(sandbox.world.intercom.contacts.live())
    company = next(sandbox.world.intercom.visible_companies())
    write(sandbox, "PUT", f"/contacts/{contact.id}", {"name": "Somebody Else"})
    write(sandbox, "PUT", f"/companies/{company.id}", {"name": "Something Else"})
    records = run_tap(state=state, lookback=0).records
    assert [one["name"] for one in records["contacts"]] == ["Somebody Else"]
    assert [one["name"] for one in records["companies"]] == ["Something Else"]


def test_children_are_asked_for_of_changed_parents_only(
    run_tap: Callable[..., Any],
    catalog_of: Callable[..., Any],
    sandbox: RunningSandbox,
    calls: Callable[[], dict[str, int]],
) -> None:
    """Child streams are requested only for parents that changed: one call per child stream and parent."""
    catalog = catalog_of("contact_notes", "contact_segments", "contact_tags", "company_segments", "company_contacts")
    state = run_tap(catalog=catalog).state
    sandbox.world.clock.advance(900)
    contact = next(one for one in sandbox.world.intercom.contacts.live() if one.notes)
    company = next(sandbox.world.intercom.visible_companies())
    write(sandbox, "PUT", f"/contacts/{contact.id}", {"name": "Somebody Else"})
    write(sandbox, "PUT", f"/companies/{company.id}", {"name": "Something Else"})
    records = run_tap(catalog=catalog, state=state).records
    assert {record["contact_id"] for record in records["contact_notes"]} == {contact.id}
    assert {record["company_id"] for record in records["company_contacts"]} == {company.id}
    assert calls() == {
        "/me": 1,
        "/companies/scroll": 2,
        "/companies/{id}/contacts": 1,
        "/companies/{id}/segments": 1,
        "/contacts/search": 1,
        "/contacts/{id}/notes": 1,
        "/contacts/{id}/segments": 1,
        "/contacts/{id}/tags": 1,
    }


def test_the_relations_are_those_of_the_contacts(
    run_tap: Callable[..., Any], catalog_of: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """Links of contacts to companies and tags are sent as pairs of ids, including those beyond the first ten."""
    contact = next(sandbox.world.intercom.contacts.live())
    for company in list(sandbox.world.intercom.visible_companies())[:25]:
        sandbox.world.intercom.attach(contact, company, NOW, "API")
    records = run_tap(catalog=catalog_of("contact_companies", "contact_tags")).records
    live = list(sandbox.world.intercom.contacts.live())
    assert sorted((one["contact_id"], one["company_id"]) for one in records["contact_companies"]) == sorted(
        (one.id, company) for one in live for company in one.companies
    )
    assert sorted((one["contact_id"], one["tag_id"]) for one in records["contact_tags"]) == sorted(
        (one.id, tag) for one in live for tag in one.document.get("tags", ())
    )
    assert records["contact_tags"][0].keys() == {"contact_id", "tag_id", "contact_updated_at"}


def test_a_list_that_is_cut_after_ten_is_fetched_on(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, truth: Truth, calls: Callable[[], dict[str, int]]
) -> None:
    """A contact's companies and notes beyond the ten that it shows are fetched and sent in the same form."""
    contact = next(sandbox.world.intercom.contacts.live())
    known = sandbox.world.intercom
    for number in range(100):
        company = known.companies.add(known.new_company({"company_id": f"many-{number}", "name": "Many"}, NOW), "API")
        known.attach(contact, company, NOW, "API")
    for number in range(30):
        known.add_note("contact", contact, "991267", NOW + number, "Called.")
    read = by_id(run_tap().records["contacts"])[contact.id]
    expected = truth()["contacts"][contact.id]
    assert read == by_id([expected])[contact.id]
    assert (read["companies"]["total_count"], read["companies"]["has_more"]) == (len(contact.companies), False)
    assert read["notes"]["total_count"] == len(contact.notes)
    assert calls()["/contacts/{id}/companies"] == 2


def test_a_custom_attribute_is_typed(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """A run declares each custom attribute with its type, even when the catalog is older than the attribute."""
    write(sandbox, "POST", "/data_attributes", {"name": "Seats", "model": "company", "data_type": "integer"})
    write(sandbox, "POST", "/data_attributes", {"name": "Score", "model": "contact", "data_type": "float"})
    write(sandbox, "POST", "/data_attributes", {"name": "Renewed", "model": "contact", "data_type": "date"})
    schemas = {
        message["stream"]: message["schema"]["properties"]["custom_attributes"]
        for message in run_tap().messages
        if message["type"] == "SCHEMA"
    }
    assert schemas["companies"]["properties"]["Seats"] == {"type": ["integer", "null"]}
    assert schemas["contacts"]["properties"]["Score"] == {"type": ["number", "null"]}
    assert schemas["contacts"]["properties"]["Renewed"] == {"type": ["integer", "null"], "format": "unix-time"}
    assert schemas["contacts"]["additionalProperties"] is True


def test_bookmarks_of_others_come_back_first(run_tap: Callable[..., Any]) -> None:
    """The first message is the incoming state without the old marker.

    A mapper's bookmark stays until the last STATE.
    """
    state = run_tap().state
    state["bookmarks"]["_map"] = {"store": "abc", "gen": 3}
    run = run_tap(state=state)
    assert run.messages[0]["type"] == "STATE"
    assert run.states[0]["_map"] == {"store": "abc", "gen": 3}
    assert "_sync" not in run.states[0]
    assert run.states[-1]["_map"] == {"store": "abc", "gen": 3}
    assert run.states[-1]["_sync"] == marker(run, whole="")


def test_a_start_date_bounds_what_changed(run_tap: Callable[..., Any], sandbox: RunningSandbox, truth: Truth) -> None:
    """With start_date, records that changed at or after it are read; the marker says so."""
    sandbox.advance(days=3)
    run = run_tap(start_date="2026-01-17")
    bound = 1_768_608_000
    expected = {key for key, one in truth()["contacts"].items() if one["updated_at"] >= bound}
    assert by_id(run.records["contacts"]).keys() == expected
    assert 0 < len(expected) < len(truth()["contacts"])
    assert run.states[-1]["_sync"] == marker(run, whole="", **{"from": bound})


def test_an_earlier_start_date_reads_what_the_last_one_passed_by(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, truth: Truth
) -> None:
    """A run without start_date after one with it reads everything once.

    A start date that is set later does not undo what was read.
    """
    sandbox.advance(days=3)
    first = run_tap(start_date="2026-01-17")
    second = run_tap(state=first.state)
    assert by_id(second.records["contacts"]) == listed(truth())["contacts"]
    assert second.states[-1]["_sync"] == marker(second)
    sandbox.world.clock.advance(3600)
    third = run_tap(state=second.state, start_date="2026-01-18")
    fourth = run_tap(state=third.state)
    assert (third.records, fourth.records) == ({}, {})
    assert fourth.states[-1]["contacts"]["from"] is None


def test_everything_is_read_again_when_it_is_due(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """Everything is read again after `reread_every` seconds, so that changes that no timestamp shows are sent."""
    first = run_tap()
    known = sandbox.world.intercom
    contact = next(one for one in known.contacts.live() if not one.companies and one.document["role"] == "lead")
    known.attach(contact, next(known.visible_companies()), NOW, "API")
    sandbox.world.clock.advance(43_200)
    second = run_tap(state=first.state, reread_every=86_400)
    sandbox.world.clock.advance(43_200)
    third = run_tap(state=second.state, reread_every=86_400)
    assert "contacts" not in second.records
    assert by_id(third.records["contacts"])[contact.id]["companies"]["total_count"] == 1
    assert third.state["bookmarks"]["contacts"]["whole_at"] == NOW + 86_400
    assert second.state["bookmarks"]["contacts"]["whole_at"] == NOW


def test_an_empty_workspace_is_read_to_its_end(
    run_tap: Callable[..., Any], catalog_of: Callable[..., Any], sandbox: RunningSandbox, calls: Callable[[], Any]
) -> None:
    """An empty workspace is read with one call per list; the marker is written, and no bookmark has a value."""
    sandbox.reset(customers=0, seed=7)
    for contact in list(sandbox.world.intercom.contacts.live()):
        sandbox.world.intercom.delete_contact(contact)
    run = run_tap(catalog=catalog_of("companies", "company_segments", "contacts", "conversation_parts"))
    assert run.records == {}
    assert run.states[-1]["_sync"]["streams"] == "companies,company_segments,contacts,conversation_parts"
    assert "replication_key_value" not in run.states[-1]["contacts"]
    assert calls()["/companies/scroll"] == 1


def test_fields_that_are_not_selected_do_not_come(run_tap: Callable[..., Any], catalog_of: Callable[..., Any]) -> None:
    """A deselected field is in no record and in no schema."""
    catalog = catalog_of("contacts")
    for entry in catalog["streams"][0]["metadata"]:
        if entry["breadcrumb"] == ["properties", "email"]:
            entry["metadata"]["selected"] = False
    run = run_tap(catalog=catalog)
    assert not any("email" in record for record in run.records["contacts"])
    assert "email" not in run.messages[0]["schema"]["properties"]


def test_without_a_catalog_what_the_token_may_not_read_is_left_out(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a catalog, streams that the token cannot read are listed in the log and left out."""
    body = {"type": "error.list", "errors": [{"code": "token_unauthorized", "message": "Not authorized"}]}
    sandbox.fault(api="intercom", path="/conversations/search", effect={"status": 401, "body": body})
    run = run_tap(everything=True)
    assert run.refusal is None
    streams = run.states[-1]["_sync"]["streams"].split(",")
    assert "contacts" in streams
    assert "conversations" not in streams
    assert "may not read /conversations/search (401 token_unauthorized)" in caplog.text
