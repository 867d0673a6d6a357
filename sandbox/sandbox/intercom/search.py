"""The query language of the searches, without HTTP: a query becomes a tree of tests on documents.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/searchcontacts
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.intercom.errors import bad_parameter, invalid_field, parameter_invalid
from sandbox.intercom.search_values import INSTANTS, KIND_TESTS, OPERATORS, TESTS, checked, day_test, seconds

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

CUSTOM = "custom_attributes."
MAX_DEPTH = 2
MAX_FILTERS = 15

ALIASES = {"formatted_phone": "phone", "tag_id": "tags"}

Document = Mapping[str, Any]


def value_of(document: Document, field: str) -> Any:
    """A document's value by the field's full name; None where it has none."""
    if field.startswith(CUSTOM):
        return document["custom_attributes"].get(field.removeprefix(CUSTOM))
    if field == "email_domain":
        return (document["email"] or "").rpartition("@")[2] or None
    return document.get(ALIASES.get(field, field))


@dataclass(frozen=True)
class Rules:
    """What the workspace brings to a query.

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
    read: Callable[[Document, str], Any] = value_of
    inclusive: bool = False
    strict: bool = True


@dataclass(frozen=True)
class Filter:
    """One leaf: a field, its operator, and the test its value must pass.

    `equals` holds the values that alone can pass, for `=` and `IN` on whole values, so that an index can serve them.
    """

    field: str
    test: Callable[[Any], bool]
    equals: tuple[Any, ...] | None = None
    read: Callable[[Document, str], Any] = value_of

    def matches(self, document: Document) -> bool:
        """Whether the document's value passes."""
        return self.test(self.read(document, self.field))


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


def parse(query: Any, rules: Rules, depth: int = 1) -> Node:
    """The checked tree of a query.

    Raises:
        Refusal: 400 for whatever the query language does not know.
    """
    if not isinstance(query, dict):
        raise parameter_invalid("query must be an object with field, operator and value")
    unknown = next((name for name in query if name not in ("field", "operator", "value")), None)
    if unknown is not None and rules.strict:
        raise bad_parameter(unknown)
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
        return Filter(field, day_test(operator, seconds(query["value"], field), rules.zone), read=rules.read)
    value = checked(query["value"], kind, operator, field, rules.max_in_values)
    return _plain_filter(field, kind, _meant(operator, kind, rules), value, rules)


def _meant(operator: str, kind: str, rules: Rules) -> str:
    return {">": ">=", "<": "<="}.get(operator, operator) if kind in INSTANTS and rules.inclusive else operator


def _plain_filter(field: str, kind: str, operator: str, value: Any, rules: Rules) -> Filter:
    fold = _folded if field in rules.ignore_case else _same
    wanted = fold(value)
    test = KIND_TESTS.get(kind, TESTS)[operator]
    equals = None if kind in KIND_TESTS else _equals(operator, value)
    return Filter(field, lambda held: test(fold(held), wanted), equals, rules.read)


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
