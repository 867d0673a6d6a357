"""Values in a customer's body, checked against the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.chartmogul.account import USERS
from sandbox.chartmogul.customers import Member
from sandbox.chartmogul.errors import Invalid
from sandbox.chartmogul.fields import CUSTOMER, read_fields
from sandbox.chartmogul.places import read_state

if TYPE_CHECKING:
    from sandbox.chartmogul.account import Account
    from sandbox.json_types import JsonObject

NO_SOURCE = "A valid data source UUID is required for each customer."
NO_EXTERNAL_ID = "A unique external ID is required for each customer."
NO_NAME = "A name is required for each customer."
TAKEN = "The external ID for this customer already exists in our system."


def read_new_customer(account: Account, body: JsonObject) -> JsonObject:
    """Return the values of a new customer.

    Raises: Invalid: a text for each field that is not allowed, such as an external id that already exists.
    """
    source, external_id = body.get("data_source_uuid"), body.get("external_id")
    known = isinstance(source, str) and source in account.sources and account.sources.get(source).is_custom
    errors = {} if known else {"data_source_uuid": NO_SOURCE}
    if not isinstance(external_id, str) or not external_id:
        errors["external_id"] = NO_EXTERNAL_ID
    elif known and account.customers.find(Member(str(source), external_id)):
        errors["external_id"] = TAKEN
    if "name" in body and body["name"] is None:
        errors["name"] = NO_NAME
    try:
        values = read_fields(body, CUSTOMER, account.now)
    except Invalid as invalid:
        raise Invalid(errors | invalid.errors) from None
    if errors:
        raise Invalid(errors)
    return normalize_values(values, {})


def normalize_values(values: JsonObject, before: JsonObject) -> JsonObject:
    """Return the values with the state of their country, and without an unknown owner."""
    kept = {name: value for name, value in values.items() if name != "owner" or value in (None, *USERS)}
    if kept.keys() & {"country", "state"}:
        both = before | kept
        kept["state"] = read_state(both.get("country"), both.get("state"))
    return kept
