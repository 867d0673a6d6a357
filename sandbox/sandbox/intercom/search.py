"""The query language of `POST /contacts/search`, without HTTP: a query becomes a tree of tests on documents.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/searchcontacts
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.intercom.attributes import is_integer, is_number
from sandbox.intercom.errors import invalid_field, parameter_invalid

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

CUSTOM = "custom_attributes."
MAX_DEPTH = 2
MAX_FILTERS = 15

OPERATORS = {
    "string": ("=", "!=", "IN", "NIN", "~", "!~", "^", "$"),
    "integer": ("=", "!=", "IN", "NIN", "<", ">", "<=", ">="),
    "float": ("=", "!=", "IN", "NIN", "<", ">", "<=", ">="),
    "boolean": ("=", "!=", "IN", "NIN"),
    "date": ("=", "<", ">"),
    "tag": ("=", "!="),
}

ALIASES = {"formatted_phone": "phone"}

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Rules:
    """What the workspace brings to a query.

    Attributes:
        type_of: the type of a field by its full name, None for a field that cannot be searched.
        zone: the workspace's time zone, whose days date filters are cut to.
        max_in_values: the longest array that `IN` and `NIN` take.
        ignore_case: fields compared without regard to letter case.
    """

    type_of: Callable[[str], str | None]
    zone: ZoneInfo
    max_in_values: int
    ignore_case: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Filter:
    """One leaf: a field, its operator, and the test its value must pass.

    `equals` holds the values that alone can pass, for `=` and `IN` on whole values, so that an index can serve them.
    """

    field: str
    test: Callable[[Any], bool]
    equals: tuple[Any, ...] | None = None

    def matches(self, document: Document) -> bool:
        """Whether the document's value passes."""
        return self.test(value_of(document, self.field))


@dataclass(frozen=True)
class Group:
    """Filters and groups joined by AND or OR."""

    operator: str
    parts: tuple[Filter | Group, ...]

    def matches(self, document: Document) -> bool:
        """Whether all parts (AND) or any part (OR) match."""
        passed = (part.matches(document) for part in self.parts)
        return all(passed) if self.operator == "AND" else any(passed)


Node = Filter | Group


def value_of(document: Document, field: str) -> Any:
    """A document's value by the field's full name; None where it has none."""
    if field.startswith(CUSTOM):
        return document["custom_attributes"].get(field.removeprefix(CUSTOM))
    if field == "email_domain":
        return (document["email"] or "").rpartition("@")[2] or None
    return document.get(ALIASES.get(field, field))


def parse(query: Any, rules: Rules, depth: int = 1) -> Node:
    """The checked tree of a query.

    Raises:
        Refusal: 400 for whatever the query language does not know.
    """
    if not isinstance(query, dict):
        raise parameter_invalid("query must be an object with field, operator and value")
    if query.get("operator") in ("AND", "OR") and "field" not in query:
        return _group(query, rules, depth)
    return _filter(query, rules)


def equality_fields(node: Node) -> set[str]:
    """The fields that a query compares with whole values: those worth an index."""
    if isinstance(node, Filter):
        return {node.field} if node.equals is not None else set()
    return {field for part in node.parts for field in equality_fields(part)}


Places = list[tuple[str, Any]]


def lookup(node: Node, count: Callable[[str, Any], int | None]) -> Places | None:
    """The (field, value) pairs whose index entries together hold every possible match; None when only a scan does.

    `count` says how many documents an index holds for a field's value, None for a field without index.
    """
    best = _cheapest(node, count)
    return best[1] if best else None


def _cheapest(node: Node, count: Callable[[str, Any], int | None]) -> tuple[int, Places] | None:
    if isinstance(node, Filter):
        counts = [count(node.field, value) for value in node.equals or ()]
        sizes = [one for one in counts if one is not None]
        served_whole = sizes and len(sizes) == len(counts)
        return (sum(sizes), [(node.field, value) for value in node.equals or ()]) if served_whole else None
    found = [_cheapest(part, count) for part in node.parts]
    served = [one for one in found if one is not None]
    if node.operator == "AND":
        return min(served, key=lambda one: one[0], default=None)
    if len(served) < len(found):
        return None
    return sum(size for size, _ in served), [pair for _, pairs in served for pair in pairs]


def _group(query: dict[str, Any], rules: Rules, depth: int) -> Group:
    parts = query.get("value")
    if depth > MAX_DEPTH:
        raise parameter_invalid(f"Nested queries are limited to {MAX_DEPTH} levels")
    if not isinstance(parts, list) or not parts:
        raise parameter_invalid(f"value of {query['operator']} must be an array of filters")
    if len(parts) > MAX_FILTERS:
        raise parameter_invalid(f"The limit of {MAX_FILTERS} filters for each AND or OR group has been exceeded")
    return Group(query["operator"], tuple(parse(part, rules, depth + 1) for part in parts))


def _filter(query: dict[str, Any], rules: Rules) -> Filter:
    field, operator = query.get("field"), query.get("operator")
    if not isinstance(field, str) or "value" not in query:
        raise parameter_invalid("query must be an object with field, operator and value")
    kind = rules.type_of(field)
    if kind is None:
        raise invalid_field(field)
    if operator not in OPERATORS[kind]:
        raise parameter_invalid(f"Operator '{operator}' is not supported for field '{field}'")
    if kind == "date":
        return Filter(field, _day_test(operator, _seconds(query["value"], field), rules.zone))
    return _plain_filter(field, operator, _checked(query["value"], kind, operator, field, rules), rules)


def _plain_filter(field: str, operator: str, value: Any, rules: Rules) -> Filter:
    fold = _folded if field in rules.ignore_case else _same
    wanted = fold(value)
    test = TESTS[operator]
    return Filter(field, lambda held: test(fold(held), wanted), _equals(operator, value))


def _equals(operator: str, value: Any) -> tuple[Any, ...] | None:
    if operator == "=" and value is not None:
        return (value,)
    return tuple(value) if operator == "IN" else None


def _same(value: Any) -> Any:
    return value


def _folded(value: Any) -> Any:
    if isinstance(value, list):
        return [_folded(one) for one in value]
    return value.lower() if isinstance(value, str) else value


def _text(held: Any) -> str:
    return held if isinstance(held, str) else ""


# null equals null, differs from every value, and is neither smaller nor greater than any.
TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda held, wanted: bool(held == wanted),
    "!=": lambda held, wanted: bool(held != wanted),
    "IN": lambda held, wanted: held in wanted,
    "NIN": lambda held, wanted: held not in wanted,
    "~": lambda held, wanted: wanted in _text(held),
    "!~": lambda held, wanted: wanted not in _text(held),
    "^": lambda held, wanted: _text(held).startswith(wanted),
    "$": lambda held, wanted: _text(held).endswith(wanted),
    "<": lambda held, wanted: held is not None and held < wanted,
    ">": lambda held, wanted: held is not None and held > wanted,
    "<=": lambda held, wanted: held is not None and held <= wanted,
    ">=": lambda held, wanted: held is not None and held >= wanted,
}

VALUES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": is_integer,
    "float": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "tag": lambda value: isinstance(value, str),
}


def _checked(value: Any, kind: str, operator: str, field: str, rules: Rules) -> Any:
    if operator in ("IN", "NIN"):
        return _checked_array(value, kind, operator, field, rules)
    if value is None and operator in ("=", "!="):
        return None
    if not VALUES[kind](value):
        raise parameter_invalid(f"value of field '{field}' must be of type {kind}")
    return value


def _checked_array(value: Any, kind: str, operator: str, field: str, rules: Rules) -> list[Any]:
    if not isinstance(value, list):
        raise parameter_invalid(f"value of {operator} must be an array")
    if not 1 <= len(value) <= rules.max_in_values:
        raise parameter_invalid(f"value of {operator} must have 1 to {rules.max_in_values} entries")
    if not all(VALUES[kind](one) for one in value):
        raise parameter_invalid(f"value of field '{field}' must be of type {kind}")
    return value


def _seconds(value: Any, field: str) -> int:
    """Unix seconds from an int, a whole float or digits in a string: all three are in the vendor's own examples."""
    if is_integer(value) or (isinstance(value, str) and value.isdecimal()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise parameter_invalid(f"value of field '{field}' must be a UNIX timestamp")


def _day_test(operator: str, seconds: int, zone: ZoneInfo) -> Callable[[Any], bool]:
    start, end = day_bounds(seconds, zone)
    tests: dict[str, Callable[[Any], bool]] = {
        "=": lambda held: held is not None and start <= held < end,
        "<": lambda held: held is not None and held < start,
        ">": lambda held: held is not None and held >= end,
    }
    return tests[operator]


def day_bounds(seconds: int, zone: ZoneInfo) -> tuple[int, int]:
    """First second of the instant's day in the zone, and of the day after it.

    Raises:
        Refusal: 400, when no calendar holds the instant.
    """
    try:
        day = datetime.fromtimestamp(seconds, zone).replace(hour=0, minute=0, second=0, fold=0)
        return int(day.timestamp()), int((day + timedelta(days=1)).timestamp())
    except (OverflowError, OSError, ValueError):
        raise parameter_invalid("value is not a UNIX timestamp") from None
