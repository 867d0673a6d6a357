"""The operations on customers' attributes and tags, https://dev.chartmogul.com/reference/customer-attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.chartmogul import shapes
from sandbox.chartmogul.attributes import read_tags
from sandbox.chartmogul.errors import missing_parameter, unknown_email, wrong_type
from sandbox.chartmogul.operations import API, Call, Operation
from sandbox.chartmogul.records import CUSTOM

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.chartmogul.customers import Customer
    from sandbox.json_types import JsonObject


def get_attributes(call: Call) -> JsonObject:
    """Return all attributes of a customer."""
    one = call.find_customer()
    shown = shapes.show_attributes(one)
    if call.flag("with_overrides"):
        shown |= shapes.show_overrides(one)
    return shown | call.show_history(one, one.values)


def add_custom(call: Call) -> JsonObject:
    """Write attributes with their types; new keys become defined."""
    return _write_custom(call, call.account.attributes.read_new)


def update_custom(call: Call) -> JsonObject:
    """Write attributes that are already defined, and ignore the others."""
    return _write_custom(call, call.account.attributes.read_known)


def remove_custom(call: Call) -> JsonObject:
    """Remove attributes by key, except those with an override, which the reply lists."""
    one, keys = call.find_customer(), call.body.get("custom")
    if not isinstance(keys, list):
        raise wrong_type("custom", keys, "array")
    for field in (f"{CUSTOM}{key}" for key in keys):
        if field not in one.pins:
            one.remove(field, call.now, API)
            one.origins.pop(field, None)
    custom, overridden = one.custom(), {key: True for key in keys if f"{CUSTOM}{key}" in one.pins}
    shown = {"custom": custom} if custom else {}
    return shown | ({"overrides": {"custom": overridden}} if overridden else {})


def add_custom_by_email(call: Call) -> JsonObject:
    """Write attributes of all customers with this e-mail."""
    found = _find_by_email(call)
    call.require("custom")
    values = call.account.attributes.read_new(call.body["custom"])
    for one in found:
        _write_values(call, one, values, {})
    return _show_entries(call, found)


def add_tags(call: Call) -> JsonObject:
    """Add tags, and keep the customer's other tags."""
    one = call.find_customer()
    one.add_tags(read_tags(call.body))
    return {"tags": list(one.tags)}


def remove_tags(call: Call) -> JsonObject:
    """Remove tags, and ignore those that the customer does not have."""
    one = call.find_customer()
    for tag in read_tags(call.body):
        one.tags.pop(tag, None)
    return {"tags": list(one.tags)}


def add_tags_by_email(call: Call) -> JsonObject:
    """Add tags to all customers with this e-mail."""
    found, tags = _find_by_email(call), read_tags(call.body)
    for one in found:
        one.add_tags(tags)
    return _show_entries(call, found)


def _find_by_email(call: Call) -> list[Customer]:
    email = call.body.get("email")
    if not isinstance(email, str):
        raise missing_parameter("email")
    found = call.account.customers.with_email(email)
    if not found or not email:
        raise unknown_email(email)
    return list(found)


def _write_custom(call: Call, read: Callable[[Any], JsonObject]) -> JsonObject:
    one = call.find_customer()
    call.require("custom")
    flags = call.overrides(())
    _write_values(call, one, read(call.body["custom"]), flags)
    return {"custom": one.custom()} | (shapes.show_overrides(one) if flags else {})


def _write_values(call: Call, one: Customer, values: JsonObject, flags: dict[str, bool]) -> None:
    fields = {CUSTOM + key: value for key, value in values.items()}
    one.write(fields, flags, call.now, API)
    for field in fields:
        one.origins.setdefault(field, one.primary)


def _show_entries(call: Call, found: list[Customer]) -> JsonObject:
    """Return customers in the form of replies by e-mail, where only a status's first letter is in upper case."""
    shown = (shapes.show_customer(call.account, one) for one in found)
    return {"entries": [one | {"status": one["status"].capitalize()} for one in shown]}


OPERATIONS = (
    Operation("POST", "/customers/attributes/custom", add_custom_by_email),
    Operation("POST", "/customers/attributes/tags", add_tags_by_email),
    Operation("GET", "/customers/{uuid}/attributes", get_attributes),
    Operation("POST", "/customers/{uuid}/attributes/custom", add_custom),
    Operation("PUT", "/customers/{uuid}/attributes/custom", update_custom),
    Operation("DELETE", "/customers/{uuid}/attributes/custom", remove_custom, 204, deletes="Custom attributes"),
    Operation("POST", "/customers/{uuid}/attributes/tags", add_tags),
    Operation("DELETE", "/customers/{uuid}/attributes/tags", remove_tags),
)
