"""What a request body may hold: every field checked, and nothing let through that Intercom would refuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.intercom.attributes import Attributes, is_integer, is_number
from sandbox.intercom.errors import bad_parameter, parameter_invalid, parameter_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Version = tuple[int, int]
MAX_SPEND = 2_147_483_647


@dataclass(frozen=True)
class Field:
    """One writable field: what its value must be, in words and as a test, and whether null clears it."""

    kind: str
    test: Callable[[Any], bool]
    nullable: bool = False
    since: Version = (2, 0)


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_filled(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _is_email(value: Any) -> bool:
    local, at, domain = value.partition("@") if isinstance(value, str) else ("", "", "")
    return bool(local and at and domain) and "@" not in domain and not any(one.isspace() for one in value)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_owner(value: Any) -> bool:
    return is_integer(value) or (isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10)  # noqa: PLR2004 - nine digits fit any admin


def _is_spend(value: Any) -> bool:
    return is_number(value) and 0 <= value <= MAX_SPEND


CONTACT = {
    "role": Field("user or lead", lambda value: value in ("user", "lead")),
    "external_id": Field("a string", _is_filled),
    "email": Field("an email address", _is_email),
    "email_verified": Field("a boolean", _is_boolean, since=(2, 16)),
    "phone": Field("a string", _is_string, nullable=True),
    "name": Field("a string", _is_string, nullable=True),
    "avatar": Field("a URL", _is_string, nullable=True),
    "signed_up_at": Field("a UNIX timestamp", is_integer, nullable=True),
    "last_seen_at": Field("a UNIX timestamp", is_integer, nullable=True),
    "owner_id": Field("an admin id", _is_owner, nullable=True),
    "unsubscribed_from_emails": Field("a boolean", _is_boolean, nullable=True),
    "custom_attributes": Field("an object", _is_object, nullable=True),
}
COMPANY_UPDATE = {
    "name": Field("a string", _is_filled),
    "plan": Field("a string", _is_string, nullable=True),
    "size": Field("an integer", is_integer, nullable=True),
    "website": Field("a string", _is_string, nullable=True),
    "industry": Field("a string", _is_string, nullable=True),
    "monthly_spend": Field(f"a number from 0 to {MAX_SPEND}", _is_spend, nullable=True),
    "update_last_request_at": Field("a boolean", _is_boolean, since=(2, 16)),
    "custom_attributes": Field("an object", _is_object, nullable=True),
}
COMPANY = COMPANY_UPDATE | {
    "company_id": Field("a string", _is_filled),
    "remote_created_at": Field("a UNIX timestamp", is_integer, nullable=True),
}


def checked(body: Mapping[str, Any], fields: Mapping[str, Field], version: Version, *, strict: bool) -> dict[str, Any]:
    """The body's known fields, each of its own kind.

    Raises:
        Refusal: 400 for a wrong value, and, if `strict`, for a field that this operation does not know.
    """
    known = {name: value for name, value in body.items() if name in fields and fields[name].since <= version}
    unknown = next((name for name in body if name not in known), None)
    if unknown is not None and strict:
        raise bad_parameter(unknown)
    for name, value in known.items():
        field = fields[name]
        if not (value is None and field.nullable) and not field.test(value):
            raise parameter_invalid(f"{name} must be {field.kind}", name)
    return known


def contact_values(
    values: dict[str, Any], attributes: Attributes, role: str, *, leads_take_null: bool
) -> dict[str, Any]:
    """A contact's document fields out of checked body fields.

    Raises:
        Refusal: 400 for custom attributes that do not exist or fit, and for what a lead cannot have.
    """
    custom = attributes.checked("contact", values.get("custom_attributes") or {})
    if role == "lead" and "external_id" in values:
        raise parameter_invalid("external_id cannot be set for a lead", "external_id")
    if role == "lead" and None in custom.values() and not leads_take_null:
        raise parameter_invalid("custom attribute is not of type Numeric, String or Boolean")
    if "email_verified" in values and "email" not in values:
        raise parameter_missing("email_verified can only be set together with email")
    kept = {name: value for name, value in values.items() if name != "email_verified"}
    owner = kept.get("owner_id")
    return kept | {"custom_attributes": custom} | ({"owner_id": int(owner)} if owner is not None else {})


def company_values(values: dict[str, Any], attributes: Attributes) -> dict[str, Any]:
    """A company's document fields out of checked body fields; the cents of `monthly_spend` are cut off.

    Raises:
        Refusal: 400 for custom attributes that do not exist or fit.
    """
    custom = attributes.checked("company", values.get("custom_attributes") or {})
    kept = {name: value for name, value in values.items() if name != "update_last_request_at"}
    if "monthly_spend" in kept:
        kept["monthly_spend"] = int(kept["monthly_spend"] or 0)
    return kept | {"custom_attributes": custom}
