"""Checks that a reply is valid, and that a list was read whole."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from singer_kit.list_shape import ListShape, Number, Text
from singer_kit.page_decoder import Page, PageDecoder, UnprovenError
from singer_kit.whole_list import ItemCount, NotWholeError, Shortage, WholeList

if TYPE_CHECKING:
    from collections.abc import Callable

CURSOR = ListShape(
    name="contacts",
    items="data",
    key={"id": Text},
    needed={"role": Text, "updated_at": Number | None},
    wanted={"name": str},
    paging="cursor",
    total="total_count",
    total_needed=True,
)
NUMBERED = ListShape(name="articles", items="data", paging="numbered", total="total_count")
SCROLL = ListShape(name="companies", items="data", paging="scroll")
HAS_MORE = ListShape(name="customers", items="entries", key={"uuid": Text}, paging="has_more")
OFFSET = ListShape(
    name="customers",
    items="list",
    envelope="customer",
    siblings=("card",),
    needed={"updated_at": Number | None},
    paging="next_offset",
)
BARE = ListShape(name="reasons", items="")
ONE = ListShape(name="workspace", items="app", single=True, key={"id_code": Text})
ANN = {"id": "a", "role": "user"}
NEXT = {"next": {"starting_after": "c"}}
REFUSED = "refused"


def entry(shape: ListShape, **members: Any) -> dict[str, Any]:
    """Return an item of a list with these members."""
    record = {"id": "a", "uuid": "a", "role": "user", **members}
    return {shape.envelope: record} if shape.envelope else record


# Each reply with its list's shape and the expected ids, cursor, total and pages, or REFUSED.
ANSWERS: dict[str, tuple[ListShape, Any, Any]] = {
    "cursor, last page": (CURSOR, {"data": [ANN], "total_count": 1, "pages": {}}, (["a"], None, 1, 1)),
    "cursor, next page": (CURSOR, {"data": [ANN], "total_count": 9, "pages": NEXT}, (["a"], "c", 9, 1)),
    "cursor, next null": (CURSOR, {"data": [ANN], "total_count": 1, "pages": {"next": None}}, (["a"], None, 1, 1)),
    "cursor, pages null": (CURSOR, {"data": [ANN], "total_count": 1, "pages": None}, (["a"], None, 1, 1)),
    "cursor, nothing": (CURSOR, {"data": [], "total_count": 0}, ([], None, 0, 1)),
    "items missing": (CURSOR, {"total_count": 0}, REFUSED),
    "items null": (CURSOR, {"data": None, "total_count": 0}, REFUSED),
    "items an object": (CURSOR, {"data": {}, "total_count": 0}, REFUSED),
    "items a text": (CURSOR, {"data": "", "total_count": 0}, REFUSED),
    "item null": (CURSOR, {"data": [ANN, None], "total_count": 2}, REFUSED),
    "item a text": (CURSOR, {"data": ["a"], "total_count": 1}, REFUSED),
    "item a list": (CURSOR, {"data": [[ANN]], "total_count": 1}, REFUSED),
    "key missing": (CURSOR, {"data": [{"role": "user"}], "total_count": 1}, REFUSED),
    "key null": (CURSOR, {"data": [ANN | {"id": None}], "total_count": 1}, REFUSED),
    "key empty": (CURSOR, {"data": [ANN | {"id": ""}], "total_count": 1}, REFUSED),
    "key a number": (CURSOR, {"data": [ANN | {"id": 7}], "total_count": 1}, REFUSED),
    "key an object": (CURSOR, {"data": [ANN | {"id": {}}], "total_count": 1}, REFUSED),
    "key true": (NUMBERED, {"data": [{"id": True}], "total_count": 1}, REFUSED),
    "key a fraction": (NUMBERED, {"data": [{"id": 1.5}], "total_count": 1}, REFUSED),
    "key of another list a number": (NUMBERED, {"data": [{"id": 7}], "total_count": 1}, ([7], None, 1, 1)),
    "needed member missing": (CURSOR, {"data": [{"id": "a"}], "total_count": 1}, REFUSED),
    "needed member null": (CURSOR, {"data": [ANN | {"role": None}], "total_count": 1}, REFUSED),
    "time null": (CURSOR, {"data": [ANN | {"updated_at": None}], "total_count": 1}, (["a"], None, 1, 1)),
    "time a text": (CURSOR, {"data": [ANN | {"updated_at": "now"}], "total_count": 1}, REFUSED),
    "time below zero": (CURSOR, {"data": [ANN | {"updated_at": -1}], "total_count": 1}, REFUSED),
    "time a fraction": (CURSOR, {"data": [ANN | {"updated_at": 1.5}], "total_count": 1}, REFUSED),
    "other member a number": (CURSOR, {"data": [ANN | {"name": 7}], "total_count": 1}, (["a"], None, 1, 1)),
    "unknown member": (CURSOR, {"data": [ANN | {"x": [7]}], "total_count": 1}, (["a"], None, 1, 1)),
    "total missing": (CURSOR, {"data": [ANN]}, REFUSED),
    "total null": (CURSOR, {"data": [ANN], "total_count": None}, REFUSED),
    "total a text": (CURSOR, {"data": [ANN], "total_count": "1"}, REFUSED),
    "total below zero": (CURSOR, {"data": [ANN], "total_count": -1}, REFUSED),
    "total a fraction": (CURSOR, {"data": [ANN], "total_count": 1.5}, REFUSED),
    "pages a list": (CURSOR, {"data": [ANN], "total_count": 1, "pages": []}, REFUSED),
    "next a text": (CURSOR, {"data": [ANN], "total_count": 1, "pages": {"next": "c"}}, REFUSED),
    "cursor empty": (CURSOR, {"data": [ANN], "total_count": 1, "pages": {"next": {"starting_after": ""}}}, REFUSED),
    "cursor a number": (CURSOR, {"data": [ANN], "total_count": 1, "pages": {"next": {"starting_after": 7}}}, REFUSED),
    "numbered": (NUMBERED, {"data": [ANN], "pages": {"total_pages": 3}}, (["a"], None, None, 3)),
    "numbered, no pages, no total": (NUMBERED, {"data": [ANN]}, REFUSED),
    "numbered, no pages, all there": (NUMBERED, {"data": [ANN], "total_count": 1}, (["a"], None, 1, 1)),
    "numbered, no pages, more": (NUMBERED, {"data": [ANN], "total_count": 2}, REFUSED),
    "numbered, pages a text": (NUMBERED, {"data": [ANN], "pages": {"total_pages": "3"}}, REFUSED),
    "scroll": (SCROLL, {"data": [ANN], "scroll_param": "s"}, (["a"], "s", None, 1)),
    "scroll, end": (SCROLL, {"data": [], "scroll_param": "s"}, ([], "s", None, 1)),
    "scroll, end without cursor": (SCROLL, {"data": []}, ([], None, None, 1)),
    "scroll without cursor": (SCROLL, {"data": [ANN]}, REFUSED),
    "scroll, items missing": (SCROLL, {"scroll_param": "s"}, REFUSED),
    "has more": (HAS_MORE, {"entries": [{"uuid": "a"}], "has_more": True, "cursor": "c"}, (["a"], "c", None, 0)),
    "has no more": (HAS_MORE, {"entries": [{"uuid": "a"}], "has_more": False, "cursor": "c"}, (["a"], None, None, 0)),
    "has more, no cursor": (HAS_MORE, {"entries": [], "has_more": True, "cursor": None}, REFUSED),
    "has more missing": (HAS_MORE, {"entries": [], "cursor": "c"}, REFUSED),
    "has more null": (HAS_MORE, {"entries": [], "has_more": None}, REFUSED),
    "has more a text": (HAS_MORE, {"entries": [], "has_more": "false"}, REFUSED),
    "last page number": (HAS_MORE, {"entries": [], "current_page": 1, "total_pages": 1}, ([], None, None, 1)),
    "entries missing": (HAS_MORE, {"has_more": False}, REFUSED),
    "offset": (OFFSET, {"list": [{"customer": {"id": "a"}}], "next_offset": "o"}, (["a"], "o", None, 1)),
    "offset absent": (OFFSET, {"list": [{"customer": {"id": "a"}}]}, (["a"], None, None, 1)),
    "offset a number": (OFFSET, {"list": [], "next_offset": 1}, REFUSED),
    "envelope missing": (OFFSET, {"list": [{"card": {}}]}, REFUSED),
    "envelope null": (OFFSET, {"list": [{"customer": None}]}, REFUSED),
    "sibling a text": (OFFSET, {"list": [{"customer": {"id": "a"}, "card": "x"}]}, (["a"], None, None, 1)),
    "bare": (BARE, [{"id": "a"}], (["a"], None, None, 1)),
    "bare, an object": (BARE, {"id": "a"}, REFUSED),
    "bare, null": (BARE, None, REFUSED),
    "one": (ONE, {"app": {"id_code": "a"}}, (["a"], None, None, 1)),
    "one, missing": (ONE, {}, REFUSED),
    "one, null": (ONE, {"app": None}, REFUSED),
    "an object where a list of lists is": (CURSOR, [], REFUSED),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_an_answer_must_hold(name: str) -> None:
    """A page is refused when its list, key, cursor, total or a required member is missing or has a wrong type."""
    shape, answer, expected = ANSWERS[name]
    decoder = PageDecoder(shape)
    content = json.dumps(answer).encode()
    if expected == REFUSED:
        with pytest.raises(UnprovenError):
            decoder.decode_page(content)
        return
    page = decoder.decode_page(content)
    key = next(iter(shape.key))
    assert ([getattr(item.members, key) for item in page.items], page.cursor, page.total, page.total_pages) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Sign in</html>",
        b'{"data": [{"id"',
        b"\xff\xfe{\x00}\x00",
        b'{"data": NaN}',
        b"[" * 100_000,
        b"null",
    ],
    ids=["empty", "HTML", "cut off", "UTF-16", "NaN", "deep", "null"],
)
def test_what_is_not_json_is_refused(content: bytes) -> None:
    """A reply that is not complete UTF-8 JSON is refused."""
    with pytest.raises(UnprovenError):
        PageDecoder(CURSOR).decode_page(content)


@pytest.mark.parametrize("gap", ["", "\n"], ids=["in one line", "in lines"])
@pytest.mark.parametrize(
    ("name", "shown"),
    [(b'"A\\ud83d"', "A\ufffd"), (b'"Jos\xe9"', "Jos\ufffd"), (b'"\\ud83d\\ude00"', "\U0001f600")],
    ids=["half a character", "a byte of another encoding", "a whole character"],
)
def test_a_broken_character_costs_nothing_but_itself(name: bytes, shown: str, gap: str) -> None:
    """Half of a surrogate pair, left where text was cut, becomes U+FFFD; the rest of the page is read."""
    text = b'{"id":"a",' + gap.encode() + b'"role":"user","name":' + name + b"}"
    (item,) = PageDecoder(CURSOR).decode_page(b'{"total_count":1,"data":[' + text + b"]}").items
    assert item.decode_record() == {"id": "a", "role": "user", "name": shown}
    assert b"\n" not in bytes(item.text)


def test_a_member_of_another_type_is_null_and_a_line() -> None:
    """An optional member with a wrong type is null in the record and is logged once."""
    decoder = PageDecoder(CURSOR)
    content = json.dumps({"data": [ANN | {"name": 7, "x": 1}, ANN | {"name": "Bob"}], "total_count": 2}).encode()
    assert [item.decode_record() for item in decoder.decode_page(content).items] == [
        {"id": "a", "role": "user", "name": None, "x": 1},
        {"id": "a", "role": "user", "name": "Bob"},
    ]
    line = "1 of the contacts have a `name` whose type is not the documented one: it is treated as null"
    assert decoder.describe_odd() == [line]
    assert decoder.describe_odd() == []


def test_a_sibling_becomes_a_member() -> None:
    """Chargebee's `card` beside a customer becomes a member of the customer, or null when it is no object."""
    decoder = PageDecoder(OFFSET)
    listed = [{"customer": {"id": "a"}, "card": {"last4": "1"}}, {"customer": {"id": "b"}, "card": "x"}]
    page = decoder.decode_page(json.dumps({"list": listed}).encode())
    assert [item.decode_record() for item in page.items] == [
        {"id": "a", "card": {"last4": "1"}},
        {"id": "b", "card": None},
    ]


def test_a_refusal_tells_no_value() -> None:
    """The error names the member and the place but never the value, which may be personal data."""
    content = json.dumps({"data": [ANN, {"id": ["jane@example.com"]}], "total_count": 2}).encode()
    with pytest.raises(UnprovenError) as told:
        PageDecoder(CURSOR).decode_page(content)
    assert str(told.value) == "Expected `str`, got `array` - at `$.id` of item 2"


@pytest.mark.parametrize(
    ("expected", "read", "max_missing", "bearable"),
    [
        (10, 10, 0.0, True),
        (10, 11, 0.0, True),
        (10, 9, 0.5, False),
        (999, 998, 0.5, False),
        (1000, 999, 0.001, True),
        (1000, 998, 0.001, False),
        (1000, 0, 1.0, False),
        (5000, 4995, 0.001, True),
        (5000, 4994, 0.001, False),
    ],
    ids=["all", "more", "short list", "longest short list", "one", "two", "none", "five", "six"],
)
def test_how_much_may_be_missing(expected: int, read: int, max_missing: float, *, bearable: bool) -> None:
    """A small share of a long list may be missing, but nothing of one below a thousand, and never everything."""
    assert Shortage("contacts", expected, read, max_missing).is_bearable is bearable


def test_a_shortage_is_a_sentence() -> None:
    """The sentence about missing items has the numbers, the setting and what to do."""
    assert Shortage("contacts", 45, 30, 0.001).sentence == (
        "15 of the 45 announced contacts did not arrive, not even on a second request: nothing was written, "
        "and no STATE either, so run again later. `max_missing` sets the share that may be missing."
    )


class Contacts:
    """A list of contacts with cursors, oldest first, that may change after every page."""

    def __init__(self, size: int, page_size: int = 10, change: Callable[[], None] = lambda: None) -> None:
        self.live = dict.fromkeys(range(size))
        self.page_size = page_size
        self.change = change
        self.calls = 0
        self.changed: dict[int, None] = {}
        self.faults: dict[int, Page] = {}
        self.next_id = size

    def create(self) -> None:
        """Create a contact at the end of the list."""
        self.live[self.next_id] = self.changed[self.next_id] = None
        self.next_id += 1

    def archive(self, contact: int) -> None:
        """Archive a contact."""
        self.live.pop(contact, None)

    def ask(self, cursor: str | None, check: Callable[[Page], None]) -> Page:
        """Return a page, repeated while the check refuses it."""
        for _ in range(3):
            page = self._page(cursor)
            try:
                check(page)
            except UnprovenError:
                continue
            return page
        raise NotWholeError("No attempt brought a good answer.")

    def probe(self) -> list[Page]:
        """Return the contacts that changed since the beginning, newest first, and the total."""
        self.calls += 1
        return [page_of([one for one in self.changed if one in self.live], None, len(self.live))]

    def _page(self, cursor: str | None) -> Page:
        self.calls += 1
        if self.calls in self.faults:
            return self.faults[self.calls]
        left = [one for one in self.live if cursor is None or one > int(cursor)]
        ids, total = left[: self.page_size], len(self.live)
        self.change()
        return page_of(ids, str(ids[-1]) if len(left) > len(ids) else None, total)

    def read(self, max_missing: float = 0.0) -> tuple[list[int], Shortage | None]:
        """Return the ids of the whole list, and the shortage."""
        whole = WholeList("contacts", self.ask, probe=self.probe, max_missing=max_missing)
        return [item.members.id for items in whole for item in items], whole.shortage


def page_of(ids: list[int], cursor: str | None, total: int | None) -> Page:
    """Return a page of contacts."""
    decoder = PageDecoder(ListShape(name="contacts", items=""))
    return Page([decoder.decode_item(json.dumps({"id": one}).encode()) for one in ids], cursor, total)


def test_a_whole_list_costs_no_further_call() -> None:
    """When all announced items arrive, no further call is made."""
    contacts = Contacts(35)
    assert contacts.read() == (list(range(35)), None)
    assert contacts.calls == 4


FIRST = list(range(10))
LISTS: dict[str, tuple[int, dict[int, Page], Any]] = {
    "no cursor once": (35, {2: page_of([10, 11], None, 35)}, set(range(35))),
    "nothing once, without a cursor": (35, {1: page_of([], None, 35)}, set(range(35))),
    "nothing once, with a cursor": (35, {2: page_of([], "19", 35)}, set(range(35))),
    "a total beyond reason once": (35, {1: page_of(FIRST, "9", 10**9)}, set(range(35))),
    "a total too small": (35, {1: page_of(FIRST, "9", 3)}, set(range(35))),
    "an empty page at the end": (30, {4: page_of([], "x", 30), 3: page_of([*range(20, 30)], "29", 30)}, set(range(30))),
    "no cursor ever": (35, {call: page_of(FIRST, None, 35) for call in range(1, 99)}, "did not arrive"),
    "nothing ever": (35, {call: page_of([], None, 35) for call in range(1, 99)}, "35 of the 35 announced contacts"),
    "nothing but cursors": (35, {call: page_of([], "9", 35) for call in range(1, 99)}, "No attempt"),
    "in circles": (35, {call: page_of(FIRST, "9", 35) for call in range(1, 99)}, "repeat without end"),
    "cursors without end": (35, {call: page_of([], str(call), None) for call in range(1, 999)}, "repeat without end"),
}


@pytest.mark.parametrize("name", LISTS)
def test_what_a_list_must_prove(name: str) -> None:
    """A fault that passes costs more calls; one that stays ends the run."""
    size, faults, expected = LISTS[name]
    contacts = Contacts(size)
    contacts.faults = faults
    if isinstance(expected, str):
        with pytest.raises(NotWholeError, match=expected):
            contacts.read()
        return
    ids, shortage = contacts.read()
    assert (set(ids), shortage) == (expected, None)
    assert len(ids) == len(expected)


def test_a_small_part_of_a_long_list_may_be_missing() -> None:
    """When a small share is missing, the read goes on, but the list does not count as whole."""
    contacts = Contacts(2000, page_size=150)
    contacts.faults = {14: page_of([*range(1950, 1999)], None, 2000)}
    ids, shortage = contacts.read(max_missing=0.001)
    assert len(ids) == 1999
    assert str(shortage) == "1 of the 2000 announced contacts did not arrive"


@pytest.mark.parametrize("seed", range(1000))
def test_a_healthy_list_that_changes_is_never_refused(seed: int) -> None:
    """A list that changes during the read is never refused, and every contact that stays is read."""
    chance = random.Random(seed)  # noqa: S311 a simulation
    size = chance.randrange(1, 60)
    lively = chance.randrange(6)
    contacts = Contacts(size, page_size=chance.randrange(1, 12))
    stayed = set(range(size))

    def change() -> None:
        for _ in range(chance.randrange(lively + 1)):
            if chance.random() < 0.5 and contacts.next_id < 3 * size:
                contacts.create()
            elif contacts.live:
                archived = chance.choice(list(contacts.live))
                contacts.archive(archived)
                stayed.discard(archived)

    contacts.change = change
    ids, shortage = contacts.read()
    assert stayed <= set(ids)
    assert shortage is None


def test_items_are_counted_once() -> None:
    """An item that appears on two pages is counted once."""
    count = ItemCount()
    count.add(["a", "b"], 3)
    count.add(["b"])
    assert (count.count_distinct(), count.is_enough) == (2, False)
    count.add(["c"])
    assert count.is_enough
