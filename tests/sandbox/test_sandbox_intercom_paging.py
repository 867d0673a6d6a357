"""Cursors and page numbers return every record once with any page size; wrong cursors are refused."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.intercom.errors import Refusal
from sandbox.intercom.paging import Ask, Order, Orders, cut_page, read_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Records = dict[str, int | None]
VALUES = st.dictionaries(st.text("0123456789abcdef", min_size=1, max_size=4), st.one_of(st.none(), st.integers(0, 5)))


def read(
    records: Records, order: Order, per_page: int, between: Callable[[], None] = lambda: None
) -> Iterator[list[str]]:
    """Yield the ids of each page; `between` runs after every page but the last."""
    cursor = None
    while True:
        orders: Orders[str] = Orders()
        found = orders.page(
            "all",
            lambda: ((order.make_key(value, one), one) for one, value in records.items()),
            Ask(per_page, cursor, order),
        )
        yield found.records
        if "next" not in found.pages:
            return
        cursor = found.pages["next"]["starting_after"]
        between()


@given(records=VALUES, per_page=st.integers(1, 7), descending=st.booleans())
def test_pages_by_cursor_are_complete_and_disjoint(records: Records, per_page: int, *, descending: bool) -> None:
    """The pages together are the sorted list; records without a value come last in both directions."""
    pages = list(read(records, Order("n", descending), per_page))
    sign = -1 if descending else 1
    with_value = sorted((one for one in records if records[one] is not None), reverse=descending)
    with_value.sort(key=lambda one: sign * (records[one] or 0))
    without = sorted((one for one in records if records[one] is None), reverse=descending)
    assert [one for page in pages for one in page] == with_value + without
    assert all(len(page) == per_page for page in pages[:-1])


def test_a_record_that_moves_behind_the_cursor_is_skipped_and_one_that_moves_ahead_comes_twice() -> None:
    """When writes change the sort field, paging skips and repeats records, as at the vendor."""
    records: Records = {"a": 1, "b": 2, "c": 3, "d": 4}
    order = Order("n", descending=False)

    def swap() -> None:
        records.update({"a": 9, "c": 0})

    assert [one for page in read(records, order, 2, swap) for one in page] == ["a", "b", "d", "a"]


def test_the_pages_shape_counts_and_ends_without_next() -> None:
    """`next` has the next page's number and cursor; the last page has no `next`."""
    orders: Orders[str] = Orders()
    order = Order("n", descending=False)
    placed = [(order.make_key(value, one), one) for value, one in enumerate("abc")]
    first = orders.page("x", lambda: placed, Ask(2, None, order))
    cursor = first.pages["next"]["starting_after"]
    assert first.pages == {
        "type": "pages", "page": 1, "per_page": 2, "total_pages": 2, "next": {"page": 2, "starting_after": cursor}
    }  # fmt: skip
    second = orders.page("x", list, Ask(2, cursor, order))
    assert (second.records, second.total) == (["c"], 3)
    assert second.pages == {"type": "pages", "page": 2, "per_page": 2, "total_pages": 2}


def sealed(content: Any) -> str:
    """Return a cursor in the right encoding with any content."""
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "",
        "é",
        7,
        ["a"],
        sealed([]),
        sealed(["n", False, False, 1, "a"]),
        sealed(["m", False, False, 1, "a", 2]),
        sealed(["n", True, False, 1, "a", 2]),
        sealed(["n", False, False, "text", "a", 2]),
        sealed(["n", False, False, 1, 1, 2]),
        sealed(["n", False, 0, 1, "a", 2]),
        sealed(["n", False, False, 1, "a", "2"]),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    ],
    ids=[
        "no base64", "empty", "no ASCII", "number", "list", "empty list", "too short", "other field", "other direction",
        "other type", "id no string", "flag no boolean", "page no number", "too deep",
    ],
)  # fmt: skip
def test_a_cursor_of_another_making_is_refused(cursor: Any) -> None:
    """A wrong cursor is a 400 with the vendor's `client_error`."""
    orders: Orders[str] = Orders()
    order = Order("n", descending=False)
    placed = [(order.make_key(value, one), one) for value, one in enumerate("abc")]
    with pytest.raises(Refusal) as caught:
        orders.page("x", lambda: placed, Ask(2, cursor, order))
    assert (caught.value.status, caught.value.errors) == (
        400,
        [{"code": "client_error", "message": "Invalid starting_after param"}],
    )


@given(st.lists(st.integers(), unique=True), st.integers(1, 7))
def test_numbered_pages_are_complete_and_disjoint(records: list[int], per_page: int) -> None:
    """Numbered pages hold every record once until `next` is None; the page after that is empty."""
    seen, page = [], 1
    while True:
        found = cut_page(records, page, per_page)
        seen += found.records
        if found.pages["next"] is None:
            break
        page = found.pages["next"]
    assert seen == records
    assert cut_page(records, page + 1, per_page).records == []


@pytest.mark.parametrize(("value", "expected"), [(None, 50), (1, 1), ("149", 149), (150, 150)])
def test_a_page_size_is_a_number_or_digits(value: Any, expected: int) -> None:
    """A page size may be a number, as in a body, or digits, as in a query string."""
    assert read_count(value, "per_page", 50, 150) == expected


@pytest.mark.parametrize("value", [0, -1, 151, "152", "00", "", "ten", 1.5, True, "²", [1], 10**10], ids=repr)
def test_another_page_size_is_refused(value: Any) -> None:
    """Any other page size is refused with an error that names the parameter."""
    with pytest.raises(Refusal) as caught:
        read_count(value, "per_page", 50, 150)
    message = "per_page must be between 1 and 150"
    assert caught.value.errors == [{"code": "parameter_invalid", "message": message, "field": "per_page"}]
