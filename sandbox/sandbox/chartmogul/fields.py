"""The fields of customers and contacts, each with the function that reads its value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sandbox.chartmogul import times
from sandbox.chartmogul.errors import BAD_EMAIL, Invalid
from sandbox.chartmogul.places import countries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.json_types import JsonObject

    Reader: TypeAlias = Callable[[Any, int], Any]

LEAD_STATUSES = ("New Lead", "Working Lead", "Qualified Lead", "Unqualified Lead")
STATUSES = (*LEAD_STATUSES, "Active", "Past Due", "Cancelled")
ADDRESS = ("country", "state", "city", "zip")
_MAX_POSITION = 2**31


def _read_text(value: Any, _: int = 0) -> str:
    """Read a string; null becomes the empty string, because replies never show null here."""
    if value is not None and not isinstance(value, str):
        raise ValueError("The value provided is not a string.")
    return value or ""


def _read_text_or_null(value: Any, _: int = 0) -> str | None:
    return _read_text(value) or None


def is_email(value: str) -> bool:
    """Return whether a string looks like one e-mail address."""
    local, at, domain = value.partition("@")
    return bool(local and at and domain.strip(".")) and "@" not in domain and not any(map(str.isspace, value))


def _read_email(value: Any, _: int = 0) -> str:
    if value not in (None, "") and not (isinstance(value, str) and is_email(value)):
        raise ValueError(BAD_EMAIL)
    return value or ""


def _read_email_or_null(value: Any, _: int = 0) -> str | None:
    return _read_email(value) or None


def _read_country(value: Any, _: int) -> str | None:
    code = _read_text(value).upper()
    if code and code not in countries():
        raise ValueError("The value provided is not a valid country code.")
    return code or None


def _read_instant(value: Any, _: int) -> int | None:
    try:
        return None if value in (None, "") else times.parse_time(value)
    except ValueError:
        raise ValueError("The value provided is not a valid date.") from None


def _read_past_instant(value: Any, now: int) -> int | None:
    instant = _read_instant(value, now)
    if instant is not None and instant > now:
        raise ValueError("The value provided must be in the past.")
    return instant


def _read_lead_status(value: Any, _: int) -> str:
    status = fold_status(value)
    if status not in LEAD_STATUSES:
        raise ValueError("The value provided is not a lead status.")
    return status


def _read_position(value: Any, _: int) -> int:
    if type(value) is not int or not 0 < value < _MAX_POSITION:
        raise ValueError("The value provided is not a positive integer.")
    return value


def fold_status(value: Any) -> str:
    """Return a status in the spelling of replies, or the empty string when it is unknown."""
    asked = str(value).replace("_", " ").lower()
    return next((status for status in STATUSES if status.lower() == asked), "")


CUSTOMER: dict[str, Reader] = {
    "name": _read_text,
    "email": _read_email,
    "company": _read_text,
    "country": _read_country,
    "state": _read_text_or_null,
    "city": _read_text_or_null,
    "zip": _read_text_or_null,
    "lead_created_at": _read_past_instant,
    "free_trial_started_at": _read_instant,
    "website_url": _read_text_or_null,
    "owner": _read_text_or_null,
    "status": _read_lead_status,
}
CONTACT: dict[str, Reader] = {
    "external_id": _read_text_or_null,
    "first_name": _read_text_or_null,
    "last_name": _read_text_or_null,
    "title": _read_text_or_null,
    "email": _read_email_or_null,
    "phone": _read_text_or_null,
    "linked_in": _read_text_or_null,
    "twitter": _read_text_or_null,
    "notes": _read_text_or_null,
    "position": _read_position,
    "last_seen": _read_instant,
}
NO_CUSTOMER: JsonObject = dict.fromkeys(CUSTOMER) | {"name": "", "email": "", "company": "", "status": "New Lead"}
NO_CONTACT: JsonObject = dict.fromkeys(CONTACT)
INSTANTS = frozenset({"lead_created_at", "free_trial_started_at", "last_seen"})


def read_fields(body: Mapping[str, Any], readers: Mapping[str, Reader], now: int) -> JsonObject:
    """Read the known fields of a body; the others are ignored, as the vendor does.

    Raises:
        Invalid: a text for each field whose value is not allowed.
    """
    values, errors = {}, {}
    for name in readers.keys() & body.keys():
        try:
            values[name] = readers[name](body[name], now)
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        raise Invalid(dict(sorted(errors.items())))
    return values
