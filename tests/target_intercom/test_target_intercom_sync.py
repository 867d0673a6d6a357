"""The target against the sandbox: writes and numbers of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Customer = Callable[..., dict[str, Any]]

START = {"GET /me": 1, "GET /data_attributes": 2, "GET /contacts": 1}
MARK = {"cb_created_by": False}
STATE = [{"bookmarks": {"customers": {"replication_key_value": 1}}}]


def test_a_found_user_gets_the_owned_attributes(workspace: Any, target: Any, customer: Customer) -> None:
    """A user with the same address gets the cb_ attributes, which are created first; its other fields stay."""
    ann = workspace.add(email="ann@a.example", name="Ann", external_id="mine", phone="1")
    ran = target.run([customer("ann", cb_signed_up_at="2025-01-31T12:00:00Z", cb_cust_status="active")])
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1}
    assert target.calls == START | {"POST /data_attributes": 6, "PUT /contacts/{id}": 1}
    held = workspace.get(ann)
    assert (held["name"], held["external_id"], held["phone"]) == ("Ann", "mine", "1")
    assert held["custom_attributes"] == {
        "cb_cust_id": "ann",
        "cb_cust_mrr": 10.5,
        "cb_cust_status": "active",
        "cb_signed_up_at": 1738324800,
        "cb_created_by": False,
    }
    assert ran.states == STATE


def test_attributes_are_created_with_type_and_description(workspace: Any, target: Any, customer: Customer) -> None:
    """Missing attributes are created with the schema's type and description."""
    workspace.add(email="ann@a.example")
    target.run([customer("ann")])
    attributes = workspace.call("GET", "/data_attributes?model=contact")["data"]
    created = {one["name"]: (one["data_type"], one.get("description")) for one in attributes if one["custom"]}
    assert created["cb_cust_mrr"] == ("float", "Monthly recurring revenue")
    assert created["cb_signed_up_at"][0] == "date"
    assert created["cb_created_by"] == ("boolean", "Whether this integration created the record in Intercom.")


def test_a_second_run_writes_nothing(workspace: Any, target: Any, customer: Customer) -> None:
    """A second run over the same records only reads, with four calls."""
    workspace.add(email="ann@a.example")
    records = [customer("ann", cb_signed_up_at="2025-01-31T12:00:00Z", cb_sub_status=None), customer("new")]
    target.run(records, on_no_match="create")
    ran = target.run(records, on_no_match="create")
    assert ran.summary == {"status": "completed", "records": 2, "matched": 2, "unchanged": 2}
    assert target.calls == START
    assert ran.lines("changes") == []


def test_only_what_changed_is_written(workspace: Any, target: Any, customer: Customer) -> None:
    """Each changed user costs one call, and the report shows the values before and after."""
    first, second = workspace.add(email="a1@a.example"), workspace.add(email="a2@a.example")
    target.run([customer("a1"), customer("a2")])
    ran = target.run([customer("a1"), customer("a2", cb_cust_mrr=20)])
    assert ran.summary == {"status": "completed", "records": 2, "matched": 2, "updated": 1, "unchanged": 1}
    assert target.calls == START | {"PUT /contacts/{id}": 1}
    assert ran.lines("changes") == [
        {
            "stream": "contacts",
            "id": "a2",
            "intercom_id": second,
            "outcome": "updated",
            "fields": {"custom_attributes.cb_cust_mrr": {"before": 10.5, "after": 20.0}},
        }
    ]
    assert workspace.get(first)["custom_attributes"]["cb_cust_mrr"] == 10.5


@pytest.mark.parametrize("held", ["ANN@A.EXAMPLE", "Ann@A.Example", " ann@a.example".strip()])
@pytest.mark.parametrize("given", ["ann@a.example", " Ann@a.Example "])
def test_letter_case_and_blanks_do_not_matter(
    workspace: Any, target: Any, customer: Customer, held: str, given: str
) -> None:
    """An e-mail address matches in any letter case on either side."""
    workspace.add(email=held)
    assert target.run([customer("ann", given)]).summary["updated"] == 1


@pytest.mark.parametrize(
    ("settings", "skipped"),
    [
        ({}, {"no_match": 4}),
        ({"on_no_match": "create"}, {"cancelled": 1, "deleted": 1, "no_identifier": 1}),
        ({"on_no_match": "create", "create_cancelled": True}, {"deleted": 1, "no_identifier": 1}),
    ],
    ids=["skip", "create", "create cancelled"],
)
def test_who_is_created(
    workspace: Any, target: Any, customer: Customer, settings: dict[str, Any], skipped: dict[str, int]
) -> None:
    """Unknown customers are created if the settings say so.

    Cancelled ones have a setting of their own, deleted ones never are.
    """
    records = [
        customer("active", cb_sub_status="active"),
        customer("cancelled", cb_sub_status="cancelled"),
        customer("deleted", cb_cust_status="deleted"),
        customer("nameless", ""),
    ]
    expected = {"no_match": 3, "no_identifier": 1} if not settings else skipped
    assert target.run(records, **settings).summary["skipped"] == expected
    assert len(workspace.contacts()) == 4 - sum(expected.values())


def test_a_created_user(workspace: Any, target: Any, customer: Customer) -> None:
    """A creation takes three calls: look-up by external id, creation by e-mail, and setting the external id."""
    ran = target.run([customer("new")], on_no_match="create")
    (created,) = workspace.contacts()
    assert (created["email"], created["external_id"], created["name"]) == ("new@a.example", "new", "New")
    assert created["custom_attributes"] == {"cb_cust_id": "new", "cb_cust_mrr": 10.5, "cb_created_by": True}
    assert target.calls == START | {
        "POST /data_attributes": 6,
        "GET /contacts/find_by_external_id/{external_id}": 1,
        "POST /contacts": 1,
        "PUT /contacts/{id}": 1,
    }
    assert ran.summary == {"status": "completed", "records": 1, "created": 1}
    assert set(ran.lines("changes")[0]["fields"]) >= {"email", "external_id", "custom_attributes.cb_created_by"}


def test_a_user_created_by_external_id(workspace: Any, target: Any, customer: Customer) -> None:
    """Matched by external id, a creation includes it and takes two calls."""
    target.run([customer("new")], on_no_match="create", match_contacts_on="external_id")
    assert workspace.contacts()[0]["external_id"] == "new"
    assert (target.calls["POST /contacts"], target.calls.get("PUT /contacts/{id}")) == (1, None)


def test_update_all_fills_standard_fields(workspace: Any, target: Any, customer: Customer) -> None:
    """update_all also writes the name and an empty external id, but never the matched address."""
    ann = workspace.add(email="Ann@a.example", name="A.")
    target.run([customer("ann")], on_match="update_all")
    held = workspace.get(ann)
    assert (held["name"], held["external_id"], held["email"]) == ("Ann", "ann", "Ann@a.example")


def test_null_clears_an_owned_attribute(workspace: Any, target: Any, customer: Customer) -> None:
    """A value that becomes null in the record is cleared in Intercom."""
    ann = workspace.add(email="ann@a.example")
    target.run([customer("ann", cb_sub_status="active")])
    target.run([customer("ann", cb_sub_status=None)])
    assert workspace.get(ann)["custom_attributes"].get("cb_sub_status") is None
    assert target.calls["PUT /contacts/{id}"] == 1


def test_two_users_are_ambiguous(workspace: Any, target: Any, customer: Customer) -> None:
    """Two users with the same address are reported, and neither is written."""
    ids = {workspace.add(email="ann@a.example", external_id=number) for number in ("1", "2")}
    ran = target.run([customer("ann")], on_no_match="create")
    assert ran.summary["skipped"] == {"ambiguous": 1}
    assert workspace.writes() == 0
    ((record_id, value, found, *outcome),) = ran.rows("ambiguous")
    assert (record_id, value, set(found.split()), outcome) == (
        "ann",
        "ann@a.example",
        ids,
        ["skipped", "ambiguous", "contacts"],
    )


@pytest.mark.parametrize(
    ("on_lead", "outcome", "roles"),
    [
        ("skip", {"skipped": {"lead": 1}}, ["lead"]),
        ("convert", {"matched": 1, "converted": 1}, ["user"]),
        ("create", {"created": 1}, ["lead", "user"]),
    ],
)
def test_a_lead(  # noqa: PLR0913, PLR0917 - three fixtures and a row of the table
    workspace: Any, target: Any, customer: Customer, on_lead: str, outcome: dict[str, Any], roles: list[str]
) -> None:
    """A lead with the same address is left alone, converted, or joined by a new user, as `on_lead` says."""
    workspace.add(role="lead", email="ann@a.example")
    ran = target.run([customer("ann")], on_lead=on_lead)
    assert ran.summary == {"status": "completed", "records": 1} | outcome
    assert [contact["role"] for contact in workspace.contacts()] == roles


def test_a_changed_email_is_found_by_the_link(workspace: Any, target: Any, customer: Customer) -> None:
    """A user whose customer's address changed is found by cb_cust_id, and keeps its own address."""
    ann = workspace.add(email="ann@a.example")
    target.run([customer("ann")])
    ran = target.run([customer("ann", "ann@new.example", cb_cust_mrr=7)], on_no_match="create")
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1}
    assert workspace.emails() == ["ann@a.example"]
    assert workspace.get(ann)["custom_attributes"]["cb_cust_mrr"] == 7


def test_a_user_linked_to_another_record_of_the_run_is_claimed(workspace: Any, target: Any, customer: Customer) -> None:
    """When two records match one user, the record that it is linked to writes it."""
    workspace.add(email="ann@a.example")
    target.run([customer("ann")])
    rival = customer("rival", "ann@a.example", cb_cust_mrr=1)
    ran = target.run([rival, customer("ann")])
    assert ran.summary["skipped"] == {"claimed": 1}
    assert workspace.contacts()[0]["custom_attributes"]["cb_cust_id"] == "ann"


def test_two_new_records_of_one_email_make_one_user(workspace: Any, target: Any, customer: Customer) -> None:
    """When two unknown customers share an address, the first is created and the other reported."""
    ran = target.run([customer("a", "x@a.example"), customer("b", "X@a.example")], on_no_match="create")
    assert ran.summary == {"status": "completed", "records": 2, "created": 1, "skipped": {"claimed": 1}}
    assert workspace.emails() == ["x@a.example"]


def test_the_last_of_two_records_of_one_id_counts(workspace: Any, target: Any, customer: Customer) -> None:
    """When an id is sent twice in a run, the later record counts."""
    workspace.add(email="ann@a.example")
    ran = target.run([customer("ann", cb_cust_mrr=1), customer("ann", cb_cust_mrr=2)])
    assert ran.summary == {
        "status": "completed",
        "records": 2,
        "matched": 1,
        "updated": 1,
        "skipped": {"superseded": 1},
    }
    assert workspace.contacts()[0]["custom_attributes"]["cb_cust_mrr"] == 2


def test_every_record_has_one_row(workspace: Any, target: Any, customer: Customer) -> None:
    """Each record is in one row of one table: matched, unmatched or ambiguous."""
    workspace.add(email="one@a.example", name="One")
    workspace.add(email="two@a.example", external_id="1")
    workspace.add(email="two@a.example", external_id="2")
    ran = target.run([customer("one"), customer("two"), customer("three")])
    assert [row[0] for name in ("matched", "ambiguous", "unmatched") for row in ran.rows(name)] == [
        "one",
        "two",
        "three",
    ]
    assert ran.rows("matched")[0][3:] == [
        "One",
        "one@a.example",
        "updated",
        "matched",
        "cb_cust_id cb_cust_mrr cb_created_by",
        "",
        "contacts",
    ]
    assert ran.rows("unmatched") == [["three", "three@a.example", "skipped", "no_match", "", "contacts"]]


def test_a_user_beside_a_lead_is_matched(workspace: Any, target: Any, customer: Customer) -> None:
    """A lead with the same address does not make a user ambiguous."""
    workspace.add(role="lead", email="ann@a.example")
    user = workspace.add(email="ann@a.example")
    ran = target.run([customer("ann")])
    assert [row[2] for row in ran.rows("matched")] == [user]
    assert ran.rows("ambiguous") == []


def test_reports_are_private(target: Any, customer: Customer) -> None:
    """Only the owner can read the reports, because they have personal data."""
    ran = target.run([customer("ann")])
    assert ran.directory.stat().st_mode & 0o777 == 0o700
    names = {path.name: path.stat().st_mode & 0o777 for path in ran.directory.rglob("*") if path.is_file()}
    assert names == dict.fromkeys(
        (
            "ambiguous.csv",
            "archived.csv",
            "archived.jsonl",
            "changes.jsonl",
            "matched.csv",
            "moved.csv",
            "moved.jsonl",
            "not_reached.csv",
            "not_sent.csv",
            "rejects.jsonl",
            "run.lock",
            "summary.json",
            "unfit.csv",
            "unmatched.csv",
        ),
        0o600,
    )


def test_validate_writes_nothing(workspace: Any, target: Any, customer: Customer) -> None:
    """In mode validate the reports say what a sync would do; nothing is written and no STATE is printed."""
    workspace.add(email="ann@a.example")
    ran = target.run([customer("ann"), customer("new")], mode="validate", on_no_match="create")
    assert ran.summary == {"status": "completed", "records": 2, "matched": 1, "updated": 1, "created": 1}
    assert ran.figure("mode") == "validate"
    assert ran.states == []
    assert target.calls == START
    assert len(ran.figure("attributes_missing")) == 6


def test_long_strings_are_cut(workspace: Any, target: Any, customer: Customer) -> None:
    """A string over 255 characters is cut and counted."""
    workspace.add(email="ann@a.example")
    ran = target.run([customer("ann", cb_cust_status="x" * 300)])
    assert ran.summary["values_cut"] == 1
    assert workspace.contacts()[0]["custom_attributes"]["cb_cust_status"] == "x" * 255


def test_unchanged_records_cost_few_calls(workspace: Any, target: Any, customer: Customer) -> None:
    """A thousand unchanged records take seven pages of contacts and the three calls at the start."""
    records = [customer(f"c{number}") for number in range(1000)]
    target.run(records[:1], on_no_match="create")
    workspace.fill({"email": one["email"], "custom_attributes": one["custom_attributes"] | MARK} for one in records[1:])
    ran = target.run(records)
    assert ran.summary == {"status": "completed", "records": 1000, "matched": 1000, "unchanged": 1000}
    assert target.calls == {"GET /me": 1, "GET /data_attributes": 2, "GET /contacts": 7}


def test_few_records_are_searched_for(workspace: Any, target: Any, customer: Customer) -> None:
    """Few records among many contacts are searched for: 121 records take two searches."""
    workspace.sandbox.reset(customers=500)
    known = sorted({email.lower() for email in workspace.emails() if email})[:120]
    records = [customer(f"c{number}", email) for number, email in enumerate(known)] + [customer("new")]
    ran = target.run(records)
    assert ran.figure("records") == 121
    assert ran.summary["matched"] > 90
    assert target.calls["POST /contacts/search"] == 2
    assert ran.summary["skipped"]["no_match"] == 1


@pytest.mark.parametrize(("longest", "calls"), [(50, 1), (7, 11)])
def test_the_longest_array_is_learnt(workspace: Any, target: Any, customer: Customer, longest: int, calls: int) -> None:
    """When Intercom accepts only shorter arrays, they are halved until it does."""
    workspace.sandbox.reset(customers=300, max_in_values=longest)
    known = sorted({email.lower() for email in workspace.emails() if email})[:40]
    ran = target.run([customer(f"c{number}", email) for number, email in enumerate(known)])
    assert "no_match" not in ran.summary.get("skipped", {})
    assert target.calls["POST /contacts/search"] == calls


def test_a_thousand_contacts_are_searched_within_budget(workspace: Any, target: Any, customer: Customer) -> None:
    """Six hundred records among a thousand contacts take five searches."""
    workspace.fill({"email": f"c{number}@a.example"} for number in range(1000))
    ran = target.run([customer(f"c{number}") for number in range(600)], mode="validate")
    assert ran.summary["matched"] == 600
    assert target.calls == {"GET /me": 1, "GET /data_attributes": 2, "GET /contacts": 1, "POST /contacts/search": 5}
