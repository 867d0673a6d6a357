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

from sandbox.business.line_items import MOST_SHOWN, lines_offset
from sandbox.chargebee.errors import invalid, wrong_value
from sandbox.chargebee.operators import KINDS, Test, read_boolean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.chargebee.resources import Filter, Resource
    from sandbox.json_types import JsonObject

DEFAULT_LIMIT = 10
MAX_LIMIT = 100
_FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*(?:\[[a-z_]+\])?)\[([a-z_]+)\]")
_NEVER = 0
"""The sort value of a record without the field, which puts it before all others."""

T = TypeVar("T")
Params = list[tuple[str, str]]
Key = tuple[int | str, int]
"""Sort value and row."""


@dataclass(frozen=True)
class Query:
    """A list request, decoded. ``fingerprint`` identifies filters and sort, so that an offset fits no other query."""

    limit: int
    after: Key | None
    sort: str
    descending: bool
    tests: tuple[tuple[str, Test], ...]
    include_deleted: bool
    fingerprint: str


def read_query(params: Params, resource: Resource, catalog: int, parent_id: str | None = None) -> Query:
    """Decode the parameters of a list of a site with Product Catalog 1 or 2; of a child's list, below one parent.

    Raises:
        RefusedError: naming the parameter that the list does not take, or not with that value.
    """
    rest = _collect(params)
    limit = _read_limit("limit", rest.pop("limit", None), DEFAULT_LIMIT, MAX_LIMIT)
    offset = rest.pop("offset", None)
    identity = json.dumps(sorted({**rest, resource.path: parent_id or ""}.items()))
    fingerprint = blake2b(identity.encode(), digest_size=6).hexdigest()
    # The real API ignores the parameter on lists that have no deleted records to show.
    include_deleted = _read_flag("include_deleted", rest) and resource.include_deleted
    for name in resource.flags:
        _read_flag(name, rest)
    tests = _take_plain_filters(rest, resource)
    if parent_id is not None:
        tests.append((resource.parent_key, lambda value: value == parent_id))
    sort, descending = resource.order, False
    for name, text in rest.items():
        match = _FIELD.fullmatch(name)
        if match is None:
            raise invalid(name, "unknown parameter")
        field, operator = match[1], match[2]
        if field == "sort_by":
            sort, descending = _read_sort(name, operator, text, resource), operator == "desc"
            continue
        accepted = resource.filters.get(field)
        if accepted is None or catalog not in accepted.catalogs:
            raise invalid(name, f"'{field}' is not an attribute that {resource.path} can be filtered by")
        tests.append((accepted.field or field, _build_test(name, operator, text, accepted)))
    textual = sort in resource.filters and resource.filters[sort].kind in ("string", "enum")
    after = None if offset is None else _read_offset(offset, fingerprint, textual=textual)
    return Query(limit, after, sort, descending, tuple(tests), include_deleted, fingerprint)


def drop_unknown(params: Params, resource: Resource, catalog: int) -> Params:
    """Return only the parameters that a list documents."""
    named = {"limit", "offset", *resource.equals, *resource.flags}
    named |= {"include_deleted"} if resource.include_deleted else set()
    fields = {"sort_by"} | {name for name, accepted in resource.filters.items() if catalog in accepted.catalogs}
    matches = [(_FIELD.fullmatch(name), name, text) for name, text in params]
    return [(name, text) for match, name, text in matches if name in named or (match and match[1] in fields)]


def select_keys(records: Sequence[Any], query: Query, read_value: Callable[[Any, str], Any]) -> list[Key]:
    """Return the keys of all records that a query asks for, in ascending order; the offset plays no part.

    ``read_value`` reads a field of a record; None among the records is a row that does not exist yet.
    """
    return sorted(
        (_NEVER if (at := read_value(record, query.sort)) is None else at, record.row)
        for record in records
        if record is not None
        and (query.include_deleted or not record.deleted)
        and all(test(read_value(record, field)) for field, test in query.tests)
    )


def cut_page(keys: Sequence[Key], query: Query) -> tuple[list[Key], str | None]:
    """Return the page of selected keys that follows the query's offset, and the offset of the next one."""
    if query.descending:
        end = len(keys) if query.after is None else bisect_left(keys, query.after)
        start = max(0, end - query.limit)
        found = list(reversed(keys[start:end]))
        more = start > 0
    else:
        start = 0 if query.after is None else bisect_right(keys, query.after)
        found = list(keys[start : start + query.limit])
        more = start + query.limit < len(keys)
    if not more:
        return found, None
    at, row = found[-1]
    place = str(at * 1000) if isinstance(at, int) else at
    return found, json.dumps([place, str(row), query.fingerprint], separators=(",", ":"))


def read_lines_query(params: Params) -> tuple[int, int]:
    """Return from which line item on, and how many, a retrieval with ``line_items_*`` parameters asks for.

    Raises:
        RefusedError: naming a parameter that is unknown, sent twice, or has a value that it does not take.
    """
    rest = _collect(params)
    limit = _read_limit("line_items_limit", rest.pop("line_items_limit", None), MOST_SHOWN, MOST_SHOWN)
    offset = rest.pop("line_items_offset", lines_offset(0))
    for name in rest:
        raise invalid(name, "unknown parameter")
    try:
        _, place = json.loads(offset)
        start = int(place)
    except (ValueError, TypeError, OverflowError, RecursionError):
        start = -1
    if start < 0 or lines_offset(start) != offset:
        raise wrong_value("line_items_offset", "is not one that this record returned")
    return start, limit


def show_lines_page(body: JsonObject, lines: list[JsonObject], start: int, limit: int) -> JsonObject:
    """Return a record with a page of its line items, and where the next one begins if there is one."""
    page = {name: value for name, value in body.items() if name != "line_items_next_offset"}
    page["line_items"] = lines[start : start + limit]
    if start + limit < len(lines):
        page["line_items_next_offset"] = lines_offset(start + limit)
    return page


def _collect(params: Params) -> dict[str, str]:
    collected: dict[str, str] = {}
    for name, text in params:
        if name in collected:
            raise invalid(name, "given more than once")
        collected[name] = text
    return collected


def _read_limit(name: str, text: str | None, default: int, most: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise wrong_value(name, f"must be between 1 and {most}")
    return int(text)


def _read_flag(name: str, rest: dict[str, str]) -> bool:
    """Remove a boolean from the parameters, and return it; false when it is missing."""
    return _read_value(name, partial(read_boolean, rest.pop(name, "false")))


def _take_plain_filters(rest: dict[str, str], resource: Resource) -> list[tuple[str, Test]]:
    """Remove the filters without an operator from the parameters, and return them."""
    for name in resource.required:
        if name not in rest:
            raise wrong_value(name, "cannot be blank")
    tests = []
    for name, accepted in resource.equals.items():
        if name in rest:
            test = _build_test(name, accepted.operator, rest.pop(name), accepted)
            tests += [(accepted.field or name, test)] if accepted.tested else []
    return tests


def _read_sort(name: str, direction: str, field: str, resource: Resource) -> str:
    if direction not in ("asc", "desc"):
        raise invalid(name, "sort_by takes asc or desc")
    if field not in resource.sorts:
        raise invalid(name, f"'{field}' is not an attribute that {resource.path} can be sorted by")
    return field


def _build_test(name: str, operator: str, text: str, accepted: Filter) -> Test:
    kind = KINDS[accepted.kind]
    if operator not in kind.operators:
        raise invalid(name, f"'{operator}' is not an operator of a {accepted.kind} filter")

    def read(one: str) -> Any:
        if accepted.values and one not in accepted.values:
            raise ValueError(f"'{one}' is not one of {', '.join(accepted.values)}")
        return kind.read(one)

    return _read_value(name, lambda: kind.operators[operator](read, text))


def _read_value(name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
        raise wrong_value(name, str(error)) from error


def _read_offset(text: str, fingerprint: str, *, textual: bool) -> Key:
    try:
        place, row, made_for = json.loads(text)
        key = (str(place) if textual else int(place) // 1000, int(row))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise wrong_value("offset", "is not one that this list returned") from error
    if made_for != fingerprint:
        raise wrong_value("offset", "was returned for another filter or sort")
    return key
