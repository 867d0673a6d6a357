"""From a record to a request: converting values, comparing and creating."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_intercom.records.match_keys import COMPANY_ID, COMPANY_NAME, EMAIL, EXTERNAL_ID, MatchKey
from target_intercom.records.object_types import COMPANY
from target_intercom.records.payloads import Change, build_create_body, build_update_body, find_changes
from target_intercom.records.remote import RemoteCompany, RemoteContact
from target_intercom.records.values import build_wanted
from target_intercom.records.write_options import WriteOptions

TYPES = {
    "cb_name": "string",
    "cb_at": "date",
    "cb_mrr": "float",
    "cb_seats": "integer",
    "cb_auto": "boolean",
    "cb_cust_id": "string",
    "cb_created_by": "boolean",
    "tier": "string",
}
OWNED = WriteOptions(TYPES)
ALL = WriteOptions(TYPES, update_all=True)


def record(**attributes: Any) -> dict[str, Any]:
    """Return a record of the customer c1 with these attributes."""
    return {"customer_id": "c1", "external_id": "x1", "email": "a@b.example", "custom_attributes": attributes}


def contact(**attributes: Any) -> dict[str, Any]:
    """Return a user that an earlier run linked to c1."""
    held = {"cb_cust_id": "c1", "cb_created_by": False} | attributes
    standard = {"id": "i1", "role": "user", "external_id": "old", "email": "a@b.example", "name": "Ann", "phone": "1"}
    return standard | {"custom_attributes": held}


@pytest.mark.parametrize(
    ("name", "value", "fitted"),
    [
        ("cb_name", "  Gold ", "Gold"),
        ("cb_name", "", None),
        ("cb_name", " ", None),
        ("cb_name", 7, "7"),
        ("cb_name", "x" * 256, "x" * 255),
        ("cb_at", "2025-01-31T12:00:00Z", 1738324800),
        ("cb_at", "2025-01-31T12:00:00.900+00:00", 1738324800),
        ("cb_at", "2025-01-31T14:00:00+02:00", 1738324800),
        ("cb_at", "2025-01-31T12:00:00", 1738324800),
        ("cb_at", "2025-01-31", 1738281600),
        ("cb_at", 1738324800, 1738324800),
        ("cb_mrr", 49, 49.0),
        ("cb_mrr", 49.5, 49.5),
        ("cb_seats", 5, 5),
        ("cb_seats", 5.0, 5),
        ("cb_auto", False, False),
        ("cb_auto", None, None),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_values_are_fitted_to_their_type(name: str, value: Any, fitted: Any) -> None:
    """Text is trimmed and cut, dates become unix seconds (UTC without a zone), numbers stay numbers."""
    result = build_wanted(record(**{name: value}), "c1", OWNED).attributes[name]
    assert (result, type(result)) == (fitted, type(fitted))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cb_at", "tomorrow"),
        ("cb_at", True),
        ("cb_mrr", "much"),
        ("cb_mrr", float("nan")),
        ("cb_mrr", True),
        ("cb_seats", 5.5),
        ("cb_seats", False),
        ("cb_seats", 2**53 + 1),
        ("cb_seats", -(2**53) - 2),
        ("cb_auto", "yes"),
        ("cb_auto", "true"),
        ("cb_name", {"a": 1}),
        ("cb_name", ["a"]),
    ],
    ids=[
        "date",
        "true as date",
        "number",
        "nan",
        "true as number",
        "fraction",
        "false as integer",
        "too great a whole number",
        "too small a whole number",
        "boolean",
        "true as text",
        "object",
        "list",
    ],
)
def test_a_value_that_does_not_fit_costs_its_attribute_only(name: str, value: Any) -> None:
    """A value that does not fit its declared type becomes null, with a reason that does not repeat it."""
    result = build_wanted(record(**{name: value}), "c1", OWNED)
    assert (result.attributes[name], result.unfit) == (
        None,
        {name: f"the value is not of the type {TYPES[name]}"},
    )


def test_a_value_outside_the_options_of_a_list_attribute_does_not_fit() -> None:
    """A list attribute accepts only its options, in their own letter case."""
    options = replace(OWNED, choices={"cb_name": frozenset({"Gold", "Iron"})})
    results = [build_wanted(record(cb_name=value), "c1", options) for value in ("Gold", "gold", "Tin", "", None)]
    why = {"cb_name": "the value is not among the attribute's options in Intercom"}
    assert [(one.attributes["cb_name"], one.unfit) for one in results] == [
        ("Gold", {}),
        (None, why),
        (None, why),
        (None, {}),
        (None, {}),
    ]


@pytest.mark.parametrize(
    ("data_type", "value", "fitted"),
    [
        ("string", True, "true"),
        ("string", False, "false"),
        ("string", "2025-01-31T12:00:00Z", "2025-01-31T12:00:00Z"),
        ("integer", 3.0, 3),
        ("integer", 2.5, None),
    ],
    ids=["true", "false", "date", "whole", "fraction"],
)
def test_values_of_an_attribute_that_has_an_earlier_type(data_type: str, value: Any, fitted: Any) -> None:
    """Values are converted to an attribute's earlier type; a fraction does not fit a whole number."""
    options = replace(OWNED, types={"cb_x": data_type})
    assert build_wanted(record(cb_x=value), None, options).attributes["cb_x"] == fitted


def test_cut_strings_are_counted() -> None:
    """Every string over 255 characters is cut and counted once."""
    assert build_wanted(record(cb_name="x" * 300, tier="y" * 256), "c1", OWNED).cut == 2


@pytest.mark.parametrize(
    ("value", "held", "expected"),
    [
        ({"cb_mrr": 49}, {"cb_mrr": 49.0}, {}),
        ({"cb_mrr": 49.5}, {"cb_mrr": 49.0}, {"custom_attributes.cb_mrr": Change(49.0, 49.5)}),
        ({"cb_mrr": 0}, {}, {"custom_attributes.cb_mrr": Change(None, 0.0)}),
        ({"cb_at": "2025-01-31T12:00:00Z"}, {"cb_at": 1738324800}, {}),
        ({"cb_at": "2025-01-31T12:00:00Z"}, {"cb_at": "1738324800"}, {}),
        ({"cb_auto": False}, {"cb_auto": False}, {}),
        ({"cb_auto": False}, {"cb_auto": 0}, {"custom_attributes.cb_auto": Change(0, after=False)}),
        ({"cb_name": None}, {"cb_name": "Gold"}, {"custom_attributes.cb_name": Change("Gold", None)}),
        ({"cb_name": None}, {}, {}),
        ({"cb_name": None}, {"cb_name": ""}, {}),
        ({}, {"cb_name": "Gold"}, {}),
        ({"tier": "gold"}, {"tier": "silver"}, {}),
    ],
    ids=[
        "49 is 49.0",
        "another number",
        "zero is a value",
        "same second",
        "same second as text",
        "same boolean",
        "zero is not false",
        "null clears",
        "null where nothing is",
        "null where an empty text is",
        "absent is no news",
        "not ours",
    ],
)
def test_owned_attributes_are_compared(
    value: dict[str, Any], held: dict[str, Any], expected: dict[str, Change]
) -> None:
    """By default only owned attributes that differ are written, and null clears them."""
    assert find_changes(build_wanted(record(**value), "c1", OWNED), RemoteContact(**contact(**held)), OWNED) == expected


def test_update_all_writes_standard_fields_and_foreign_attributes() -> None:
    """update_all writes all values except empty ones, the match key and an existing external id."""
    given_record = record(tier="gold", cb_name=None) | {"email": "A@B.example", "name": "Anna", "phone": ""}
    held = contact(tier="silver", cb_name="Gold")
    assert find_changes(build_wanted(given_record, "c1", ALL), RemoteContact(**held), ALL) == {
        "name": Change("Ann", "Anna"),
        "custom_attributes.tier": Change("silver", "gold"),
        "custom_attributes.cb_name": Change("Gold", None),
    }


def test_null_clears_only_what_is_owned() -> None:
    """Null never clears an attribute that is not owned, not even with update_all."""
    assert find_changes(build_wanted(record(tier=None), "c1", ALL), RemoteContact(**contact(tier="silver")), ALL) == {}


def test_another_letter_case_of_an_email_is_no_change() -> None:
    """Matched by external id, an address that differs only in letter case is not written."""
    options = replace(ALL, match_key=EXTERNAL_ID)
    held = contact() | {"email": "A@B.EXAMPLE"}
    assert find_changes(build_wanted(record(), "c1", options), RemoteContact(**held), options) == {}


@pytest.mark.parametrize(
    ("options", "held", "expected"),
    [
        (OWNED, {"external_id": None}, {}),
        (ALL, {"external_id": None}, {"external_id": Change(None, "x1")}),
        (ALL, {"external_id": "old"}, {}),
        (
            OWNED,
            {"external_id": None, "custom_attributes": {"cb_cust_id": "c1", "cb_created_by": True}},
            {"external_id": Change(None, "x1")},
        ),
    ],
    ids=["owned only", "all", "has one", "created here, and interrupted"],
)
def test_an_external_id_is_only_ever_filled_in(
    options: WriteOptions, held: dict[str, Any], expected: dict[str, Change]
) -> None:
    """An empty external id is filled with update_all, and always after an interrupted creation."""
    assert find_changes(build_wanted(record(), "c1", options), RemoteContact(**contact() | held), options) == expected


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (None, {"custom_attributes.cb_created_by": Change(None, after=False)}),
        (True, {}),
        (False, {}),
    ],
    ids=["found", "created here", "found before"],
)
def test_who_created_a_contact_never_flips(*, held: bool | None, expected: dict[str, Change]) -> None:
    """A found contact is marked once as not created here, and the mark never changes."""
    found = contact(cb_created_by=held)
    found["external_id"] = "x1"
    assert (
        find_changes(build_wanted(record(cb_created_by=True), "c1", OWNED), RemoteContact(**found), OWNED) == expected
    )


def test_the_link_is_written_on_every_record_touched() -> None:
    """A contact with no link or an outdated one is linked to its record."""
    assert find_changes(build_wanted(record(), "c1", OWNED), RemoteContact(**contact(cb_cust_id="gone")), OWNED) == {
        "custom_attributes.cb_cust_id": Change("gone", "c1")
    }


def test_converting_a_lead_sets_its_role() -> None:
    """A lead is converted by its role in the same request as its other changes."""
    lead = RemoteContact(**contact() | {"role": "lead"})
    found = find_changes(build_wanted(record(cb_seats=3), "c1", OWNED), lead, OWNED, convert=True)
    assert build_update_body(found) == {"role": "user", "custom_attributes": {"cb_seats": 3}}


@pytest.mark.parametrize(
    ("match_key", "identity"),
    [(EMAIL, {}), (EXTERNAL_ID, {"external_id": "x1"})],
    ids=["email", "external_id"],
)
def test_a_new_contact(match_key: MatchKey, identity: dict[str, str]) -> None:
    """A creation has all non-null values and the mark that it was created here.

    Matched by e-mail, it has no external id.
    """
    options = replace(OWNED, match_key=match_key)
    given_record = record(cb_mrr=49, cb_name=None, tier="gold") | {"name": " Ann ", "phone": None}
    assert build_create_body(build_wanted(given_record, "c1", options), options) == {
        "role": "user",
        "email": "a@b.example",
        "name": "Ann",
        **identity,
        "custom_attributes": {"cb_mrr": 49.0, "tier": "gold", "cb_cust_id": "c1", "cb_created_by": True},
    }


@pytest.mark.parametrize(
    ("attributes", "record_id", "options", "expected"),
    [
        ({"cb_cust_id": "c9"}, "c1", OWNED, "c9"),
        ({}, "c1", OWNED, "c1"),
        ({"cb_cust_id": None}, None, OWNED, None),
        ({"cb_cust_id": "c9"}, "c1", replace(OWNED, link=""), None),
    ],
    ids=["in the record", "the key property", "neither", "switched off"],
)
def test_the_link_is_the_records_own_or_its_key(
    attributes: dict[str, Any], record_id: str | None, options: WriteOptions, expected: str | None
) -> None:
    """The link is the record's link attribute, else its key property; without the setting there is none."""
    assert options.read_link(record(**attributes), record_id) == expected


def test_match_values() -> None:
    """Match values are trimmed; addresses are compared in lower case, external ids exactly."""
    assert EMAIL.read_value({"email": " Ann@B.example "}) == "Ann@B.example"
    assert EMAIL.read_value({"email": "  "}) is None
    assert EMAIL.read_value({}) is None
    assert EXTERNAL_ID.read_value({"external_id": 7}) == "7"
    assert EMAIL.normalise("Ann@B.example") == "ann@b.example"
    assert EXTERNAL_ID.normalise("Ann") == "Ann"
    assert COMPANY_NAME.normalise(" CAFE\u0301 ") == "caf\u00e9"


COMPANIES = WriteOptions(TYPES, COMPANY, COMPANY_ID, update_all=True)
HELD_COMPANY: dict[str, Any] = {"id": "i1", "company_id": "c1", "name": "Acme", "plan": None, "monthly_spend": 0}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"monthly_spend": 99.9}, {"monthly_spend": Change(0, 99)}),
        ({"monthly_spend": 0.5}, {}),
        ({"plan": "gold"}, {"plan": Change(None, "gold")}),
        ({"name": "ACME"}, {"name": Change("Acme", "ACME")}),
        ({"name": "", "plan": None, "monthly_spend": None}, {}),
        ({"remote_created_at": "2025-01-31"}, {}),
    ],
    ids=["whole", "less than one", "plan", "name", "nothing", "not by PUT"],
)
def test_a_companys_standard_fields(fields: dict[str, Any], expected: dict[str, Change]) -> None:
    """Monthly spend is cut to whole units; fields that a PUT cannot change and empty values are ignored."""
    given_record = {"company_id": "c1", **fields, "custom_attributes": {}}
    held = HELD_COMPANY | {"custom_attributes": {"cb_cust_id": "c1", "cb_created_by": False}}
    assert find_changes(build_wanted(given_record, "c1", COMPANIES), RemoteCompany(**held), COMPANIES) == expected


def test_a_spend_beyond_intercoms_range_leaves_intercoms_value() -> None:
    """A monthly spend above Intercom's range leaves the field as it is, and is reported."""
    result = build_wanted({"company_id": "c1", "monthly_spend": 2_147_483_648}, None, COMPANIES)
    assert result.standard["monthly_spend"] is None
    assert result.unfit == {"monthly_spend": "the value is not of the type whole number"}


def test_a_new_company() -> None:
    """A company's creation has the company_id and every standard field, and no role."""
    fields = {"company_id": "c1", "name": "Acme", "plan": "gold", "monthly_spend": 9.5, "remote_created_at": 7}
    want = build_wanted(fields | {"custom_attributes": {"cb_mrr": 9.5}}, "c1", COMPANIES)
    assert build_create_body(want, COMPANIES) == {
        "company_id": "c1", "name": "Acme", "plan": "gold", "monthly_spend": 9, "remote_created_at": 7,
        "custom_attributes": {"cb_mrr": 9.5, "cb_cust_id": "c1", "cb_created_by": True},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "link", "expected"),
    [
        ({"email": "e" * 255}, "c" * 255, None),
        ({"email": "e" * 256}, "c1", "email"),
        ({"external_id": "x" * 256}, "c1", "external_id"),
        ({}, "c" * 256, "cb_cust_id"),
    ],
    ids=["just fits", "e-mail", "external id", "link"],
)
def test_an_overlong_identifier_is_named(fields: dict[str, str], link: str, expected: str | None) -> None:
    """An identifier is never cut; one that is too long is reported by name."""
    assert OWNED.find_overlong(fields, link) == expected


TEXT = st.text(max_size=300)
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "cb_name": st.none() | TEXT,
        "cb_at": st.none() | st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
        "cb_mrr": st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9),
        "cb_seats": st.none() | st.integers(),
        "cb_auto": st.none() | st.booleans(),
        "tier": st.none() | TEXT,
    },
)
HELD = st.fixed_dictionaries(
    {},
    optional={
        "cb_name": st.none() | TEXT,
        "cb_at": st.none() | st.integers(0, 2**33),
        "cb_mrr": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "cb_created_by": st.none() | st.booleans(),
        "cb_cust_id": st.none() | st.sampled_from(["c1", "c2"]),
        "tier": st.none() | TEXT,
    },
)
STANDARD = st.fixed_dictionaries({name: st.none() | TEXT for name in ("email", "name", "phone", "external_id")})
OPTIONS = st.builds(
    WriteOptions,
    st.just(TYPES),
    match_key=st.sampled_from([EMAIL, EXTERNAL_ID]),
    update_all=st.booleans(),
    link=st.sampled_from(["cb_cust_id", ""]),
)


def written(held: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Return Intercom's document after a PUT, which merges custom attributes by key."""
    attributes = held["custom_attributes"] | body.get("custom_attributes", {})
    return held | body | {"custom_attributes": attributes}


RECORDS = st.builds(lambda fields, attributes: fields | {"custom_attributes": attributes}, STANDARD, ATTRIBUTES)
CONTACTS = st.builds(
    lambda role, fields, held: {"id": "i1", "role": role, "custom_attributes": held} | fields,
    st.sampled_from(["user", "lead"]),
    STANDARD,
    HELD,
)


@given(RECORDS, CONTACTS, OPTIONS)
def test_writing_the_difference_leaves_none(
    source: dict[str, Any], before: dict[str, Any], options: WriteOptions
) -> None:
    """After the differences are written, none are left; match key and existing external id stay."""
    want, convert = build_wanted(source, "c1", options), before["role"] == "lead"
    body = build_update_body(find_changes(want, RemoteContact(**before), options, convert=convert))
    after = written(before, body)
    assert find_changes(want, RemoteContact(**after), options, convert=convert) == {}
    if before["external_id"]:
        assert after["external_id"] == before["external_id"]
    if before.get(options.match_key.field):
        assert after[options.match_key.field] == before[options.match_key.field]
    if (mark := before["custom_attributes"].get("cb_created_by")) is not None:
        assert after["custom_attributes"]["cb_created_by"] == mark


@given(RECORDS, OPTIONS)
def test_a_created_contact_lacks_at_most_its_external_id(source: dict[str, Any], options: WriteOptions) -> None:
    """After a creation, only the external id may be left to write."""
    want = build_wanted(source, "c1", options)
    created = RemoteContact(id="i1", **build_create_body(want, options))
    assert set(find_changes(want, created, options)) <= {"external_id"}
