"""The query language of the searches, without HTTP: a query becomes a tree of tests.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/searchcontacts
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.intercom.errors import parameter_invalid, refuse
from sandbox.intercom.search_values import (
    INSTANTS,
    KIND_TESTS,
    OPERATORS,
    TESTS,
    make_day_test,
    read_operand,
    read_seconds,
)
from sandbox.json_types import JsonValue

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sandbox.json_types import JsonObject

CUSTOM = "custom_attributes."
MAX_DEPTH = 2
MAX_FILTERS = 15

ALIASES = {"formatted_phone": "phone", "tag_id": "tags"}

Document = Mapping[str, JsonValue]


def read_value(document: Document, field: str) -> JsonValue:
    """Return a document's value by the field's full name, or None."""
    if field.startswith(CUSTOM):
        return document["custom_attributes"].get(field.removeprefix(CUSTOM))
    if field == "email_domain":
        return (document["email"] or "").rpartition("@")[2] or None
    return document.get(ALIASES.get(field, field))


@dataclass(frozen=True)
class Rules:
    """The parts of the workspace that a query needs.

    Attributes:
        type_of: the type of a field by its full name, None for a field that cannot be searched.
        zone: the workspace's time zone, whose days date filters are cut to.
        max_in_values: the longest array that `IN` and `NIN` take.
        ignore_case: fields compared without regard to letter case.
        read: a document's value by the field's full name.
        inclusive: whether `>` and `<` on exact instants let the instant itself pass.
        strict: whether a filter or a group that holds more than it needs is refused.
    """

    type_of: Callable[[str], str | None]
    zone: ZoneInfo
    max_in_values: int
    ignore_case: frozenset[str] = frozenset()
    read: Callable[[Document, str], JsonValue] = read_value
    inclusive: bool = False
    strict: bool = True


@dataclass(frozen=True)
class Filter:
    """One leaf: a field, its operator, and the test its value must pass.

    `equals` holds the values that alone can pass, for `=` and `IN` on whole values, so that an index can serve them.
    """

    field: str
    test: Callable[[JsonValue], bool]
    equals: tuple[JsonValue, ...] | None = None
    read: Callable[[Document, str], JsonValue] = read_value

    def matches(self, document: Document) -> bool:
        """Return whether the document's value passes."""
        return self.test(self.read(document, self.field))


@dataclass(frozen=True)
class Group:
    """Filters and groups joined by AND or OR."""

    operator: str
    parts: tuple[Filter | Group, ...]

    def matches(self, document: Document) -> bool:
        """Return whether all parts (AND) or any part (OR) match."""
        passed = (part.matches(document) for part in self.parts)
        return all(passed) if self.operator == "AND" else any(passed)


Node = Filter | Group


def parse_query(query: JsonValue, rules: Rules, depth: int = 1) -> Node:
    """Return the tree of a query; refuse a wrong query with 400."""
    if not isinstance(query, dict):
        raise parameter_invalid("query must be an object with field, operator and value")
    unknown = next((name for name in query if name not in ("field", "operator", "value")), None)
    if unknown is not None and rules.strict:
        raise refuse("parameter unknown", name=unknown)
    if query.get("operator") not in ("AND", "OR") or "field" in query:
        return _parse_filter(query, rules)
    parts = query.get("value")
    if depth > MAX_DEPTH:
        raise parameter_invalid(f"Nested queries are limited to {MAX_DEPTH} levels")
    if not isinstance(parts, list) or not parts:
        raise parameter_invalid(f"value of {query['operator']} must be an array of filters")
    if len(parts) > MAX_FILTERS:
        raise parameter_invalid(f"The limit of {MAX_FILTERS} filters for each AND or OR group has been exceeded")
    return Group(query["operator"], tuple(parse_query(part, rules, depth + 1) for part in parts))


def _parse_filter(query: JsonObject, rules: Rules) -> Filter:
    field, operator = query.get("field"), query.get("operator")
    if not isinstance(field, str) or "value" not in query:
        raise parameter_invalid("query must be an object with field, operator and value")
    kind = rules.type_of(field)
    if kind is None:
        raise refuse("field unknown", name=field)
    if not isinstance(operator, str) or operator not in OPERATORS[kind]:
        raise parameter_invalid(f"Operator '{operator}' is not supported for field '{field}'")
    if kind == "date":
        day_test = make_day_test(operator, read_seconds(query["value"], field), rules.zone)
        return Filter(field, day_test, read=rules.read)
    value = read_operand(query["value"], kind, operator, field, rules.max_in_values)
    # An index can look up only whole values, and only of kinds whose operators have no special meaning.
    equals = None
    if kind not in KIND_TESTS and operator in ("=", "IN") and value is not None:
        equals = (value,) if operator == "=" else tuple(value)
    if kind in INSTANTS and rules.inclusive:
        operator = {">": ">=", "<": "<="}.get(operator, operator)
    ignore_case = field in rules.ignore_case
    operand = _fold(value) if ignore_case else value
    test = KIND_TESTS.get(kind, TESTS)[operator]
    return Filter(field, lambda one: test(_fold(one) if ignore_case else one, operand), equals, rules.read)


def _fold(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_fold(one) for one in value]
    return value.lower() if isinstance(value, str) else value


def find_equality_fields(node: Node) -> set[str]:
    """Return the fields that a query compares with whole values, for which an index is useful."""
    if isinstance(node, Filter):
        return {node.field} if node.equals is not None else set()
    return {field for part in node.parts for field in find_equality_fields(part)}


Places = list[tuple[str, JsonValue]]


def find_places(node: Node, count: Callable[[str, JsonValue], int | None]) -> Places | None:
    """Return the (field, value) pairs whose index entries together hold every possible match.

    None when only a scan finds them all. `count` says how many documents an index holds for a field's value, None for a
    field without index.
    """
    best = _find_cheapest(node, count)
    return best[1] if best else None


def _find_cheapest(node: Node, count: Callable[[str, JsonValue], int | None]) -> tuple[int, Places] | None:
    if isinstance(node, Filter):
        counts = [count(node.field, value) for value in node.equals or ()]
        sizes = [one for one in counts if one is not None]
        is_served = sizes and len(sizes) == len(counts)
        return (sum(sizes), [(node.field, value) for value in node.equals or ()]) if is_served else None
    found = [_find_cheapest(part, count) for part in node.parts]
    served = [one for one in found if one is not None]
    # AND needs an index for one part, OR for all.
    if node.operator == "AND":
        return min(served, key=lambda one: one[0], default=None)
    if len(served) < len(found):
        return None
    return sum(size for size, _ in served), [pair for _, pairs in served for pair in pairs]
