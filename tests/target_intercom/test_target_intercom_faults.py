"""Faults during a run: nothing is lost or written twice, and STATE is printed only when everything is done."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigurationError, FatalAPIError
from target_intercom.target import TargetIntercom

if TYPE_CHECKING:
    from collections.abc import Callable

    Customer = Callable[..., dict[str, Any]]

CREATE = {"on_no_match": "create"}


@pytest.mark.parametrize("match_on", ["email", "external_id"])
@pytest.mark.parametrize("drop", ["before", "after"])
def test_a_lost_reply_to_a_creation_makes_no_second_user(
    workspace: Any, target: Any, customer: Customer, match_on: str, drop: str
) -> None:
    """After a lost reply to a creation there is one user with its external id, whether or not it was carried out."""
    workspace.sandbox.fault(method="POST", path="/contacts", nth=1, effect={"drop": drop})
    ran = target.run([customer("new")], match_contacts_on=match_on, **CREATE)
    (created,) = workspace.contacts()
    assert (created["email"], created["external_id"]) == ("new@a.example", "new")
    assert created["custom_attributes"]["cb_created_by"] is True
    assert ran.summary == {"status": "completed", "records": 1, "created": 1}


@pytest.mark.parametrize("nth", range(1, 6))
def test_a_creation_interrupted_at_any_call_is_completed(
    workspace: Any, target: Any, customer: Customer, nth: int
) -> None:
    """When the reply to any call on contacts is lost, users are created once, with their external ids."""
    workspace.sandbox.fault(api="intercom", path="/contacts*", nth=nth, effect={"drop": "after"})
    target.run([customer("a"), customer("b")], max_concurrency=1, **CREATE)
    found = {contact["email"]: contact["external_id"] for contact in workspace.contacts()}
    assert found == {"a@a.example": "a", "b@a.example": "b"}
    assert len(workspace.contacts()) == 2


def test_a_lost_reply_to_an_attribute_makes_no_stop(workspace: Any, target: Any, customer: Customer) -> None:
    """After a lost reply to the creation of an attribute, the run goes on."""
    workspace.sandbox.fault(method="POST", path="/data_attributes", nth=2, effect={"drop": "after"})
    ran = target.run([customer("new")], **CREATE)
    assert ran.summary == {"status": "completed", "records": 1, "created": 1}


HOLLOW: dict[str, Any] = {
    "no items": {"type": "list"},
    "items null": {"type": "list", "data": None, "total_count": 0},
    "no total": {"type": "list", "data": []},
    "nothing of what is announced": {"type": "list", "data": [], "total_count": 2, "pages": {}},
    "an empty page with a cursor": {"data": [], "total_count": 2, "pages": {"next": {"starting_after": "x"}}},
    "HTML": "<html>Sign in</html>",
}


@pytest.mark.parametrize("name", HOLLOW)
def test_a_hollow_list_of_contacts_creates_nobody_twice(
    workspace: Any, target: Any, customer: Customer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """After one incomplete list every user is still found; if it stays incomplete, the run ends before a write."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    for one in ("ann", "bob"):
        workspace.add(email=f"{one}@a.example")
    records = [customer("ann"), customer("bob"), customer("new")]
    effect = {"status": 200, "body": HOLLOW[name]}
    workspace.sandbox.fault(method="GET", path="/contacts", effect=effect)
    with pytest.raises(FatalAPIError):
        target.run(records, **CREATE)
    assert (target.out, workspace.writes()) == ("", 0)
    workspace.sandbox.clear_faults()
    workspace.sandbox.fault(method="GET", path="/contacts", nth=1, effect=effect)
    ran = target.run(records, **CREATE)
    assert ran.summary == {"status": "completed", "records": 3, "matched": 2, "updated": 2, "created": 1}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirected_write_is_no_write(workspace: Any, target: Any, customer: Customer, status: int) -> None:
    """A redirected PUT ends the run in a sentence without STATE, because following it would write nothing."""
    workspace.add(email="ann@a.example")
    effect = {"status": status, "headers": {"Location": f"{workspace.sandbox.intercom_url}/me"}, "body": {}}
    workspace.sandbox.fault(method="PUT", path="/contacts/*", effect=effect)
    with pytest.raises(ConfigurationError, match=rf"redirects \({status}\), and a redirected write would be lost"):
        target.run([customer("ann")])
    assert target.out == ""


def test_half_a_character_in_intercom_stops_nothing(workspace: Any, target: Any, customer: Customer) -> None:
    """A name that was cut through an emoji is read with U+FFFD in its place."""
    contact = workspace.get(workspace.add(email="ann@a.example")) | {"name": "A\ud83d"}
    listed = {"type": "list", "data": [contact], "total_count": 1, "pages": {"next": None}}
    workspace.sandbox.fault(method="GET", path="/contacts", effect={"status": 200, "body": listed})
    ran = target.run([customer("ann")])
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1}


def test_what_search_does_not_show_yet_is_not_created_again(workspace: Any, target: Any, customer: Customer) -> None:
    """A user that searches do not find yet is found through Intercom's 409, and updated."""
    workspace.sandbox.reset(customers=500, search_lag=600)
    late = workspace.add(email="Late@a.example")
    ran = target.run([customer("late")], **CREATE)
    assert target.calls["POST /contacts/search"] == 1
    assert ran.summary == {"status": "completed", "records": 1, "updated": 1}
    assert workspace.get(late)["custom_attributes"]["cb_created_by"] is False
    assert Counter(workspace.emails())["Late@a.example"] == 1


def test_a_user_found_by_its_external_id(workspace: Any, target: Any, customer: Customer) -> None:
    """An unknown e-mail address with a known external id matches that user."""
    found = workspace.add(email="old@a.example", external_id="ann")
    ran = target.run([customer("ann", "new@a.example")], **CREATE)
    assert ran.summary == {"status": "completed", "records": 1, "updated": 1}
    assert workspace.get(found)["custom_attributes"]["cb_cust_id"] == "ann"
    assert workspace.emails() == ["old@a.example"]


def test_an_archived_user_is_reported(workspace: Any, target: Any, customer: Customer) -> None:
    """A 409 that names an archived user is a skip: nothing is restored or created."""
    workspace.call("POST", f"/contacts/{workspace.add(email='ann@a.example')}/archive")
    ran = target.run([customer("ann")], **CREATE)
    assert ran.summary == {"status": "completed", "records": 1, "skipped": {"archived": 1}}
    assert workspace.contacts() == []


def test_an_archived_user_is_not_asked_for_again_for_a_day(workspace: Any, target: Any, customer: Customer) -> None:
    """A refused creation because of an archived user is remembered for a day, then tried again."""
    archived = workspace.add(email="ann@a.example")
    workspace.call("POST", f"/contacts/{archived}/archive")
    first = target.run([customer("ann")], **CREATE)
    ((record_id, value, intercom_id, found_at),) = first.rows("archived")
    assert (record_id, value, intercom_id) == ("ann", "ann@a.example", archived)

    second = target.run([customer("ann")], **CREATE)
    assert second.summary == {"status": "completed", "records": 1, "skipped": {"archived": 1}}
    assert "POST /contacts" not in target.calls
    assert second.rows("archived") == [["ann", "ann@a.example", archived, found_at]]

    a_day_ago = int(found_at) - 86_401
    line = {"id": "ann", "value": "ann@a.example", "intercom_id": "x", "found_at": a_day_ago}
    (target.directory / "memory" / "archived.jsonl").write_text(json.dumps(line))
    third = target.run([customer("ann")], **CREATE)
    assert third.summary == {"status": "completed", "records": 1, "skipped": {"archived": 1}}
    assert target.calls["POST /contacts"] == 1
    assert [row[:3] for row in third.rows("archived")] == [["ann", "ann@a.example", archived]]


def test_an_archived_user_that_is_restored_is_matched_at_once(workspace: Any, target: Any, customer: Customer) -> None:
    """A restored user is matched at once, whatever is remembered."""
    archived = workspace.add(email="ann@a.example")
    workspace.call("POST", f"/contacts/{archived}/archive")
    target.run([customer("ann")], **CREATE)
    workspace.call("POST", f"/contacts/{archived}/unarchive")
    ran = target.run([customer("ann")], **CREATE)
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1}


def test_another_users_external_id_is_a_reject_naming_it(workspace: Any, target: Any, customer: Customer) -> None:
    """A 409 on an update rejects the record with the other user's id; other records are written."""
    other = workspace.add(email="other@a.example", external_id="ann")
    workspace.add(email="ann@a.example")
    workspace.add(email="bob@a.example")
    ran = target.run([customer("ann"), customer("bob")], on_match="update_all")
    assert ran.summary == {
        "status": "completed",
        "records": 2,
        "matched": 2,
        "updated": 1,
        "rejected": {"conflict": 1},
    }
    (reject,) = ran.lines("rejects")
    assert (reject["id"], reject["status"], reject["other_id"]) == ("ann", 409, other)
    assert len(ran.states) == 1


def test_a_conflict_withholds_only_what_conflicts(workspace: Any, target: Any, customer: Customer) -> None:
    """When another user has the external id or address, all other fields are written and reported."""
    workspace.add(email="other@a.example", external_id="ann")
    ann = workspace.add(email="ann@a.example", name="Anna")
    ran = target.run([customer("ann")], on_match="update_all")
    held = workspace.get(ann)
    assert (held["external_id"], held["name"]) == (None, "Ann")
    assert held["custom_attributes"] == {"cb_cust_id": "ann", "cb_cust_mrr": 10.5, "cb_created_by": False}
    assert ran.summary["rejected"] == {"conflict": 1}
    (change,) = ran.lines("changes")
    assert (change["intercom_id"], change["outcome"], len(change["fields"])) == (ann, "rejected", 4)
    assert ran.figure("fields_written") == 4

    assert target.run([customer("ann")], on_match="update_all").summary["rejected"] == {"conflict": 1}
    assert target.calls["PUT /contacts/{id}"] == 1


def test_an_archived_user_who_keeps_the_external_id_freezes_nothing(
    workspace: Any, target: Any, customer: Customer
) -> None:
    """A user whose external id an archived user has is reported, and still updated without the id."""
    workspace.call("POST", f"/contacts/{workspace.add(email='old@a.example', external_id='ann')}/archive")
    first = target.run([customer("ann")], **CREATE)
    (made,) = workspace.contacts()
    assert (first.summary["rejected"], first.lines("changes")[0]["intercom_id"]) == ({"conflict": 1}, made["id"])
    assert first.lines("changes")[0]["fields"]["email"] == {"before": None, "after": "ann@a.example"}

    target.run([customer("ann", cb_cust_mrr=99)], **CREATE)
    (held,) = workspace.contacts()
    assert (held["external_id"], held["custom_attributes"]["cb_cust_mrr"]) == (None, 99)


def test_a_lead_whose_address_a_user_has_is_not_converted(workspace: Any, target: Any, customer: Customer) -> None:
    """A lead whose new address another user has is not converted at all, to avoid a second user for its customer."""
    workspace.attribute("cb_cust_id", "string")
    workspace.add(email="ann@a.example", external_id="other")
    lead = workspace.add(role="lead", email="lead@a.example", custom_attributes={"cb_cust_id": "ann"})
    ran = target.run([customer("ann")], match_contacts_on="external_id", on_match="update_all", on_lead="convert")
    assert ran.summary["rejected"] == {"conflict": 1}
    assert (workspace.get(lead)["role"], ran.lines("changes")) == ("lead", [])


def test_a_refused_record_does_not_stop_the_others(workspace: Any, target: Any, customer: Customer) -> None:
    """A record that Intercom refuses with 400 is rejected with Intercom's words; the run goes on."""
    for name in ("a", "b", "c"):
        workspace.add(email=f"{name}@a.example")
    error = {"type": "error.list", "errors": [{"code": "parameter_invalid", "message": "No good"}]}
    workspace.sandbox.fault(method="PUT", nth=2, effect={"status": 400, "body": error})
    ran = target.run([customer("a"), customer("b"), customer("c")], max_concurrency=1)
    assert ran.summary["updated"] == 2
    assert ran.lines("rejects") == [
        {
            "stream": "contacts",
            "id": "b",
            "intercom_id": workspace.contacts()[1]["id"],
            "reason": "No good",
            "status": 400,
            "code": "parameter_invalid",
            "other_id": None,
        }
    ]
    assert len(ran.states) == 1


def test_a_value_that_does_not_fit_is_cleared_and_the_others_are_written(
    workspace: Any, target: Any, customer: Customer
) -> None:
    """A value that does not fit is cleared and reported in every run; other attributes are written."""
    workspace.add(email="a@a.example")
    target.run([customer("a", cb_signed_up_at="2025-01-31T12:00:00Z")])
    odd = customer("a", cb_signed_up_at="soon", cb_sub_status="active")
    contact = workspace.contacts()[0]["id"]
    row = [["a", "a@a.example", contact, "cb_signed_up_at", "the value is not of the type date", "contacts"]]
    first = target.run([odd])
    held = workspace.contacts()[0]["custom_attributes"]
    assert (held.get("cb_signed_up_at"), held["cb_sub_status"]) == (None, "active")
    assert (first.rows("unfit"), first.summary["updated"], first.lines("rejects")) == (row, 1, [])
    again = target.run([odd])
    assert (again.rows("unfit"), again.summary["unchanged"], again.figure("values_unfit")) == (row, 1, 1)


def test_an_option_that_a_list_attribute_lacks_is_cleared(workspace: Any, target: Any, customer: Customer) -> None:
    """A value outside a list attribute's options is cleared without a refused call."""
    options = [{"value": "active"}, {"value": "cancelled"}]
    body = {"name": "cb_sub_status", "model": "contact", "data_type": "options", "options": options}
    workspace.call("POST", "/data_attributes", body)
    contact = workspace.add(email="a@a.example", custom_attributes={"cb_sub_status": "active"})
    ran = target.run([customer("a", cb_sub_status="paused")])
    why = "the value is not among the attribute's options in Intercom"
    assert ran.rows("unfit") == [["a", "a@a.example", contact, "cb_sub_status", why, "contacts"]]
    held = workspace.get(contact)["custom_attributes"]
    assert (held.get("cb_sub_status"), held["cb_cust_mrr"]) == (None, 10.5)
    assert (workspace.writes(), ran.lines("rejects")) == (1, [])


@pytest.mark.parametrize(
    ("error", "field", "kept"),
    [
        ({"code": "parameter_invalid", "message": "phone is invalid", "field": "phone"}, "phone", True),
        ({"code": "parameter_invalid", "message": "is invalid", "field": "phone"}, "phone", True),
        ({"code": "parameter_invalid", "message": "'phone' is no number"}, "phone", True),
        ({"code": "parameter_invalid", "message": "Phone is invalid"}, "phone", True),
        ({"code": "bad_request", "message": "bad 'phone' parameter"}, "phone", True),
        ({"code": "parameter_invalid", "message": "is invalid", "field": "Phone"}, "phone", True),
        ({"code": "parameter_invalid", "message": "Custom attribute 'cb_sub_status' is odd"}, "cb_sub_status", False),
        ({"code": "type_mismatch", "message": "is odd", "field": "cb_sub_status"}, "cb_sub_status", False),
        (
            {"code": "type_mismatch", "message": "is odd", "field": "custom_attributes.cb_sub_status"},
            "cb_sub_status",
            False,
        ),
    ],
    ids=[
        "field and message",
        "field alone",
        "message alone",
        "message with a capital",
        "quoted inside a message",
        "field with a capital",
        "attribute",
        "attribute as field",
        "attribute as path",
    ],
)
def test_a_400_that_names_a_field_withholds_that_field(  # noqa: PLR0913 the fixtures and a row of the table
    workspace: Any, target: Any, customer: Customer, error: dict[str, str], field: str, *, kept: bool
) -> None:
    """When a 400 names a field, a standard field stays, an own attribute is cleared, and the rest is written."""
    contact = workspace.add(email="a@a.example", phone="+1 1", custom_attributes={})
    workspace.sandbox.fault(method="PUT", nth=1, effect={"status": 400, "body": {"errors": [error]}})
    record = customer("a", cb_sub_status="active") | {"phone": "+49 30 1"}
    ran = target.run([record], on_match="update_all")
    held = workspace.get(contact)
    assert (held["name"], held["custom_attributes"]["cb_cust_mrr"]) == ("A", 10.5)
    assert held["phone"] == ("+1 1" if kept else "+49 30 1")
    assert held["custom_attributes"].get("cb_sub_status") == ("active" if kept else None)
    assert ran.rows("unfit") == [["a", "a@a.example", contact, field, error["message"], "contacts"]]
    assert (ran.summary["updated"], ran.lines("rejects"), workspace.writes()) == (1, [], 2)


@pytest.mark.parametrize(
    "error",
    [
        {"code": "parameter_invalid", "message": "No good"},
        {"code": "parameter_invalid"},
        {"code": "parameter_invalid", "message": "the contact name may be odd"},
        {"code": "parameter_invalid", "message": "is invalid", "field": "role"},
        {"code": "parameter_invalid", "message": "email is invalid", "field": "email"},
    ],
    ids=["no field", "no message", "a common word", "a field that was not sent", "the match key"],
)
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_400_that_names_no_optional_field_is_a_reject(
    workspace: Any, target: Any, customer: Customer, method: str, error: dict[str, str]
) -> None:
    """When a 400 names no optional field, the whole record is rejected and nothing is left out."""
    if method == "PUT":
        workspace.add(email="a@a.example")
    workspace.sandbox.fault(
        method=method, path="/contacts*", nth=1, effect={"status": 400, "body": {"errors": [error]}}
    )
    record = customer("a", cb_signed_up_at="soon") | {"phone": "+49 30 1"}
    ran = target.run([record], on_match="update_all", on_no_match="create")
    assert ran.summary["rejected"] == {"parameter_invalid": 1}
    assert [row[3] for row in ran.rows("unfit")] == ["cb_signed_up_at"]
    assert workspace.writes() == 1


def test_a_400_that_names_a_field_of_a_new_user_withholds_that_field(
    workspace: Any, target: Any, customer: Customer
) -> None:
    """A new user is created without the field that Intercom refuses."""
    error = {"code": "parameter_invalid", "message": "phone is invalid", "field": "phone"}
    workspace.sandbox.fault(method="POST", path="/contacts", nth=1, effect={"status": 400, "body": {"errors": [error]}})
    ran = target.run([customer("a") | {"phone": "+49 30 1"}], on_no_match="create")
    (contact,) = workspace.contacts()
    assert (contact["email"], contact["phone"], ran.summary["created"]) == ("a@a.example", None, 1)
    assert [row[3] for row in ran.rows("unfit")] == ["phone"]


DATE_SCHEMA = {"type": ["string", "null"], "format": "date-time"}


@pytest.mark.parametrize(
    ("schema", "value", "data_type", "kept"),
    [
        ({"type": ["boolean", "null"]}, True, "string", "true"),
        ({"type": ["boolean", "null"]}, True, "boolean", True),
        ({"type": ["number", "null"]}, 2, "integer", 2),
        ({"type": ["number", "null"]}, 2.5, "integer", None),
        (DATE_SCHEMA, "2025-01-31T12:00:00+00:00", "string", "2025-01-31T12:00:00+00:00"),
        (DATE_SCHEMA, "2025-01-31T12:00:00+00:00", "integer", 1738324800),
    ],
    ids=[
        "yes or no in text",
        "yes or no in its own type",
        "a whole number in whole numbers",
        "a fraction in whole numbers",
        "a date in text",
        "a date in whole numbers",
    ],
)
def test_an_upgrade_stops_nobodys_sync(  # noqa: PLR0913, PLR0917 the fixtures and a row of the table
    workspace: Any, target: Any, schema: dict[str, Any], value: object, data_type: str, kept: object
) -> None:
    """An attribute that an earlier version created keeps its type, and the log names it once.

    A date is written as unix seconds there; a value that does not fit is cleared and reported.
    """
    contact = workspace.add(email="a@a.example")
    workspace.attribute("cb_cust_auto", data_type)
    stream = {
        "type": "SCHEMA",
        "stream": "contacts",
        "key_properties": ["customer_id"],
        "schema": {
            "properties": {
                "customer_id": {"type": "string"},
                "email": {"type": "string"},
                "custom_attributes": {"properties": {"cb_cust_auto": schema}},
            }
        },
    }
    fields = {"customer_id": "a", "email": "a@a.example", "custom_attributes": {"cb_cust_auto": value}}
    given = [stream, {"type": "RECORD", "stream": "contacts", "record": fields}]
    for outcome in ("updated", "unchanged"):
        plugin = TargetIntercom(config=target.config())
        plugin.listen(io.StringIO("".join(json.dumps(line) + "\n" for line in given)))
        assert plugin.run.summary.counts.outcomes == {outcome: 1}
    assert workspace.get(contact)["custom_attributes"].get("cb_cust_auto") == kept
    assert plugin.run.summary.attributes_of_earlier_type == ([] if data_type == "boolean" else ["cb_cust_auto"])
    assert plugin.run.summary.values_unfit == (kept is None)


def test_too_many_refusals_stop_the_run_without_state(workspace: Any, target: Any, customer: Customer) -> None:
    """Above `max_rejects` the run stops without STATE."""
    records = [customer(f"c{number}") for number in range(20)]
    for number in range(20):
        workspace.add(email=f"c{number}@a.example")
    workspace.sandbox.fault(method="PUT", effect={"status": 422, "body": {"errors": [{"code": "data_invalid"}]}})
    with pytest.raises(FatalAPIError, match=r"^4 of 4 records were refused, more than `max_rejects` permits \(3\)"):
        target.run(records, max_rejects=3, max_concurrency=1)
    assert target.out == ""
    assert json.loads((target.directory / "summary.json").read_text())["status"] == "stopped"


def test_a_stream_of_misfits_stops_the_run_without_a_write(workspace: Any, target: Any, customer: Customer) -> None:
    """When a field fits in none of fifty or more records, the run stops before a write."""
    workspace.fill({"email": f"c{number}@a.example"} for number in range(60))
    records = [customer(f"c{number}", cb_signed_up_at="soon") for number in range(60)]
    with pytest.raises(FatalAPIError, match=r"^Each of the 60 records has a value of `cb_signed_up_at` that Intercom"):
        target.run(records)
    assert (target.out, workspace.writes()) == ("", 0)
    assert target.run(records, accept_changes=True).summary["updated"] == 60


def test_fail_on_rejects(workspace: Any, target: Any, customer: Customer) -> None:
    """With `fail_on_rejects`, a run with a reject fails after its STATE."""
    workspace.add(email="a@a.example")
    with pytest.raises(FatalAPIError, match=r"`fail_on_rejects` is set"):
        target.run([customer("a" * 256, email="a@a.example")], fail_on_rejects=True)
    assert len(target.out.splitlines()) == 1


def test_an_attribute_of_another_type_stops_before_the_first_write(
    workspace: Any, target: Any, customer: Customer
) -> None:
    """An existing attribute of a wrong type stops the run before any write."""
    workspace.add(email="ann@a.example")
    workspace.attribute("cb_cust_mrr", "string")
    with pytest.raises(
        ConfigurationError, match=r"^The contact attribute `cb_cust_mrr` has the type string .*`owned_prefix`"
    ):
        target.run([customer("ann")])
    assert target.calls == {"GET /me": 1, "GET /data_attributes": 2}
    assert target.out == ""


def test_the_guard_stops_before_the_first_write(workspace: Any, target: Any, customer: Customer) -> None:
    """When most of 200 linked users would change their MRR, nothing is written without `accept_changes`."""
    before = [customer(f"c{number}") for number in range(200)]
    after = [customer(f"c{number}", cb_cust_mrr=99 if number < 101 else 10.5) for number in range(200)]
    target.run(before, **CREATE)
    with pytest.raises(FatalAPIError, match=r"^101 of 200 linked records would change MRR or status"):
        target.run(after)
    assert workspace.writes() == 0
    assert target.out == ""
    assert target.read().summary["stopped_by"] == "guard"
    accepted = target.run(after, accept_changes=True).summary
    assert (accepted["updated"], "stopped_by" in accepted) == (101, False)


@pytest.mark.parametrize(
    "effect",
    [
        {"status": 503},
        {"status": 502, "body": "<html>"},
        {"status": 200, "body": ""},
        {"drop": "before"},
        {"drop": "after"},
        {"truncate": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("call", [("GET", "/me"), ("GET", "/contacts"), ("PUT", "/contacts/*")], ids=str)
def test_a_failed_call_is_made_again(
    workspace: Any, target: Any, customer: Customer, effect: dict[str, Any], call: tuple[str, str]
) -> None:
    """A server error, broken connection or empty reply costs one more call and has no other effect."""
    workspace.add(email="ann@a.example")
    method, path = call
    workspace.sandbox.fault(method=method, path=path, nth=1, effect=effect)
    ran = target.run([customer("ann")])
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1}
    assert target.calls[f"{method} {path.replace('*', '{id}')}"] == 2


def test_a_rate_limit_is_waited_for(workspace: Any, target: Any, customer: Customer) -> None:
    """After a 429 all workers wait until the reset, and every record is written once."""
    for number in range(20):
        workspace.add(email=f"c{number}@a.example")
    reset = str(workspace.sandbox.world.clock.now() + 1)
    limited = {"status": 429, "headers": {"X-RateLimit-Reset": reset, "X-RateLimit-Remaining": "0"}, "body": {}}
    workspace.sandbox.fault(method="PUT", nth=5, effect=limited)
    ran = target.run([customer(f"c{number}") for number in range(20)], max_concurrency=4)
    assert ran.summary["updated"] == 20
    assert target.calls["PUT /contacts/{id}"] == 21
    assert ran.figure("waits") >= 1
    assert ran.figure("waited_seconds") >= 0.5


def test_a_token_that_expires_half_way_stops_without_state(workspace: Any, target: Any, customer: Customer) -> None:
    """A 401 during the writes ends the run in a sentence that names the setting; earlier writes are reported."""
    for number in range(5):
        workspace.add(email=f"c{number}@a.example")
    error = {"type": "error.list", "errors": [{"code": "unauthorized", "message": "Access Token Invalid"}]}
    workspace.sandbox.fault(method="PUT", **{"from": 3}, effect={"status": 401, "body": error})
    with pytest.raises(
        ConfigurationError, match=r"^Intercom refused the token in `access_token` \(Access Token Invalid\)"
    ):
        target.run([customer(f"c{number}") for number in range(5)], max_concurrency=1)
    assert target.out == ""
    assert len((target.directory / "changes.jsonl").read_text().splitlines()) == 2


def test_a_killed_run_is_completed_by_the_next(workspace: Any, target: Any, customer: Customer) -> None:
    """A killed target prints no STATE; the next run completes its work without duplicates."""
    records = [customer(f"c{number}") for number in range(12)]
    for attribute in ("cb_cust_id", "cb_cust_status", "cb_sub_status"):
        workspace.attribute(attribute, "string")
    workspace.sandbox.fault(method="POST", path="/contacts", **{"from": 4}, effect={"delay": 20})
    process = target.start(records, max_concurrency=2, **CREATE)
    target.wait_for(process, lambda: len(workspace.contacts()) >= 3)
    process.kill()
    out, _ = process.communicate(timeout=30)
    assert out == ""
    workspace.sandbox.clear_faults()
    ran = target.run(records, **CREATE)
    assert sorted(workspace.emails()) == sorted(f"c{number}@a.example" for number in range(12))
    assert all(contact["external_id"] for contact in workspace.contacts())
    assert len(ran.states) == 1


def test_a_signal_acknowledges_nothing(workspace: Any, target: Any, customer: Customer) -> None:
    """A terminated target finishes calls in progress, prints no STATE and exits with 128 + the signal."""
    for number in range(50):
        workspace.add(email=f"c{number}@a.example")
    workspace.sandbox.fault(method="PUT", effect={"delay": 0.5})
    process = target.start([customer(f"c{number}") for number in range(50)], max_concurrency=2)
    target.wait_for(process, lambda: "PUT /contacts/{id}" in workspace.calls())
    process.send_signal(signal.SIGTERM)
    out, log = process.communicate(timeout=30)
    assert (process.returncode, out) == (143, "")
    assert "stopping; STATE does not confirm the unfinished work" in log
    assert workspace.calls()["PUT /contacts/{id}"] < 50


@pytest.mark.parametrize("moment", [1, 5, 15])
def test_two_signals_lose_no_line(workspace: Any, target: Any, customer: Customer, moment: int) -> None:
    """Interrupted and then terminated, as by Meltano on Ctrl-C, the target reports every write it has made."""
    for number in range(50):
        workspace.add(email=f"c{number}@a.example")
    workspace.sandbox.fault(method="PUT", effect={"delay": 0.3})
    process = target.start([customer(f"c{number}") for number in range(50)], max_concurrency=4)
    target.wait_for(process, lambda: workspace.calls().get("PUT /contacts/{id}", 0) >= moment)
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(0.1)
    process.send_signal(signal.SIGTERM)
    out, log = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert log.count("stopping; STATE does not confirm the unfinished work") == 1
    assert "Traceback" not in log
    changed = [json.loads(line)["id"] for line in (target.directory / "changes.jsonl").read_text().splitlines()]
    held = [
        one["email"].partition("@")[0] for one in workspace.contacts() if one["custom_attributes"].get("cb_cust_id")
    ]
    assert sorted(changed) == sorted(held)
    assert len(changed) == workspace.calls()["PUT /contacts/{id}"] < 50
    summary = json.loads((target.directory / "summary.json").read_text())
    assert (summary["status"], summary["updated"]) == ("stopped", len(changed))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"access_token": "wrong"}, "Intercom refused the token in `access_token` (Access Token Invalid): check it"),
        ({"access_token": " "}, "The setting `access_token` is empty."),
        ({"access_token": ""}, "The setting `access_token` is missing: set it, or TARGET_INTERCOM_ACCESS_TOKEN and"),
        ({"access_token": "…"}, "The setting `access_token` contains characters that Intercom's tokens never have."),
        ({"api_url": "api.intercom.io"}, "The setting `api_url` is not a URL such as https://api.intercom.io."),
        ({"api_url": "http://a.example"}, "The setting `api_url` is an http:// address of another machine, to which"),
        ({"api_url": "ftp://a.example"}, "The setting `api_url` is not a URL such as https://api.intercom.io."),
        ({"api_url": "http://[:::"}, "The setting `api_url` is not a URL such as https://api.intercom.io."),
        (
            {"report_dir": "/dev/null/reports"},
            "The folder of `report_dir`, /dev/null/reports, cannot be created: Not a dir",
        ),
        ({"on_no_mach": "create"}, "There is no setting `on_no_mach`: did you mean `on_no_match`?"),
        ({"region": "mars"}, "The setting `region` must be one of `us`, `eu`, `au`."),
    ],
    ids=[
        "wrong token",
        "blank token",
        "empty token",
        "dots",
        "no scheme",
        "no TLS",
        "another scheme",
        "no host",
        "no folder",
        "misspelt",
        "no region",
    ],
)
def test_a_wrong_setting_is_one_sentence(
    target: Any, customer: Customer, settings: dict[str, str], sentence: str
) -> None:
    """A user's mistake ends in one sentence that names the setting, exit code 1 and no traceback."""
    code, out, log = target.command([customer("ann")], **settings)
    assert (code, out) == (1, "")
    assert sentence in log
    assert "Traceback" not in log


def test_another_address_of_the_same_host_is_one_sentence(workspace: Any, target: Any, customer: Customer) -> None:
    """An address without Intercom's operations is reported with a question about `api_url`."""
    url = f"{workspace.sandbox.intercom_url}/wrong"
    code, out, log = target.command([customer("ann")], api_url=url)
    assert (code, out) == (1, "")
    assert f"{url} answers, but not as Intercom's API does (" in log
    assert "check `api_url`." in log
    assert "Traceback" not in log


def test_a_refusal_of_what_a_run_needs_is_one_sentence(workspace: Any, target: Any, customer: Customer) -> None:
    """When Intercom refuses to list attributes, the run stops in a sentence without a traceback."""
    error = {"type": "error.list", "errors": [{"code": "not_found", "message": "No such thing"}]}
    workspace.sandbox.fault(method="GET", path="/data_attributes", effect={"status": 404, "body": error})
    code, out, log = target.command([customer("ann")])
    assert (code, out) == (1, "")
    assert "Intercom refused a request that every run needs (404 not_found: No such thing): no STATE was written" in log
    assert "Traceback" not in log


def test_an_address_where_nobody_answers_is_one_sentence(
    target: Any, customer: Customer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An address that does not answer is reported after some tries with a question about `api_url`."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"did not answer .* Is `api_url` or `region` right\?$"):
        target.run([customer("ann")], api_url="http://127.0.0.1:9/intercom")
    assert [entry.getMessage() for entry in caplog.records if entry.levelname == "ERROR"] == []
