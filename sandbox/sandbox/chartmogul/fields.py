"""What customers and contacts may hold: every field with how its value is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sandbox.chartmogul import times
from sandbox.chartmogul.errors import BAD_EMAIL, Invalid
from sandbox.chartmogul.places import countries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Reader: TypeAlias = Callable[[Any, int], Any]

LEAD_STATUSES = ("New Lead", "Working Lead", "Qualified Lead", "Unqualified Lead")
STATUSES = (*LEAD_STATUSES, "Active", "Past Due", "Cancelled")
ADDRESS = ("country", "state", "city", "zip")
_MAX_POSITION = 2**31


def _text(value: Any, _: int = 0) -> str:
    """Null is the empty text: replies never hold null here."""
    if value is not None and not isinstance(value, str):
        raise ValueError("The value provided is not a string.")
    return value or ""


def _text_or_null(value: Any, _: int = 0) -> str | None:
    return _text(value) or None


def is_email(value: str) -> bool:
    """Whether it looks like one address."""
    local, at, domain = value.partition("@")
    return bool(local and at and domain.strip(".")) and "@" not in domain and not any(map(str.isspace, value))


def _email(value: Any, _: int = 0) -> str:
    if value not in (None, "") and not (isinstance(value, str) and is_email(value)):
        raise ValueError(BAD_EMAIL)
    return value or ""


def _email_or_null(value: Any, _: int = 0) -> str | None:
    return _email(value) or None


def _country(value: Any, _: int) -> str | None:
    code = _text(value).upper()
    if code and code not in countries():
        raise ValueError("The value provided is not a valid country code.")
    return code or None


def _instant(value: Any, _: int) -> int | None:
    try:
        return None if value in (None, "") else times.parsed(value)
    except ValueError:
        raise ValueError("The value provided is not a valid date.") from None


def _past_instant(value: Any, now: int) -> int | None:
    instant = _instant(value, now)
    if instant is not None and instant > now:
        raise ValueError("The value provided must be in the past.")
    return instant


def _lead_status(value: Any, _: int) -> str:
    status = folded_status(value)
    if status not in LEAD_STATUSES:
        raise ValueError("The value provided is not a lead status.")
    return status


def _position(value: Any, _: int) -> int:
    if type(value) is not int or not 0 < value < _MAX_POSITION:
        raise ValueError("The value provided is not a positive integer.")
    return value


def folded_status(value: Any) -> str:
    """A status as replies spell it, from any letter case and separator; the empty text if it is none."""
    asked = str(value).replace("_", " ").lower()
    return next((status for status in STATUSES if status.lower() == asked), "")


CUSTOMER: dict[str, Reader] = {
    "name": _text,
    "email": _email,
    "company": _text,
    "country": _country,
    "state": _text_or_null,
    "city": _text_or_null,
    "zip": _text_or_null,
    "lead_created_at": _past_instant,
    "free_trial_started_at": _instant,
    "website_url": _text_or_null,
    "owner": _text_or_null,
    "status": _lead_status,
}
CONTACT: dict[str, Reader] = {
    "external_id": _text_or_null,
    "first_name": _text_or_null,
    "last_name": _text_or_null,
    "title": _text_or_null,
    "email": _email_or_null,
    "phone": _text_or_null,
    "linked_in": _text_or_null,
    "twitter": _text_or_null,
    "notes": _text_or_null,
    "position": _position,
    "last_seen": _instant,
}
NO_CUSTOMER: dict[str, Any] = dict.fromkeys(CUSTOMER) | {"name": "", "email": "", "company": "", "status": "New Lead"}
NO_CONTACT: dict[str, Any] = dict.fromkeys(CONTACT)
INSTANTS = frozenset({"lead_created_at", "free_trial_started_at", "last_seen"})


def taken(body: Mapping[str, Any], readers: Mapping[str, Reader], now: int) -> dict[str, Any]:
    """The body's known fields, read; the others are ignored, as the vendor does.

    Raises:
        Invalid: a text for each field whose value cannot be.
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


def absent(body: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """The first of the names that the body does not hold."""
    return next((name for name in names if name not in body), None)
