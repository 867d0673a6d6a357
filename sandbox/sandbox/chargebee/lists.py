"""Chargebee's list operations: what a query asks for, and the page that answers it. Pure.

See https://apidocs.chargebee.com/docs/api/lists. The offset names the last row served by its sort value and row id, so
paging goes on from that place even when records have changed; one that was made for another query is refused.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.chargebee.errors import invalid, wrong_value
from sandbox.chargebee.operators import KINDS, Test, read_boolean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.chargebee.resources import Filter, Resource

DEFAULT_LIMIT = 10
MAX_LIMIT = 100
_FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*(?:\[[a-z_]+\])?)\[([a-z_]+)\]")
_NEVER = 0
"""Where a record sorts that lacks the field: before all others."""

T = TypeVar("T")
Key = tuple[int | str, int]
"""Sort value and row."""


@dataclass(frozen=True)
class Query:
    """A list request, understood. ``fingerprint`` tells filters and sort, so that an offset can be held to them."""

    limit: int
    after: Key | None
    sort: str
    descending: bool
    tests: tuple[tuple[str, Test], ...]
    include_deleted: bool
    fingerprint: str


def read_query(
    params: Sequence[tuple[str, str]], resource: Resource, catalog: int, parent_id: str | None = None
) -> Query:
    """Understand the parameters of a list of a site with Product Catalog 1 or 2; of a child's list, below one parent.

    Raises:
        RefusedError: naming the parameter that the list does not take, or not with that value.
    """
    given = _once(params)
    limit = _limit(given.pop("limit", None))
    offset = given.pop("offset", None)
    fingerprint = _fingerprint({**given, resource.path: parent_id or ""})
    include_deleted = _include_deleted(given.pop("include_deleted", None), resource)
    tests = [*_below(resource, parent_id), *_plain(given, resource)]
    sort, descending = resource.order, False
    for name, text in given.items():
        field, operator = _split(name)
        if field == "sort_by":
            sort, descending = _sort(name, operator, text, resource)
        else:
            accepted = _filter(name, field, resource, catalog)
            tests.append((accepted.field or field, _test(name, operator, text, accepted)))
    after = None if offset is None else _read_offset(offset, fingerprint, textual=_is_text(sort, resource))
    return Query(limit, after, sort, descending, tuple(tests), include_deleted, fingerprint)


def known_to(params: Sequence[tuple[str, str]], resource: Resource, catalog: int) -> list[tuple[str, str]]:
    """Those of the parameters that a list documents, whatever their operators and values."""
    named = {"limit", "offset", *resource.equals, *resource.flags}
    named |= {"include_deleted"} if resource.include_deleted else set()
    fields = {"sort_by"} | {name for name, accepted in resource.filters.items() if catalog in accepted.catalogs}
    matches = [(_FIELD.fullmatch(name), name, text) for name, text in params]
    return [(name, text) for match, name, text in matches if name in named or (match and match[1] in fields)]


def select(records: Sequence[Any], query: Query, value: Callable[[Any, str], Any]) -> list[Key]:
    """The keys of all records that a query asks for, in ascending order; the offset plays no part.

    ``value`` reads a field of a record; None among the records is a row that is not there yet.
    """
    return sorted(
        (_NEVER if (at := value(record, query.sort)) is None else at, record.row)
        for record in records
        if record is not None
        and (query.include_deleted or not record.deleted)
        and all(test(value(record, field)) for field, test in query.tests)
    )


def page(keys: Sequence[Key], query: Query) -> tuple[list[Key], str | None]:
    """The page of selected keys that follows the query's offset, and the offset of the next one."""
    if query.descending:
        end = len(keys) if query.after is None else bisect_left(keys, query.after)
        start = max(0, end - query.limit)
        found = list(reversed(keys[start:end]))
        more = start > 0
    else:
        start = 0 if query.after is None else bisect_right(keys, query.after)
        found = list(keys[start : start + query.limit])
        more = start + query.limit < len(keys)
    return found, _write_offset(found[-1], query) if more else None


def _once(params: Sequence[tuple[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, text in params:
        if name in given:
            raise invalid(name, "given more than once")
        given[name] = text
    return given


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MAX_LIMIT:
        raise wrong_value("limit", f"must be between 1 and {MAX_LIMIT}")
    return int(text)


def _include_deleted(text: str | None, resource: Resource) -> bool:
    if text is None:
        return False
    asked = _understood("include_deleted", partial(read_boolean, text))
    # The real API answers a list that has nothing deleted to show: it ignores the parameter.
    return asked and resource.include_deleted


def _below(resource: Resource, parent_id: str | None) -> list[tuple[str, Test]]:
    """What holds a child's list to its parent."""
    return [] if parent_id is None else [(resource.parent_key, lambda value: value == parent_id)]


def _plain(given: dict[str, str], resource: Resource) -> list[tuple[str, Test]]:
    """Take the parameters without an operator out of those given; what they ask for."""
    for name in resource.required:
        if name not in given:
            raise wrong_value(name, "cannot be blank")
    for name in resource.flags:
        _understood(name, partial(read_boolean, given.pop(name, "false")))
    asked = {name: (given.pop(name), accepted) for name, accepted in resource.equals.items() if name in given}
    tests = [(name, _test(name, accepted.operator, text, accepted)) for name, (text, accepted) in asked.items()]
    return [(asked[name][1].field or name, test) for name, test in tests if asked[name][1].tested]


def _is_text(sort: str, resource: Resource) -> bool:
    return sort in resource.filters and resource.filters[sort].kind in ("string", "enum")


def _split(name: str) -> tuple[str, str]:
    match = _FIELD.fullmatch(name)
    if match is None:
        raise invalid(name, "unknown parameter")
    return match[1], match[2]


def _sort(name: str, direction: str, field: str, resource: Resource) -> tuple[str, bool]:
    if direction not in ("asc", "desc"):
        raise invalid(name, "sort_by takes asc or desc")
    if field not in resource.sorts:
        raise invalid(name, f"'{field}' is not an attribute that {resource.path} can be sorted by")
    return field, direction == "desc"


def _filter(name: str, field: str, resource: Resource, catalog: int) -> Filter:
    accepted = resource.filters.get(field)
    if accepted is None or catalog not in accepted.catalogs:
        raise invalid(name, f"'{field}' is not an attribute that {resource.path} can be filtered by")
    return accepted


def _test(name: str, operator: str, text: str, accepted: Filter) -> Test:
    kind = KINDS[accepted.kind]
    if operator not in kind.operators:
        raise invalid(name, f"'{operator}' is not an operator of a {accepted.kind} filter")
    return _understood(name, lambda: kind.operators[operator](_reader(accepted), text))


def _reader(accepted: Filter) -> Callable[[str], Any]:
    if not accepted.values:
        return KINDS[accepted.kind].scalar

    def read(text: str) -> str:
        if text not in accepted.values:
            raise ValueError(f"'{text}' is not one of {', '.join(accepted.values)}")
        return text

    return read


def _understood(name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
        raise wrong_value(name, str(error)) from error


def _fingerprint(given: dict[str, str]) -> str:
    return blake2b(json.dumps(sorted(given.items())).encode(), digest_size=6).hexdigest()


def _write_offset(key: Key, query: Query) -> str:
    at, row = key
    place = str(at * 1000) if isinstance(at, int) else at
    return json.dumps([place, str(row), query.fingerprint], separators=(",", ":"))


def _read_offset(text: str, fingerprint: str, *, textual: bool) -> Key:
    try:
        place, row, made_for = json.loads(text)
        key = (str(place) if textual else int(place) // 1000, int(row))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise wrong_value("offset", "is not one that this list returned") from error
    if made_for != fingerprint:
        raise wrong_value("offset", "was returned for another filter or sort")
    return key
