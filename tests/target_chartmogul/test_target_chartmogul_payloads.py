"""From a record to a body: converted values, comparisons, and reading replies."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_chartmogul.api.transport import RecordRefusedError, parse_refusal
from target_chartmogul.records.object_types import CONTACT, CUSTOMER
from target_chartmogul.records.payloads import (
    Change,
    build_attributes,
    build_contact,
    build_customer,
    build_fields,
    find_changes,
    find_missing,
    list_initial_changes,
)
from target_chartmogul.records.remote import RemoteCustomer, RemoteRecord
from target_chartmogul.records.values import (
    DeclaredAttributes,
    Wanted,
    WriteOptions,
    fit_record,
    is_same,
    read_declared,
)

TYPES = {"plan": "String", "seats": "Integer", "score": "Decimal", "vip": "Boolean", "since": "Timestamp"}
OPTIONS = WriteOptions(TYPES)

DECLARED = {
    "nothing": ({}, DeclaredAttributes({}, {})),
    "types": (
        {
            "a": {"type": ["string", "null"]},
            "b": {"type": "integer"},
            "c": {"type": ["null", "number"]},
            "d": {"type": "boolean"},
            "e": {"type": "string", "format": "date-time"},
            "f": {"type": ["integer", "number"]},
        },
        DeclaredAttributes(
            {"a": "String", "b": "Integer", "c": "Decimal", "d": "Boolean", "e": "Timestamp", "f": "Decimal"}, {}
        ),
    ),
    "an object": (
        {"o": {"type": "object"}},
        DeclaredAttributes({}, {"o": "ChartMogul's attributes hold text, numbers, booleans and dates only"}),
    ),
    "an illegal key": (
        {"job title": {"type": "string"}},
        DeclaredAttributes({}, {"job title": "ChartMogul's keys hold letters, digits and underscores only"}),
    ),
}


@pytest.mark.parametrize("case", DECLARED)
def test_declared_attributes(case: str) -> None:
    """Each declared attribute gets a type from its JSON schema, or a sentence why it is left out."""
    properties, expected = DECLARED[case]
    customers = {"properties": {"attributes": {"properties": {"custom": {"properties": properties}}}}}
    assert read_declared(customers, CUSTOMER) == expected
    assert read_declared({"properties": {"custom": {"properties": properties}}}, CONTACT) == expected


FITTED: list[tuple[str, Any, Any]] = [
    ("plan", " gold ", "gold"),
    ("plan", 7, "7"),
    ("plan", "x" * 300, "x" * 255),
    ("seats", 7.0, 7),
    ("seats", "7", 7),
    ("score", 1, 1.0),
    ("vip", False, False),
    ("since", "2026-01-02T03:04:05+01:00", "2026-01-02T02:04:05Z"),
    ("since", "2026-01-02", "2026-01-02T00:00:00Z"),
    ("plan", "", None),
    ("seats", None, None),
]


@pytest.mark.parametrize(("key", "value", "fitted"), FITTED)
def test_values_are_fitted_to_their_types(key: str, value: Any, fitted: Any) -> None:
    """A value is converted to the form that ChartMogul stores."""
    found = fit_record({"attributes": {"custom": {key: value}}}, OPTIONS)
    assert dict(found.values) == {f"custom.{key}": fitted}
    assert type(found.values[f"custom.{key}"]) is type(fitted)


MISFITS: list[tuple[str, Any]] = [
    ("plan", {}),
    ("seats", 1.5),
    ("seats", True),
    ("seats", "many"),
    ("score", float("nan")),
    ("score", True),
    ("vip", "yes"),
    ("since", "soon"),
    ("since", 5),
]


@pytest.mark.parametrize(("key", "value"), MISFITS)
def test_a_misfit_is_left_out_with_a_sentence(key: str, value: Any) -> None:
    """A value that does not fit is left out with a reason; the other values stay."""
    found = fit_record({"name": "A", "attributes": {"custom": {key: value}}}, OPTIONS)
    assert dict(found.values) == {"name": "A"}
    assert found.unfit == {f"custom.{key}": f"the value is not of the type {TYPES[key]}"}


ODD_PARTS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "text": ({"attributes": "x"}, {"attributes.custom": "object"}),
    "a list": ({"attributes": {"custom": [{"key": "plan", "value": "x"}]}}, {"attributes.custom": "object"}),
    "tags as one text": ({"attributes": {"tags": "beta"}}, {"attributes.tags": "list of texts"}),
    "tags as objects": ({"attributes": {"tags": ["a", {"name": "b"}]}}, {"attributes.tags": "list of texts"}),
    "nothing": ({"attributes": {"custom": None, "tags": [None, " "]}}, {}),
}


@pytest.mark.parametrize("case", ODD_PARTS)
def test_attributes_and_tags_of_another_shape_are_left_out(case: str) -> None:
    """Attributes and tags of a wrong type are reported, and the other fields are written."""
    record, unfit = ODD_PARTS[case]
    found = fit_record({"name": "A", **record}, OPTIONS)
    assert found.values == {"name": "A"}
    assert found.unfit == {name: f"the value is not of the type {kind}" for name, kind in unfit.items()}


def test_custom_attributes_of_a_contact_in_another_shape_are_left_out() -> None:
    """A contact's custom attributes of a wrong type are reported; tags do not exist there."""
    found = fit_record({"first_name": "A", "custom": ["x"], "attributes": 5}, WriteOptions(TYPES, CONTACT))
    assert (found.values, found.unfit) == ({"first_name": "A"}, {"custom": "the value is not of the type object"})


def test_what_is_cut_is_counted() -> None:
    """An attribute's text over 255 characters is cut and counted."""
    record = {"name": "x" * 300, "attributes": {"custom": {"plan": "x" * 300}}}
    assert fit_record(record, OPTIONS).cut == 1
    assert fit_record(record, OPTIONS).values["name"] == "x" * 300


def test_empty_fields_and_undeclared_attributes_are_left_out() -> None:
    """Empty fields and undeclared attributes are left out; a null attribute stays, because it clears the value."""
    record = {
        "name": " ",
        "email": None,
        "city": "Bonn",
        "attributes": {"custom": {"plan": None, "other": 1}, "tags": ["t", " "]},
    }
    assert dict(fit_record(record, OPTIONS).values) == {"city": "Bonn", "custom.plan": None, "tag.t": True}


SAME: list[tuple[str, Any, Any, bool]] = [
    ("text", "A", "A", True),
    ("text", "A", "a", False),
    ("text", "A", "", False),
    ("text", None, "", True),
    ("e-mail", "A@a.example", "a@A.example", True),
    ("code", "DE", "de", True),
    ("Integer", 7, 7.0, True),
    ("Integer", 7, "7", True),
    ("Integer", 1, True, False),
    ("Decimal", 1.5, "1.50", True),
    ("Decimal", 1.5, "x", False),
    ("Boolean", False, False, True),
    ("Boolean", False, True, False),
    ("Boolean", True, 1, False),
    ("Boolean", False, None, False),
    ("Timestamp", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00.000Z", True),
    ("Timestamp", "2026-01-02T00:00:00Z", "2026-01-02T01:00:00+01:00", True),
    ("Timestamp", "2026-01-02T00:00:00Z", "soon", False),
    ("tag", True, True, True),
    ("tag", True, None, False),
]


@pytest.mark.parametrize(("data_type", "value", "held", "expected"), SAME)
def test_values_are_compared_by_type(data_type: str, value: Any, held: Any, expected: Any) -> None:
    """Values are the same when ChartMogul only writes them in another form."""
    assert is_same(data_type, value, held) is expected


ENTRY = {
    "uuid": "cus_1",
    "external_id": "cb-1",
    "data_source_uuid": "ds_b",
    "external_ids": ["cb-1", "a", "b"],
    "data_source_uuids": ["ds_b", "ds_a", "ds_a"],
    "name": "Billed",
    "attributes": {"custom": {"plan": "x", "foreign": 1}, "tags": ["t"]},
}


def test_a_merged_customer_is_read_through_its_parallel_lists() -> None:
    """A merged customer has the source's external ids in parallel lists, and counts as shared."""
    remote = msgspec.convert(ENTRY, RemoteCustomer).to_record("ds_a", TYPES)
    assert (remote.uuid, remote.external_id, remote.is_shared) == ("cus_1", "a", True)
    assert {name: one for name, one in remote.values.items() if one is not None} == {
        "name": "Billed", "custom.plan": "x", "tag.t": True
    }  # fmt: skip


EXTERNAL_IDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "merged": (ENTRY, ["a", "b"]),
    "single": ({"external_id": "a", "data_source_uuid": "ds_a"}, ["a"]),
    "another source's": ({"external_id": "a", "data_source_uuid": "ds_b"}, []),
    "lists of unequal length": (
        {"external_id": "a", "data_source_uuid": "ds_a", "external_ids": ["a"], "data_source_uuids": ["ds_b", "ds_a"]},
        ["a"],
    ),
}


@pytest.mark.parametrize("case", EXTERNAL_IDS)
def test_external_ids_of_one_source(case: str) -> None:
    """A source's external ids are read from the parallel lists, or else from the single fields."""
    entry, expected = EXTERNAL_IDS[case]
    customer = msgspec.convert({"uuid": "cus_1", **entry}, RemoteCustomer)
    assert customer.list_external_ids("ds_a") == expected


def build_remote(*, is_shared: bool = False, **values: Any) -> RemoteRecord:
    """Return a record as ChartMogul has it; `custom_plan` stands for `custom.plan`."""
    return RemoteRecord(
        "cus_1",
        {name.replace("_", ".", 1) if name[:6] == "custom" else name: one for name, one in values.items()},
        external_id="a",
        is_shared=is_shared,
    )


def test_only_differences_are_changes() -> None:
    """Changes are listed by field with old and new value; fields that the record lacks are ignored."""
    want = Wanted({"name": "New", "city": "Bonn", "custom.plan": "x", "custom.seats": 2, "tag.t": True})
    assert find_changes(want, build_remote(name="Old", city="Bonn", custom_plan="x", company="Own"), OPTIONS) == {
        "name": Change("Old", "New"),
        "custom.seats": Change(None, 2),
        "tag.t": Change(None, after=True),
    }


def test_what_may_be_written_to_a_shared_customer() -> None:
    """On a shared customer only website, dates, attributes and tags are written, unless the setting says all."""
    want = Wanted(
        {"name": "New", "email": "a@b.example", "website_url": "b.example", "lead_created_at": "2026-01-01T00:00:00Z",
         "custom.plan": "x", "tag.t": True}
    )  # fmt: skip
    found = find_changes(want, build_remote(is_shared=True), OPTIONS)
    assert set(found) == {"website_url", "lead_created_at", "custom.plan", "tag.t"}
    assert set(find_changes(want, build_remote(is_shared=True), WriteOptions(TYPES, write_all=True))) == set(
        want.values
    )


def test_bodies() -> None:
    """A customer's body has typed attributes and tags; a contact's attributes have no types."""
    changed = {
        "name": Change(None, "A"),
        "custom.vip": Change(None, after=False),
        "custom.plan": Change("x", None),
        "tag.t": Change(None, after=True),
    }
    assert build_customer(changed, OPTIONS) == {
        "name": "A",
        "attributes": {"custom": [{"type": "Boolean", "key": "vip", "value": False}], "tags": ["t"]},
    }
    assert build_fields(changed) == {"name": "A"}
    assert build_attributes(changed, OPTIONS) == [{"type": "Boolean", "key": "vip", "value": False}]
    contact = {"title": Change(None, "CEO"), "custom.plan": Change(None, "x"), "customer_external_id": Change("a", "b")}
    assert build_contact(contact) == {"title": "CEO", "custom": [{"key": "plan", "value": "x"}]}


def test_what_a_reply_does_not_show_is_find_missing() -> None:
    """A change that the reply does not show is returned with ChartMogul's value."""
    changed = {"name": Change("Old", "New"), "city": Change(None, "Bonn")}
    assert find_missing(changed, build_remote(name="Own", city="Bonn"), OPTIONS) == {"name": Change("Own", "New")}


REFUSALS = {
    "coded": (
        {"code": 422, "message": "Bad e-mail.", "param": "email"},
        ("Bad e-mail.", ("email",)),
    ),
    "by field": ({"errors": {"name": "Has already been taken."}}, ("name: Has already been taken.", ("name",))),
    "a sentence": ({"error": "Data source not found"}, ("Data source not found", ())),
    "lists": (
        {"external_id": ["has been taken"], "error_details": [{"param": "external_id"}]},
        ("external_id: has been taken", ("external_id",)),
    ),
    "nothing": ({}, ("status 422", ())),
    "no object": (None, ("status 422 without a readable error", ())),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_have_four_shapes(case: str) -> None:
    """Each shape of a refusal gives a sentence and the named fields."""
    body, expected = REFUSALS[case]
    assert parse_refusal(body, 422) == expected


@pytest.mark.parametrize(
    ("status", "reason", "named", "duplicate"),
    [
        (422, "The external ID for this customer already exists in our system.", ("external_id",), True),
        (422, "external_id: has been taken", ("external_id",), True),
        (422, "A unique external ID is required for each customer.", ("external_id",), False),
        (409, "conflict", (), True),
        (422, "bad", ("email",), False),
    ],
)
def test_what_says_that_a_record_is_there_already(status: int, reason: str, named: Any, duplicate: Any) -> None:
    """A refused external id, unless it is missing, and any conflict mean that the record already exists."""
    assert RecordRefusedError(status, reason, named).is_duplicate is duplicate


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(),
        "email": st.emails() | st.none(),
        "city": st.text() | st.none(),
        "lead_created_at": st.datetimes().map(lambda moment: moment.isoformat()),
        "attributes": st.fixed_dictionaries(
            {},
            optional={
                "custom": st.fixed_dictionaries(
                    {},
                    optional={
                        "plan": st.text() | st.none(),
                        "seats": st.integers(-(2**53), 2**53),
                        "score": st.floats(allow_nan=False, allow_infinity=False),
                        "vip": st.booleans(),
                        "since": st.datetimes().map(lambda moment: moment.isoformat()),
                    },
                ),
                "tags": st.lists(st.text()),
            },
        ),
    },
)


@given(VALUES)
def test_a_replay_changes_nothing(record: dict[str, Any]) -> None:
    """After all values of a record are stored, nothing is left to write."""
    want = fit_record(record, OPTIONS)
    after = RemoteRecord("cus_1", {name: change.after for name, change in list_initial_changes(want).items()})
    assert find_changes(want, after, OPTIONS) == {}
    assert find_missing(list_initial_changes(want), after, OPTIONS) == {}


@given(VALUES, VALUES)
def test_writing_the_changes_is_enough(first: dict[str, Any], second: dict[str, Any]) -> None:
    """After the changes between two records are written, ChartMogul has the second."""
    values = {name: change.after for name, change in list_initial_changes(fit_record(first, OPTIONS)).items()}
    want = fit_record(second, OPTIONS)
    written = {
        name: change.after for name, change in find_changes(want, RemoteRecord("cus_1", values), OPTIONS).items()
    }
    assert find_changes(want, RemoteRecord("cus_1", values | written), OPTIONS) == {}
