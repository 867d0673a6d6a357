"""What a customer's body says, checked against the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.chartmogul.account import USERS
from sandbox.chartmogul.customers import Member
from sandbox.chartmogul.errors import Invalid
from sandbox.chartmogul.fields import CUSTOMER, taken
from sandbox.chartmogul.places import state_code

if TYPE_CHECKING:
    from sandbox.chartmogul.account import Account

NO_SOURCE = "A valid data source UUID is required for each customer."
NO_EXTERNAL_ID = "A unique external ID is required for each customer."
NO_NAME = "A name is required for each customer."
TAKEN = "The external ID for this customer already exists in our system."


def create_values(account: Account, body: dict[str, Any]) -> dict[str, Any]:
    """The values of a new customer.

    Raises:
        Invalid: a text for each field that cannot be, the external id that is there already among them.
    """
    errors = _identity_errors(account, body)
    if "name" in body and body["name"] is None:
        errors["name"] = NO_NAME
    try:
        values = taken(body, CUSTOMER, account.now)
    except Invalid as invalid:
        raise Invalid(errors | invalid.errors) from None
    if errors:
        raise Invalid(errors)
    return settled(values, {})


def settled(values: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Values with the state that their country has, and without an owner whom the account does not know."""
    kept = {name: value for name, value in values.items() if name != "owner" or value in (None, *USERS)}
    if kept.keys() & {"country", "state"}:
        both = before | kept
        kept["state"] = state_code(both.get("country"), both.get("state"))
    return kept


def _identity_errors(account: Account, body: dict[str, Any]) -> dict[str, str]:
    source, external_id = body.get("data_source_uuid"), body.get("external_id")
    known = isinstance(source, str) and source in account.sources and account.sources.get(source).is_custom
    errors = {} if known else {"data_source_uuid": NO_SOURCE}
    if not isinstance(external_id, str) or not external_id:
        errors["external_id"] = NO_EXTERNAL_ID
    elif known and account.customers.find(Member(str(source), external_id)):
        errors["external_id"] = TAKEN
    return errors
