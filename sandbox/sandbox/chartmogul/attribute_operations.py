"""The operations on customers' attributes and tags, https://dev.chartmogul.com/reference/customer-attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.chartmogul import shapes
from sandbox.chartmogul.attributes import tags_of
from sandbox.chartmogul.errors import coded, missing, wrong_shape
from sandbox.chartmogul.operations import API, Call, Operation
from sandbox.chartmogul.records import CUSTOM

if TYPE_CHECKING:
    from sandbox.chartmogul.customers import Customer


def get(call: Call) -> dict[str, Any]:
    """All attributes of a customer."""
    one = _customer(call)
    shown = shapes.attributes(one)
    if call.flag("with_overrides"):
        shown |= shapes.overrides(one)
    if "attributes_with_history" in call.query:
        shown |= shapes.historical(one, call.historical_names(one.values))
    return shown


def add_custom(call: Call) -> dict[str, Any]:
    """Write attributes with their types; those that are new become defined."""
    one = _customer(call)
    call.required("custom")
    flags = call.overrides(())
    values = call.account.attributes.added(call.body["custom"])
    return _written(call, one, values, flags)


def update_custom(call: Call) -> dict[str, Any]:
    """Write attributes that are defined already; the others are ignored."""
    one = _customer(call)
    call.required("custom")
    flags = call.overrides(())
    values = call.account.attributes.updated(call.body["custom"])
    return _written(call, one, values, flags)


def remove_custom(call: Call) -> dict[str, Any]:
    """Take attributes away by key, except those that an override holds, which the answer names."""
    one, keys = _customer(call), call.body.get("custom")
    if not isinstance(keys, list):
        raise wrong_shape("custom", keys, "array")
    fields = [f"{CUSTOM}{key}" for key in keys]
    for field in fields:
        if field not in one.pins:
            one.remove(field, call.now, API)
            one.origins.pop(field, None)
    custom, held = one.custom(), [field for field in fields if field in one.pins]
    shown: dict[str, Any] = {"custom": custom} if custom else {}
    return shown | ({"overrides": {"custom": {field[len(CUSTOM) :]: True for field in held}}} if held else {})


def add_custom_by_email(call: Call) -> dict[str, Any]:
    """Write attributes of all customers with an e-mail."""
    found = _by_email(call)
    call.required("custom")
    values = call.account.attributes.added(call.body["custom"])
    for one in found:
        _written(call, one, values, {})
    return _entries(call, found)


def add_tags(call: Call) -> dict[str, Any]:
    """Add tags; those that are there stay as they are."""
    one = _customer(call)
    _tag(one, tags_of(call.body))
    return {"tags": list(one.tags)}


def remove_tags(call: Call) -> dict[str, Any]:
    """Take tags away; those that are not there are no error."""
    one = _customer(call)
    for tag in tags_of(call.body):
        one.tags.pop(tag, None)
    return {"tags": list(one.tags)}


def add_tags_by_email(call: Call) -> dict[str, Any]:
    """Add tags to all customers with an e-mail."""
    found, tags = _by_email(call), tags_of(call.body)
    for one in found:
        _tag(one, tags)
    return _entries(call, found)


def _customer(call: Call) -> Customer:
    return call.account.customers.get(call.path["uuid"])


def _by_email(call: Call) -> list[Customer]:
    email = call.body.get("email")
    if not isinstance(email, str):
        raise missing("email")
    found = call.account.customers.with_email(email)
    if not found or not email:
        raise coded(404, f'Can\'t find any customers with email: "{email}"', "email")
    return list(found)


def _written(call: Call, one: Customer, values: dict[str, Any], flags: dict[str, bool]) -> dict[str, Any]:
    fields = {CUSTOM + key: value for key, value in values.items()}
    one.write(fields, flags, call.now, API)
    for field in fields:
        one.origins.setdefault(field, one.primary)
    return {"custom": one.custom()} | (shapes.overrides(one) if flags else {})


def _tag(one: Customer, tags: list[str]) -> None:
    for tag in tags:
        one.tags.setdefault(tag, one.primary)


def _entries(call: Call, found: list[Customer]) -> dict[str, Any]:
    """Customers by e-mail; here a status has but its first letter in upper case."""
    shown = (shapes.customer(call.account, one) for one in found)
    return {"entries": [one | {"status": one["status"].capitalize()} for one in shown]}


OPERATIONS = (
    Operation("POST", "/customers/attributes/custom", add_custom_by_email),
    Operation("POST", "/customers/attributes/tags", add_tags_by_email),
    Operation("GET", "/customers/{uuid}/attributes", get),
    Operation("POST", "/customers/{uuid}/attributes/custom", add_custom),
    Operation("PUT", "/customers/{uuid}/attributes/custom", update_custom),
    Operation("DELETE", "/customers/{uuid}/attributes/custom", remove_custom, 204, deletes="Custom attributes"),
    Operation("POST", "/customers/{uuid}/attributes/tags", add_tags),
    Operation("DELETE", "/customers/{uuid}/attributes/tags", remove_tags),
)
