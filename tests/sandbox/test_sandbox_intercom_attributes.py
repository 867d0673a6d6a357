"""Data attributes: creation, values that they accept, and refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sandbox.intercom.attributes import Attributes
from sandbox.intercom.errors import Refusal

if TYPE_CHECKING:
    from tests.sandbox.conftest import IntercomCaller

NOW = 1_768_478_400
PLAN = {"name": "cb_plan", "model": "contact", "data_type": "string"}


def test_a_new_attribute_is_listed_with_its_model_after_the_standard_ones(intercom: IntercomCaller) -> None:
    """A new attribute is listed last, only with its own model, in the same form as the reply that created it."""
    created = intercom.ok("POST /data_attributes", PLAN | {"description": "The plan"})
    assert created == {
        "type": "data_attribute",
        "id": created["id"],
        "name": "cb_plan",
        "full_name": "custom_attributes.cb_plan",
        "label": "cb_plan",
        "description": "The plan",
        "data_type": "string",
        "api_writable": True,
        "ui_writable": True,
        "messenger_writable": False,
        "custom": True,
        "archived": False,
        "admin_id": "991267",
        "created_at": NOW,
        "updated_at": NOW,
        "model": "contact",
    }
    assert intercom.ok("GET /data_attributes?model=contact")["data"][-1] == created
    assert created not in intercom.ok("GET /data_attributes?model=company")["data"]


def test_standard_attributes_tell_which_the_api_may_write(intercom: IntercomCaller) -> None:
    """Standard attributes say whether the API can write them. `name` occurs twice, `full_name` once."""
    rows = intercom.ok("GET /data_attributes?model=company")["data"]
    standard = {one["full_name"]: one["api_writable"] for one in rows if not one["custom"]}
    assert (standard["name"], standard["plan.name"], standard["company_id"], standard["user_count"]) == (
        True,
        False,
        False,
        False,
    )
    assert [one["name"] for one in rows].count("name") == 2


NAME = "Your name for this attribute must only contain alphanumeric characters, currency symbols, and hyphens"
TYPES = "data_type must be one of: string, integer, float, boolean, date, datetime, options"
OPTIONS = "options must be at least 2 objects with a value"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (PLAN | {"name": None}, "parameter_missing", "name not specified"),
        ({"name": "a", "data_type": "string"}, "parameter_missing", "model not specified"),
        ({"name": "a", "model": "contact"}, "parameter_missing", "data_type not specified"),
        (PLAN | {"name": "a.b"}, "parameter_invalid", NAME),
        (PLAN | {"name": "$a"}, "parameter_invalid", NAME),
        (PLAN | {"name": ""}, "parameter_invalid", NAME),
        (PLAN | {"name": 7}, "parameter_invalid", NAME),
        (PLAN | {"model": "user"}, "parameter_invalid", "model must be one of: contact, company"),
        (PLAN | {"data_type": "money"}, "parameter_invalid", TYPES),
        (PLAN | {"data_type": ["string"]}, "parameter_invalid", TYPES),
        (PLAN | {"data_type": "options"}, "parameter_invalid", "options must be an array"),
        (PLAN | {"data_type": "options", "options": [{"value": "a"}]}, "parameter_invalid", OPTIONS),
        (PLAN | {"data_type": "options", "options": ["a", "b"]}, "parameter_invalid", OPTIONS),
        (PLAN | {"colour": "red"}, "bad_request", "bad 'colour' parameter"),
    ],
    ids=[
        "null name", "no model", "no type", "dot", "dollar", "empty name", "name a number", "model", "type",
        "type a list", "no options", "one option", "bare options", "unknown field",
    ],
)  # fmt: skip
def test_an_attribute_that_cannot_be_is_refused(intercom: IntercomCaller, body: Any, code: str, message: str) -> None:
    """A wrong attribute is a 400 with the vendor's code and message."""
    assert intercom.refused("POST /data_attributes", body) == (400, [{"code": code, "message": message}])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "contact",
            "You already have 'tier' in your people data. To save this as new people data, use a different name.",
        ),
        (
            "company",
            "You already have 'tier' in your people data. To save this as new company data, use a different name.",
        ),
    ],
)
def test_contacts_and_companies_share_one_namespace(intercom: IntercomCaller, model: str, message: str) -> None:
    """The name of an attribute is taken for contacts and companies alike, even after it is archived."""
    made = intercom.attribute("tier", "string")
    body = {"name": "tier", "model": model, "data_type": "integer"}
    refusal = (400, [{"code": "parameter_invalid", "message": message}])
    assert intercom.refused("POST /data_attributes", body) == refusal
    intercom.ok(f"PUT /data_attributes/{made['id']}", {"archived": True})
    assert intercom.refused("POST /data_attributes", body) == refusal


def test_no_more_than_250_attributes_are_active() -> None:
    """At most 250 custom attributes are active; creating or restoring one more is refused."""
    attributes = Attributes()
    for number in range(250):
        attributes.create(PLAN | {"name": f"a{number}"}, admin_id="1", now=NOW)
    message = "You have reached the limit of 250 active custom attributes"
    with pytest.raises(Refusal, match=message):
        attributes.create(PLAN, admin_id="1", now=NOW)
    attributes.update("1", {"archived": True}, now=NOW)
    attributes.create(PLAN, admin_id="1", now=NOW)
    with pytest.raises(Refusal, match=message):
        attributes.update("1", {"archived": False}, now=NOW)


def test_archived_attributes_are_listed_on_request_only(intercom: IntercomCaller) -> None:
    """Archived attributes are listed only with `include_archived=true`."""
    made = intercom.attribute("tier", "string")
    archived = intercom.ok(f"PUT /data_attributes/{made['id']}", {"archived": True})
    assert archived == made | {"archived": True}
    assert archived not in intercom.ok("GET /data_attributes?model=contact")["data"]
    assert archived in intercom.ok("GET /data_attributes?model=contact&include_archived=true")["data"]


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("{id}", {"data_type": "float"}, 400, {"code": "bad_request", "message": "bad 'data_type' parameter"}),
        ("{id}", {"archived": "yes"}, 400, {"code": "parameter_invalid", "message": "archived must be a boolean"}),
        ("{id}", {"description": 1}, 400, {"code": "parameter_invalid", "message": "description must be a string"}),
        ("{id}", {"options": "a"}, 400, {"code": "parameter_invalid", "message": "options must be an array"}),
        ("99", {}, 404, {"code": "field_not_found", "message": "We couldn't find that data attribute to update"}),
        ("x", {}, 404, {"code": "field_not_found", "message": "We couldn't find that data attribute to update"}),
    ],
    ids=["type", "archived", "description", "options", "unknown id", "no id"],
)
def test_a_change_that_cannot_be_is_refused(
    intercom: IntercomCaller, path: str, body: Any, status: int, error: Any
) -> None:
    """A wrong change is refused; the type of an attribute can never change."""
    made = intercom.attribute("tier", "string")
    assert intercom.refused(f"PUT /data_attributes/{path.format(id=made['id'])}", body) == (status, [error])


@pytest.mark.parametrize(
    ("query", "message", "field"),
    [
        ("model=user", "model must be one of: contact, company", "model"),
        ("include_archived=yes", "include_archived must be a boolean", "include_archived"),
    ],
)
def test_a_list_that_cannot_be_is_refused(intercom: IntercomCaller, query: str, message: str, field: str) -> None:
    """A wrong list parameter is a 400 that names it."""
    errors = [{"code": "parameter_invalid", "message": message, "field": field}]
    assert intercom.refused(f"GET /data_attributes?{query}") == (400, errors)


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        ("string", "é" * 255),
        ("string", ""),
        ("integer", -3),
        ("float", 3),
        ("float", 0.1),
        ("boolean", False),
        ("date", NOW),
        ("datetime", NOW),
    ],
)
def test_a_value_of_the_attributes_type_is_kept(intercom: IntercomCaller, data_type: str, value: Any) -> None:
    """A value of the attribute's type is stored unchanged; a date is whole unix seconds."""
    intercom.attribute("x", data_type)
    contact = intercom.user(email="ada@example.com", custom_attributes={"x": value})
    assert intercom.ok(f"GET /contacts/{contact}")["custom_attributes"] == {"x": value}


@pytest.mark.parametrize(
    ("data_type", "value", "message"),
    [
        ("string", 1, "Custom attribute 'x' must be of type string"),
        ("string", "é" * 256, "Custom attribute 'x' is too long (maximum is 255 characters)"),
        ("string", ["a"], "Custom attribute 'x' must be of type string"),
        ("integer", 1.5, "Custom attribute 'x' must be of type integer"),
        ("integer", True, "Custom attribute 'x' must be of type integer"),
        ("integer", "1", "Custom attribute 'x' must be of type integer"),
        ("float", "1.5", "Custom attribute 'x' must be of type float"),
        ("boolean", 1, "Custom attribute 'x' must be of type boolean"),
        ("boolean", "true", "Custom attribute 'x' must be of type boolean"),
        ("date", "2026-01-15T12:00:00Z", "Custom attribute 'x' must be of type date"),
        ("date", 1.5, "Custom attribute 'x' must be of type date"),
        ("date", {"a": 1}, "Custom attribute 'x' must be of type date"),
    ],
    ids=[
        "number as string", "too long", "list", "fraction", "boolean as integer", "digits", "number in a string",
        "number as boolean", "word as boolean", "ISO date", "fraction of a second", "object",
    ],
)  # fmt: skip
@pytest.mark.parametrize("model", ["contact", "company"])
def test_a_value_of_another_type_refuses_the_whole_record(
    intercom: IntercomCaller, model: str, data_type: str, value: Any, message: str
) -> None:
    """A value of another type is a 400, and nothing of the record is written."""
    intercom.attribute("x", data_type, model)
    call, body = {
        "contact": ("POST /contacts", {"external_id": "1"}),
        "company": ("POST /companies", {"company_id": "1"}),
    }[model]
    error = {"code": "parameter_invalid", "message": message}
    assert intercom.refused(call, body | {"custom_attributes": {"x": value}}) == (400, [error])
    assert (len(intercom.workspace.contacts), len(intercom.workspace.companies)) == (0, 0)


def test_an_unknown_or_archived_attribute_refuses_the_whole_record(intercom: IntercomCaller) -> None:
    """A write with an unknown, archived or company attribute is a 400, and the contact stays as it was."""
    intercom.attribute("seats", "integer", "company")
    gone = intercom.attribute("gone", "string")
    intercom.ok(f"PUT /data_attributes/{gone['id']}", {"archived": True})
    contact = intercom.user(email="ada@example.com", name="Ada")
    for name in ("nope", "seats", "gone"):
        error = {"code": "parameter_invalid", "message": f"Custom attribute '{name}' does not exist"}
        body = {"name": "Eve", "custom_attributes": {name: None}}
        assert intercom.refused(f"PUT /contacts/{contact}", body) == (400, [error])
    assert intercom.ok(f"GET /contacts/{contact}")["name"] == "Ada"


def test_an_attribute_with_options_takes_no_other_value(intercom: IntercomCaller) -> None:
    """An attribute of type options is shown as a string with options, and refuses any other value."""
    options = [{"value": "gold"}, {"value": "silver"}]
    made = intercom.ok("POST /data_attributes", PLAN | {"data_type": "options", "options": options})
    assert (made["data_type"], made["options"]) == ("string", options)
    intercom.user(email="ada@example.com", custom_attributes={"cb_plan": "gold"})
    error = {"code": "parameter_invalid", "message": "Custom attribute 'cb_plan' must be one of its options"}
    body = {"email": "eve@example.com", "custom_attributes": {"cb_plan": "tin"}}
    assert intercom.refused("POST /contacts", body) == (400, [error])
