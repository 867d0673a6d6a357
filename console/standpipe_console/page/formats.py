"""The form of values on the page. Pure: the time and the zone are arguments."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from standpipe_console.history import FieldChange, RecordGroup

#: The text in place of a missing value.
NOTHING = "\N{EN DASH}"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"))
#: The endings of the names of fields with times in unix seconds.
_TIME_ENDINGS = ("_at", "_date", ".date")
#: Unix seconds of plausible times: 1980 to 2100.
_EARLIEST, _LATEST = 315_532_800, 4_102_444_800
_PREFIX = "custom_attributes."


def format_number(value: float | None) -> str:
    """Return a number with thousands separators."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def format_money(text: str) -> str:
    """Return an amount in major units, as a report has it, with two decimals; other text as it is."""
    try:
        return f"{float(text):,.2f}"
    except ValueError:
        return text


def format_time(at: float | None, now: float, zone: tzinfo | None) -> str:
    """Return a time for people, with the day unless it is today, and with the year unless it is this year."""
    if at is None:
        return NOTHING
    when, today = datetime.fromtimestamp(at, zone), datetime.fromtimestamp(now, zone)
    days = (when.date() - today.date()).days
    near = {0: "today", -1: "yesterday", 1: "tomorrow"}
    if days in near:
        return f"{near[days]} {when:%H:%M}"
    return f"{when.day} {when:%b %H:%M}" if when.year == today.year else f"{when.day} {when:%b %Y %H:%M}"


def describe_details(group: RecordGroup) -> str:
    """Return one of the vendor's sentences about refused records, and how many others there are."""
    others = group.details - 1
    return f"{group.detail} (and {pluralise(others, 'other reason')})" if others > 0 else group.detail


def format_exact_time(at: float) -> str:
    """Return a time in the machine-readable form of the attribute `datetime`."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def format_age(seconds: float) -> str:
    """Return how long ago something was, in its largest unit."""
    for size, unit in _UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def format_waiting(seconds: float) -> str:
    """Return for how long something has waited, in its largest unit."""
    return format_age(seconds).removesuffix(" ago").replace("just now", "less than a minute")


def format_duration(seconds: float | None) -> str:
    """Return a duration in its two largest units."""
    if seconds is None:
        return NOTHING
    if seconds < 10:  # noqa: PLR2004 below, tenths tell something
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def format_value(name: str, value: Any, zone: tzinfo | None = None) -> str:
    """Return a value of a record's field."""
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        is_time = name.endswith(_TIME_ENDINGS) and _EARLIEST < value < _LATEST
        return _format_moment(datetime.fromtimestamp(value, zone)) if is_time else format_number(value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {format_value(str(key), one, zone)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(format_value(name, one, zone) for one in value)
    return _format_text(name, str(value), zone)


def _format_text(name: str, value: str, zone: tzinfo | None) -> str:
    if "T" in value and name.endswith(_TIME_ENDINGS):
        try:
            return _format_moment(datetime.fromisoformat(value).astimezone(zone))
        except ValueError:
            return value
    return value


def _format_moment(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def shorten_field(name: str) -> str:
    """Return the name of a field without its group."""
    return name.removeprefix(_PREFIX)


def list_fields(fields: Mapping[str, FieldChange]) -> list[tuple[str, Any, Any]]:
    """Return each changed field with its value before and after, in the order of their names."""
    rows = [(name, change.before, change.after) for name, change in fields.items()]
    return sorted(rows, key=lambda row: (row[0].startswith(_PREFIX), row[0]))


def pluralise(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
