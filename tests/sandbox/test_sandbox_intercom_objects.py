"""Custom objects of Intercom: types made by hand, instances by external id, and references from contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import IntercomCaller

NOW = 1_768_478_400
ATTRIBUTES = {"plan": "string", "mrr": "float", "ends_at": "date"}
PATH = "/custom_object_instances/Subscription"


def define(intercom: IntercomCaller, **how: Any) -> None:
    """Make the type, and the attribute of contacts that refers to it."""
    intercom.sandbox.object_type("Subscription", ATTRIBUTES, **{"reference": "cb_subs"} | how)


def save(intercom: IntercomCaller, external_id: str, **values: Any) -> str:
    """Create or change an instance, and return its id."""
    answer = intercom.ok(f"POST {PATH}", {"external_id": external_id, "custom_attributes": values})
    return str(answer["id"])


def refer(intercom: IntercomCaller, contact: str, ids: list[str] | None) -> list[str]:
    """Write the references of a contact, and return those that it shows."""
    shown = intercom.ok(f"PUT /contacts/{contact}", {"custom_attributes": {"cb_subs": ids}})
    return [one["id"] for one in shown["custom_attributes"]["cb_subs"]["instances"]]


def test_an_instance_is_created_then_changed_by_its_external_id(intercom: IntercomCaller) -> None:
    """The first POST creates an instance, and the next one with its external id changes the values that it has."""
    define(intercom)
    times = {"external_created_at": NOW - 9, "external_updated_at": NOW - 5}
    created = intercom.ok(
        f"POST {PATH}", {"external_id": "s1", **times, "custom_attributes": {"plan": "pro", "mrr": 9.5}}
    )
    expected = {
        "id": "1",
        "type": "Subscription",
        "external_id": "s1",
        **times,
        "created_at": NOW,
        "updated_at": NOW,
        "custom_attributes": {"plan": "pro", "mrr": 9.5, "ends_at": None},
    }
    assert created == expected
    assert save(intercom, "s1", mrr=10) == "1"
    expected["custom_attributes"] = {"plan": "pro", "mrr": 10, "ends_at": None}
    for call in (f"GET {PATH}?external_id=s1", f"GET {PATH}/1", f"GET {PATH}/s1"):
        assert intercom.ok(call) == expected


@pytest.mark.parametrize(
    ("call", "body", "expected"),
    [
        ("POST /custom_object_instances/Order", {"external_id": "s1"}, "Custom object type `Order` not found"),
        (f"GET {PATH}?external_id=s9", None, "Custom object instance not found"),
        (f"GET {PATH}/9", None, "Custom object instance not found"),
        (f"DELETE {PATH}/9", None, "Custom object instance not found"),
        (f"DELETE {PATH}?external_id=s9", None, "Custom object instance not found"),
        (f"DELETE {PATH}", None, "external_id not specified"),
        (f"GET {PATH}", None, "external_id not specified"),
        (f"POST {PATH}", {}, "external_id not specified"),
        (
            f"POST {PATH}",
            {"external_id": "s1", "external_created_at": "x"},
            "external_created_at must be a UNIX timestamp",
        ),
        (f"POST {PATH}", {"external_id": "s1", "custom_attributes": []}, "custom_attributes must be an object"),
        (
            f"POST {PATH}",
            {"external_id": "s1", "custom_attributes": {"seats": 1}},
            "Custom attribute 'seats' does not exist",
        ),
        (
            f"POST {PATH}",
            {"external_id": "s1", "custom_attributes": {"plan": 1}},
            "Custom attribute 'plan' must be of type string",
        ),
        (
            f"POST {PATH}",
            {"external_id": "s1", "custom_attributes": {"plan": "x" * 256}},
            "Custom attribute 'plan' is too long (maximum is 255 characters)",
        ),
    ],
)
def test_what_cannot_be_is_refused(intercom: IntercomCaller, call: str, body: Any, expected: str) -> None:
    """An unknown type or instance is 404, a wrong value 400, and both change nothing."""
    define(intercom)
    status, errors = intercom.refused(call, body)
    assert (status, errors[0]["message"]) == (404 if "not found" in expected else 400, expected)
    assert intercom.workspace.custom_objects.types["Subscription"].instances == {}


def test_an_unknown_attribute_is_ignored_if_the_switch_says_so(intercom: IntercomCaller) -> None:
    """With the switch off, an attribute that the type lacks is dropped."""
    intercom.sandbox.reset(customers=0, intercom_refuse_unknown_object_attributes=False)
    define(intercom)
    save(intercom, "s1", plan="pro", seats=3)
    assert intercom.ok(f"GET {PATH}/s1")["custom_attributes"] == {"plan": "pro", "mrr": None, "ends_at": None}


def test_the_list_came_with_2_16(intercom: IntercomCaller) -> None:
    """Since 2.16 all instances, or those that a contact refers to, are listed in pages."""
    define(intercom)
    ids = [save(intercom, f"s{number}") for number in range(3)]
    ann = intercom.user(email="ann@example.com")
    refer(intercom, ann, ids[:1])

    def listed(query: str) -> Any:
        return intercom(f"GET {PATH}?{query}", **{"Intercom-Version": "2.16"}).json()

    first = listed("per_page=2")
    assert [one["id"] for one in first["data"]] == ["3", "2"]
    assert (first["total_count"], first["pages"]["total_pages"]) == (3, 2)
    assert [one["id"] for one in listed(f"references_contact_id={ann}")["data"]] == ["1"]


@pytest.mark.parametrize(
    ("writes", "after_shorter", "after_null"),
    [("replace", ["2"], []), ("extend", ["1", "2"], []), ("add", ["1", "2"], ["1", "2"])],
)
def test_references_are_replaced_extended_or_added(
    intercom: IntercomCaller, writes: str, after_shorter: list[str], after_null: list[str]
) -> None:
    """A switch says what a list does to the references that a contact has, as this is not documented."""
    intercom.sandbox.reset(customers=0, intercom_reference_writes=writes)
    define(intercom)
    first, second = save(intercom, "s1"), save(intercom, "s2")
    ann = intercom.user(email="ann@example.com")
    assert refer(intercom, ann, [first]) == ["1"]
    assert refer(intercom, ann, [second]) == after_shorter
    assert refer(intercom, ann, None) == after_null


def test_a_deleted_instance_is_not_referred_to(intercom: IntercomCaller) -> None:
    """The deletion of an instance removes it from the contacts that refer to it."""
    define(intercom)
    ids = [save(intercom, "s1"), save(intercom, "s2")]
    ann = intercom.user(email="ann@example.com")
    refer(intercom, ann, ids)
    assert intercom.ok(f"DELETE {PATH}?external_id=s1") == {"id": "1", "object": "Subscription", "deleted": True}
    shown = intercom.ok(f"GET /contacts/{ann}")["custom_attributes"]["cb_subs"]
    assert (shown["type"], [one["external_id"] for one in shown["instances"]]) == ("subscription.list", ["s2"])


@pytest.mark.parametrize(
    ("how", "ids", "message"),
    [
        ({}, ["9"], "Custom object instance '9' of 'cb_subs' does not exist"),
        ({}, "1", "Custom attribute 'cb_subs' must be a list of instance ids"),
        ({"many": False}, ["1", "2"], "Custom attribute 'cb_subs' takes one instance"),
    ],
)
def test_a_wrong_reference_is_refused(intercom: IntercomCaller, how: Any, ids: Any, message: str) -> None:
    """A reference names instances that exist, and one only where the attribute takes one."""
    define(intercom, **how)
    save(intercom, "s1"), save(intercom, "s2")
    ann = intercom.user(email="ann@example.com")
    _, errors = intercom.refused(f"PUT /contacts/{ann}", {"custom_attributes": {"cb_subs": ids}})
    assert errors[0]["message"] == message


def test_references_can_be_hidden(intercom: IntercomCaller) -> None:
    """With the switches off, neither a contact nor the list of attributes shows a reference."""
    intercom.sandbox.reset(customers=0, intercom_shows_references=False, intercom_lists_references=False)
    define(intercom)
    ann = intercom.user(email="ann@example.com")
    instance = save(intercom, "s1")
    shown = intercom.ok(f"PUT /contacts/{ann}", {"custom_attributes": {"cb_subs": [instance]}})
    assert "cb_subs" not in shown["custom_attributes"]
    names = [one["name"] for one in intercom.ok("GET /data_attributes?model=contact")["data"]]
    assert "cb_subs" not in names


def test_companies_refer_to_objects_only_with_the_switch(intercom: IntercomCaller) -> None:
    """Only contacts and conversations are documented, so that a reference of companies needs the switch."""
    with pytest.raises(ValueError, match="only with the switch"):
        define(intercom, model="company")
    intercom.sandbox.reset(customers=0, intercom_company_references=True)
    define(intercom, model="company")
    instance = save(intercom, "s1")
    shown = intercom.ok("POST /companies", {"company_id": "c1", "custom_attributes": {"cb_subs": [instance]}})
    assert [one["id"] for one in shown["custom_attributes"]["cb_subs"]["instances"]] == ["1"]


def test_a_reference_is_not_searched_by(intercom: IntercomCaller) -> None:
    """A search by an attribute that refers to custom objects is refused."""
    define(intercom)
    query = {"field": "custom_attributes.cb_subs", "operator": "=", "value": "1"}
    assert intercom.refused("POST /contacts/search", {"query": query})[1][0]["code"] == "invalid_field"
