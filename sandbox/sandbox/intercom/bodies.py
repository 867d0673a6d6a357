"""Checks of request bodies: every field is checked, and whatever Intercom would refuse is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sandbox.intercom.attributes import Attributes, is_integer, is_number
from sandbox.intercom.errors import parameter_invalid, parameter_missing, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.json_types import JsonObject, JsonValue

Version: TypeAlias = tuple[int, int]
MAX_SPEND = 2_147_483_647


def _is_email(value: JsonValue) -> bool:
    local, at, domain = value.partition("@") if isinstance(value, str) else ("", "", "")
    return bool(local and at and domain) and "@" not in domain and not any(one.isspace() for one in value)


def _is_owner(value: JsonValue) -> bool:
    return is_integer(value) or (isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10)  # noqa: PLR2004 - nine digits fit any admin


KINDS: dict[str, Callable[[JsonValue], bool]] = {
    "a string": lambda value: isinstance(value, str),
    "a filled string": lambda value: isinstance(value, str) and value.strip() != "",
    "a URL": lambda value: isinstance(value, str),
    "a boolean": lambda value: isinstance(value, bool),
    "an object": lambda value: isinstance(value, dict),
    "an integer": is_integer,
    "a UNIX timestamp": is_integer,
    "an email address": _is_email,
    "an admin id": _is_owner,
    "user or lead": lambda value: value in ("user", "lead"),
    f"a number from 0 to {MAX_SPEND}": lambda value: is_number(value) and 0 <= value <= MAX_SPEND,
}
"""The kinds of values, each as words and as a test."""


class Field(NamedTuple):
    """One writable field: the kind of its value, whether null clears it, and its first API version."""

    kind: str
    nullable: bool = True
    since: Version = (2, 0)


CONTACT = {
    "role": Field("user or lead", nullable=False),
    "external_id": Field("a filled string", nullable=False),
    "email": Field("an email address", nullable=False),
    "email_verified": Field("a boolean", nullable=False, since=(2, 16)),
    **dict.fromkeys(("phone", "name"), Field("a string")),
    "avatar": Field("a URL"),
    **dict.fromkeys(("signed_up_at", "last_seen_at"), Field("a UNIX timestamp")),
    "owner_id": Field("an admin id"),
    "unsubscribed_from_emails": Field("a boolean"),
    "custom_attributes": Field("an object"),
}
COMPANY_UPDATE = {
    "name": Field("a filled string", nullable=False),
    **dict.fromkeys(("plan", "website", "industry"), Field("a string")),
    "size": Field("an integer"),
    "monthly_spend": Field(f"a number from 0 to {MAX_SPEND}"),
    "update_last_request_at": Field("a boolean", nullable=False, since=(2, 16)),
    "custom_attributes": Field("an object"),
}
COMPANY = COMPANY_UPDATE | {
    "company_id": Field("a filled string", nullable=False),
    "remote_created_at": Field("a UNIX timestamp"),
}


def check_fields(body: JsonObject, fields: Mapping[str, Field], version: Version, *, strict: bool) -> JsonObject:
    """Return the body's known fields; refuse a wrong value, and an unknown field if `strict`."""
    known = {name: value for name, value in body.items() if name in fields and fields[name].since <= version}
    unknown = next((name for name in body if name not in known), None)
    if unknown is not None and strict:
        raise refuse("parameter unknown", name=unknown)
    # Unknown fields come first, so that a misspelt name is not hidden by a wrong value.
    for name, value in known.items():
        field = fields[name]
        if not (value is None and field.nullable) and not KINDS[field.kind](value):
            raise parameter_invalid(f"{name} must be {field.kind.replace('filled ', '')}", name)
    return known


def make_contact_values(values: JsonObject, attributes: Attributes, role: str, *, leads_take_null: bool) -> JsonObject:
    """Return a contact's document fields; custom attributes must exist and have the right type."""
    custom = attributes.check_values("contact", values.get("custom_attributes") or {})
    if role == "lead" and "external_id" in values:
        raise parameter_invalid("external_id cannot be set for a lead", "external_id")
    if role == "lead" and None in custom.values() and not leads_take_null:
        raise parameter_invalid("custom attribute is not of type Numeric, String or Boolean")
    if "email_verified" in values and "email" not in values:
        raise parameter_missing("email_verified can only be set together with email")
    kept = {name: value for name, value in values.items() if name != "email_verified"}
    owner = kept.get("owner_id")
    return kept | {"custom_attributes": custom} | ({"owner_id": int(owner)} if owner is not None else {})


def make_company_values(values: JsonObject, attributes: Attributes) -> JsonObject:
    """Return a company's document fields; custom attributes are checked, and `monthly_spend` loses its cents."""
    custom = attributes.check_values("company", values.get("custom_attributes") or {})
    kept = {name: value for name, value in values.items() if name != "update_last_request_at"}
    if "monthly_spend" in kept:
        kept["monthly_spend"] = int(kept["monthly_spend"] or 0)
    return kept | {"custom_attributes": custom}
