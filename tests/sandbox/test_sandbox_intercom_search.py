"""The query language of searches: which filters match, and which are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.intercom.errors import Refusal
from sandbox.intercom.search import Rules, find_places, parse_query
from sandbox.intercom.search_values import find_day_bounds

TYPES = {
    "email": "string",
    "name": "string",
    "owner_id": "integer",
    "has_hard_bounced": "boolean",
    "created_at": "date",
    "tag_id": "tag",
    "custom_attributes.score": "float",
    "custom_attributes.due": "date",
}
SYDNEY = ZoneInfo("Australia/Sydney")
RULES = Rules(type_of=TYPES.get, zone=SYDNEY, max_in_values=3)
DOCUMENT: dict[str, Any] = {
    "email": "Ada@Example.com",
    "name": None,
    "owner_id": 5,
    "has_hard_bounced": False,
    "created_at": 1_768_478_400,  # in Sydney 2026-01-15T23:00:00
    "custom_attributes": {"score": 2.5},
}


def one(field: str, operator: Any, value: Any) -> dict[str, Any]:
    """Return a single filter."""
    return {"field": field, "operator": operator, "value": value}


@pytest.mark.parametrize(
    ("field", "operator", "value", "matches"),
    [
        ("email", "=", "Ada@Example.com", True),
        ("email", "=", "ada@example.com", False),
        ("email", "!=", "ada@example.com", True),
        ("email", "IN", ["x@y.z", "Ada@Example.com"], True),
        ("email", "IN", ["x@y.z"], False),
        ("email", "NIN", ["x@y.z"], True),
        ("email", "NIN", ["Ada@Example.com"], False),
        ("email", "~", "@Ex", True),
        ("email", "~", "@ex", False),
        ("email", "!~", "@ex", True),
        ("email", "^", "Ada", True),
        ("email", "^", "Example", False),
        ("email", "$", ".com", True),
        ("email", "$", "Ada", False),
        ("name", "=", None, True),
        ("name", "!=", None, False),
        ("name", "!=", "Ada", True),
        ("name", "~", "a", False),
        ("name", "!~", "a", True),
        ("owner_id", "=", 5, True),
        ("owner_id", "<", 6, True),
        ("owner_id", "<", 5, False),
        ("owner_id", ">", 4, True),
        ("owner_id", "<=", 5, True),
        ("owner_id", ">=", 6, False),
        ("owner_id", "IN", [4, 5], True),
        ("custom_attributes.score", ">", 2, True),
        ("custom_attributes.due", "=", 1_768_478_400, False),
        ("has_hard_bounced", "=", False, True),
        ("has_hard_bounced", "IN", [True], False),
        ("tag_id", "=", "17", False),
        ("tag_id", "!=", "17", True),
    ],
)
def test_a_filter_compares_as_its_operator_says(field: str, operator: str, value: Any, *, matches: bool) -> None:
    """Each operator compares values of its type; null equals only null, and letter case matters."""
    assert parse_query(one(field, operator, value), RULES).matches(DOCUMENT) is matches


@pytest.mark.parametrize(
    ("operator", "value", "matches"),
    [
        ("=", "ada@example.com", True),
        ("IN", ["ADA@EXAMPLE.COM"], True),
        ("NIN", ["ADA@EXAMPLE.COM"], False),
        ("~", "ADA", True),
    ],
)
def test_emails_compare_without_case_where_the_switch_says_so(operator: str, value: Any, *, matches: bool) -> None:
    """A switch makes e-mail filters ignore letter case, because the vendor does not document it."""
    rules = Rules(type_of=TYPES.get, zone=SYDNEY, max_in_values=3, ignore_case=frozenset({"email"}))
    assert parse_query(one("email", operator, value), rules).matches(DOCUMENT) is matches


def test_groups_join_filters_by_and_and_or_two_levels_deep() -> None:
    """Filters can be grouped by AND and OR on two levels."""
    inner = {"operator": "OR", "value": [one("email", "=", "x"), one("owner_id", "=", 5)]}
    both = {"operator": "AND", "value": [inner, one("name", "=", None)]}
    neither = {"operator": "AND", "value": [inner, one("name", "=", "Ada")]}
    assert parse_query(both, RULES).matches(DOCUMENT)
    assert not parse_query(neither, RULES).matches(DOCUMENT)


FILTER = one("owner_id", "=", 5)
LEVELS = {"operator": "AND", "value": [{"operator": "OR", "value": [{"operator": "AND", "value": [FILTER]}]}]}
SHAPE = "query must be an object with field, operator and value"


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        (LEVELS, "parameter_invalid", "Nested queries are limited to 2 levels"),
        (
            {"operator": "AND", "value": [FILTER] * 16},
            "parameter_invalid",
            "The limit of 15 filters for each AND or OR group has been exceeded",
        ),
        ({"operator": "OR", "value": []}, "parameter_invalid", "value of OR must be an array of filters"),
        ({"operator": "OR", "value": FILTER}, "parameter_invalid", "value of OR must be an array of filters"),
        ([], "parameter_invalid", SHAPE),
        ("email", "parameter_invalid", SHAPE),
        ({"field": "email", "operator": "="}, "parameter_invalid", SHAPE),
        (one("colour", "=", "red"), "invalid_field", "Field 'colour' is not searchable"),
        (one("custom_attributes.gone", "=", 1), "invalid_field", "Field 'custom_attributes.gone' is not searchable"),
        (one("email", "<", "a"), "parameter_invalid", "Operator '<' is not supported for field 'email'"),
        (one("email", "LIKE", "a"), "parameter_invalid", "Operator 'LIKE' is not supported for field 'email'"),
        (one("email", ["="], "a"), "parameter_invalid", "Operator '['=']' is not supported for field 'email'"),
        (one("created_at", ">=", 1), "parameter_invalid", "Operator '>=' is not supported for field 'created_at'"),
        (one("created_at", "!=", 1), "parameter_invalid", "Operator '!=' is not supported for field 'created_at'"),
        (one("created_at", "IN", [1]), "parameter_invalid", "Operator 'IN' is not supported for field 'created_at'"),
        (
            one("has_hard_bounced", ">", 1),
            "parameter_invalid",
            "Operator '>' is not supported for field 'has_hard_bounced'",
        ),
        (one("tag_id", "IN", ["1"]), "parameter_invalid", "Operator 'IN' is not supported for field 'tag_id'"),
        (one("email", "IN", "a"), "parameter_invalid", "value of IN must be an array"),
        (one("email", "IN", []), "parameter_invalid", "value of IN must have 1 to 3 entries"),
        (one("email", "NIN", ["a"] * 4), "parameter_invalid", "value of NIN must have 1 to 3 entries"),
        (one("email", "IN", ["a", None]), "parameter_invalid", "value of field 'email' must be of type string"),
        (one("email", "=", 1), "parameter_invalid", "value of field 'email' must be of type string"),
        (one("email", "~", None), "parameter_invalid", "value of field 'email' must be of type string"),
        (one("owner_id", "=", "5"), "parameter_invalid", "value of field 'owner_id' must be of type integer"),
        (one("owner_id", "=", value=True), "parameter_invalid", "value of field 'owner_id' must be of type integer"),
        (
            one("has_hard_bounced", "=", 0),
            "parameter_invalid",
            "value of field 'has_hard_bounced' must be of type boolean",
        ),
        (one("created_at", ">", "today"), "parameter_invalid", "value of field 'created_at' must be a UNIX timestamp"),
        (one("created_at", ">", 1.5), "parameter_invalid", "value of field 'created_at' must be a UNIX timestamp"),
        (one("created_at", ">", None), "parameter_invalid", "value of field 'created_at' must be a UNIX timestamp"),
        (one("created_at", ">", 10**20), "parameter_invalid", "value is not a UNIX timestamp"),
    ],
)
def test_a_query_that_the_language_does_not_know_is_refused(query: Any, code: str, message: str) -> None:
    """A wrong query is a 400 that says why."""
    with pytest.raises(Refusal) as caught:
        parse_query(query, RULES)
    assert (caught.value.status, caught.value.errors) == (400, [{"code": code, "message": message}])


# 2026-01-15 in Sydney (UTC+11) runs from 2026-01-14T13:00:00Z to 2026-01-15T13:00:00Z.
DAY_START, DAY_END = 1_768_395_600, 1_768_482_000


@pytest.mark.parametrize(
    ("operator", "created_at", "matches"),
    [
        (">", DAY_END, True),
        (">", DAY_END - 1, False),
        ("<", DAY_START - 1, True),
        ("<", DAY_START, False),
        ("=", DAY_START, True),
        ("=", DAY_END - 1, True),
        ("=", DAY_END, False),
        ("=", DAY_START - 1, False),
    ],
)
@pytest.mark.parametrize("asked", [DAY_START, DAY_START + 40_000, DAY_END - 1, str(DAY_START + 1), float(DAY_START)])
def test_date_filters_are_cut_to_days_of_the_workspace(
    operator: str, created_at: int, asked: Any, *, matches: bool
) -> None:
    """Date filters compare whole days: `>` starts at the next midnight, and `<` ends where the day begins."""
    assert parse_query(one("created_at", operator, asked), RULES).matches({"created_at": created_at}) is matches


def test_a_day_on_which_clocks_change_is_as_long_as_it_is() -> None:
    """A day on which clocks change has 25 or 23 hours."""
    lengths = []
    for day in (datetime(2026, 4, 5, 12, tzinfo=SYDNEY), datetime(2026, 10, 4, 12, tzinfo=SYDNEY)):
        start, end = find_day_bounds(int(day.timestamp()), SYDNEY)
        lengths.append((end - start) // 3600)
    assert lengths == [25, 23]


@given(
    st.integers(0, 4_000_000_000),
    st.integers(0, 4_000_000_000),
    st.sampled_from(["UTC", "Australia/Sydney", "America/New_York"]),
)
def test_each_second_is_before_in_or_after_the_day_asked_for(asked: int, held: int, zone: str) -> None:
    """For any time, exactly one of `<`, `=` and `>` matches, and `=` compares local calendar dates."""
    rules = Rules(type_of=TYPES.get, zone=ZoneInfo(zone), max_in_values=3)
    matched = [
        operator
        for operator in "<=>"
        if parse_query(one("created_at", operator, asked), rules).matches({"created_at": held})
    ]
    local = [datetime.fromtimestamp(each, UTC).astimezone(ZoneInfo(zone)).date() for each in (held, asked)]
    expected = "=" if local[0] == local[1] else "<" if local[0] < local[1] else ">"
    assert matched == [expected]


SIZES = {("email", "a"): 1, ("email", "b"): 2, ("name", "n"): 50}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (one("email", "=", "a"), [("email", "a")]),
        (one("email", "IN", ["a", "b"]), [("email", "a"), ("email", "b")]),
        (one("email", "!=", "a"), None),
        (one("name", "=", None), None),
        (one("owner_id", "=", 1), None),
        (
            {"operator": "AND", "value": [one("name", "=", "n"), one("email", "=", "b"), one("owner_id", ">", 1)]},
            [("email", "b")],
        ),
        ({"operator": "OR", "value": [one("name", "=", "n"), one("email", "=", "b")]}, [("name", "n"), ("email", "b")]),
        ({"operator": "OR", "value": [one("name", "=", "n"), one("email", "~", "b")]}, None),
    ],
    ids=["equals", "in", "differs", "null", "not indexed", "the smallest of AND", "all of OR", "OR with a scan"],
)
def test_an_index_serves_a_query_where_it_can(query: Any, expected: Any) -> None:
    """Indexes answer `=` and `IN`. An AND needs one indexed part; an OR needs all parts indexed."""

    def count(field: str, value: Any) -> int | None:
        return SIZES.get((field, value), 0) if field in ("email", "name") else None

    assert find_places(parse_query(query, RULES), count) == expected
