"""The same faults in the replies of every list that a plugin reads."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import backoff
import pytest
import standpipe_console.api.vendors as console
import tap_chargebee.streams.resources as chargebee_rows
import tap_intercom.streams.resources as intercom_rows
from requests_mock import ANY as EVERY
from singer_sdk.exceptions import ConfigurationError, FatalAPIError
from standpipe_console.errors import ConsoleError
from tap_chargebee._kit.fetch_pool import FetchPool as ChargebeePool
from tap_chargebee.api.client import ChargebeeClient
from tap_chargebee.api.errors import UserError as ChargebeeError
from tap_chargebee.streams.reader import ListReader
from tap_intercom._kit.fetch_pool import FetchPool as IntercomPool
from tap_intercom.api.client import IntercomClient as IntercomReader
from tap_intercom.api.errors import UserError as IntercomError
from tap_intercom.api.lists import NumberedReader, fetch_all
from tap_intercom.api.pages import ResourceDecoder
from tap_intercom.api.scroll import Scroll
from tap_intercom.streams.reader import SearchReader
from target_chartmogul.api.client import ChartMogulClient
from target_chartmogul.records.object_types import CONTACT, CUSTOMER
from target_intercom.api.client import IntercomClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from requests_mock import Mocker
    from standpipe_console.api.client import Api

BASE = "https://api.vendor.example"
NOW = 1_768_478_400
IDS = ["a", "b", "c", "d", "e"]
PAGES = [IDS[:2], IDS[2:4], IDS[4:]]
ENDS = (ChargebeeError, IntercomError, FatalAPIError, ConfigurationError, ConsoleError)
ROWS = {row.name: row for row in intercom_rows.STREAMS}
CUSTOMERS = chargebee_rows.ROWS["customers"]


@dataclass(frozen=True)
class Listed:
    """A list: its reader, its style of paging, the member with the items, and the form of an item."""

    read: Callable[[], Iterable[str]]
    paging: str
    items: str = "data"
    total: str = ""
    envelope: str = ""
    key: str = "id"

    def page(self, number: int) -> dict[str, Any]:
        """Return a valid reply: five items on three pages, or on one page for lists without paging."""
        ids = IDS if self.paging == "none" else PAGES[number] if number < len(PAGES) else []
        found: dict[str, Any] = {self.items: [self.item(one) for one in ids]}
        if self.total:
            found[self.total] = len(IDS)
        following = number + 1 < len(PAGES)
        if self.paging == "cursor":
            found["pages"] = {"next": {"starting_after": str(number + 1)}} if following else {"next": None}
        elif self.paging == "numbered":
            found["pages"] = {"page": number + 1, "total_pages": len(PAGES)}
        elif self.paging == "scroll":
            found["scroll_param"] = str(number + 1)
        elif self.paging == "has_more":
            found |= {"has_more": following, "cursor": str(number + 1)}
        elif self.paging == "next_offset" and following:
            found["next_offset"] = str(number + 1)
        return found

    def item(self, one: str) -> dict[str, Any]:
        """Return an item with all members that the plugins need."""
        at = NOW - 1000 + 10 * IDS.index(one)
        record: dict[str, Any] = {"id": one, "uuid": one, "name": one, "role": "user", "data_type": "string"}
        record |= {"created_at": at, "updated_at": at, "companies": None, "external_id": one, "full_name": one}
        return {self.envelope: record} if self.envelope else record


def pages_of(reader: Any) -> Iterable[str]:
    """Return the ids of a tap's list, read to its end."""
    reader.wait()
    reader.begin()
    return [str(item.members.id) for page in reader for item in page]


def tap_intercom() -> IntercomReader:
    """Return a client of tap-intercom."""
    return IntercomReader(access_token="x", api_url=BASE, sleep=lambda _: None)


def search(name: str) -> Callable[[], Iterable[str]]:
    """Return a function that reads a search of tap-intercom."""

    def read() -> Iterable[str]:
        row = ROWS[name]
        return pages_of(
            SearchReader(
                IntercomPool(2, 9),
                tap_intercom(),
                row,
                ResourceDecoder(row),
                since=None,
                page_size=2,
                key=(0,),
                now=lambda: NOW,
            )
        )

    return read


def listing(name: str) -> Callable[[], Iterable[str]]:
    """Return a function that reads a whole or numbered list of tap-intercom."""
    row = ROWS[name]
    return lambda: pages_of(NumberedReader(IntercomPool(2, 9), tap_intercom(), row, ResourceDecoder(row), {}, key=(0,)))


def children(name: str) -> Callable[[], Iterable[str]]:
    """Return a function that reads a child list of tap-intercom."""
    return lambda: [str(one["id"]) for one in fetch_all(tap_intercom(), ROWS[name], "/parents/1/list")]


def scroll() -> Iterable[str]:
    """Return the companies that tap-intercom reads."""
    row = ROWS["companies"]
    return pages_of(Scroll(tap_intercom(), row, ResourceDecoder(row), patience=0))


def chargebee(page_size: int = 2) -> ChargebeeClient:
    """Return a client of tap-chargebee."""
    return ChargebeeClient(site="acme", api_key="x", api_url=BASE, page_size=page_size, sleep=lambda _: None)


def customers() -> Iterable[str]:
    """Return the customers that tap-chargebee reads."""
    query = [{"sort_by[asc]": "created_at"}]
    return pages_of(ListReader(ChargebeePool(2, 9), chargebee(), CUSTOMERS, query, key=(0,), now=NOW - 1000))


def target_intercom() -> IntercomClient:
    """Return a client of target-intercom."""
    return IntercomClient(BASE, "x", 2)


def target_chartmogul() -> ChartMogulClient:
    """Return a client of target-chartmogul."""
    return ChartMogulClient(BASE, "x", 2, 40)


def api() -> Api:
    """Return a client of the console."""
    return console.connect_without_key("Vendor", BASE)


LISTS: dict[str, Listed] = {
    "tap-intercom contacts": Listed(search("contacts"), "cursor", total="total_count"),
    "tap-intercom conversations": Listed(search("conversations"), "cursor", "conversations", "total_count"),
    "tap-intercom tickets": Listed(search("tickets"), "cursor", "tickets", "total_count"),
    "tap-intercom companies": Listed(scroll, "scroll"),
    "tap-intercom articles": Listed(listing("articles"), "numbered", total="total_count"),
    "tap-intercom admins": Listed(listing("admins"), "none", "admins"),
    "tap-intercom notes": Listed(children("contact_notes"), "numbered", total="total_count"),
    "tap-intercom segments": Listed(children("contact_segments"), "none"),
    "tap-chargebee customers": Listed(customers, "next_offset", "list", envelope="customer"),
    "tap-chargebee children": Listed(
        lambda: [
            str(one["id"])
            for one in chargebee().fetch_all("/customers/1/contacts", {}, chargebee_rows.ROWS["contacts"])
        ],
        "next_offset",
        "list",
        envelope="contact",
    ),
    "target-intercom contacts": Listed(
        lambda: [one.id for page, _ in target_intercom().list_contacts() for one in page],
        "cursor",
        "data",
        "total_count",
    ),
    "target-intercom search": Listed(
        lambda: [one.id for one in target_intercom().search_contacts("email", [["a"]])],
        "cursor",
        "data",
        "total_count",
    ),
    "target-intercom companies": Listed(lambda: [one.id for one in target_intercom().scroll_companies()], "scroll"),
    "target-intercom links": Listed(lambda: target_intercom().list_companies_of("1"), "numbered", total="total_count"),
    "target-intercom attributes": Listed(
        lambda: [one.name for one in target_intercom().list_attributes("contact")], "none", key="name"
    ),
    "target-chartmogul customers": Listed(
        lambda: [one.uuid for one in target_chartmogul().read_all(CUSTOMER, "ds")],
        "has_more",
        "entries",
        key="uuid",
    ),
    "target-chartmogul contacts": Listed(
        lambda: [one.uuid for one in target_chartmogul().read_all(CONTACT, "ds")],
        "has_more",
        "entries",
        key="uuid",
    ),
    "target-chartmogul sources": Listed(
        lambda: [one.uuid for one in target_chartmogul().list_sources()], "none", "data_sources", key="uuid"
    ),
    "console contacts": Listed(
        lambda: [one["id"] for one in console.fetch_contacts(api())], "cursor", "data", "total_count"
    ),
    "console companies": Listed(lambda: [one["id"] for one in console.fetch_companies(api())], "scroll"),
    "console attributes": Listed(
        lambda: [one.name for one in console.fetch_data_attributes(api(), "contact")], "none", key="name"
    ),
    "console sources": Listed(lambda: [one.name for one in console.fetch_sources(api())], "none", "data_sources"),
    "console invoices": Listed(
        lambda: [one["id"] for one in console.fetch_latest_invoices(api())], "none", "list", envelope="invoice"
    ),
    "console entries": Listed(
        lambda: [one["uuid"] for one in console.fetch_entries(api(), "/customers")], "has_more", "entries", key="uuid"
    ),
}


def without(name: str) -> Callable[[Listed, dict[str, Any]], Any]:
    """Return a change that removes a member of the reply; `items` and `total` stand for the list's own names."""
    return lambda one, page: {key: value for key, value in page.items() if key != named(one, name)}


def having(name: str, value: Any) -> Callable[[Listed, dict[str, Any]], Any]:
    """Return a change that sets a member of the reply."""
    return lambda one, page: {**page, named(one, name): value}


def named(one: Listed, name: str) -> str:
    """Return the list's own name of a member."""
    return {"items": one.items, "total": one.total}.get(name, name)


def with_item(change: Callable[[Listed, dict[str, Any]], Any]) -> Callable[[Listed, dict[str, Any]], Any]:
    """Return a change of the first item of the reply."""
    return lambda one, page: {**page, one.items: [change(one, page[one.items][0]), *page[one.items][1:]]}


ANY = {"none", "cursor", "numbered", "scroll", "has_more", "next_offset"}
FAULTS: dict[str, tuple[set[str], Callable[[Listed, dict[str, Any]], Any]]] = {
    "items missing": (ANY, without("items")),
    "items null": (ANY, having("items", None)),
    "items an object": (ANY, having("items", {})),
    "items a text": (ANY, having("items", "x")),
    "items a number": (ANY, having("items", 7)),
    "item null": (ANY, with_item(lambda _, __: None)),
    "item a text": (ANY, with_item(lambda _, __: "x")),
    "item a list": (ANY, with_item(lambda _, __: [])),
    "an empty object": (ANY, lambda _, __: {}),
    "a list": (ANY, lambda _, __: []),
    "null": (ANY, lambda _, __: None),
    "a text": (ANY, lambda _, __: "x"),
    "another object": (ANY, lambda _, __: {"status": "ok"}),
    "an error with status 200": (ANY, lambda _, __: {"type": "error.list", "errors": [{"code": "server_error"}]}),
    "HTML": (ANY, lambda _, __: b"<html>Sign in</html>"),
    "empty body": (ANY, lambda _, __: b""),
    "half a body": (ANY, lambda _, page: json.dumps(page).encode()[:-20]),
    "UTF-16": (ANY, lambda _, page: json.dumps(page).encode("utf-16")),
    "NaN": (ANY, lambda one, page: json.dumps({**page, one.items: float("nan")}).encode()),
    "deep": (ANY, lambda _, __: b"[" * 5000),
    "total missing": ({"cursor"}, without("total")),
    "total null": ({"cursor"}, having("total", None)),
    "total a text": ({"cursor", "numbered"}, having("total", "5")),
    "total below zero": ({"cursor", "numbered"}, having("total", -1)),
    "total a fraction": ({"cursor", "numbered"}, having("total", 4.5)),
    "pages a text": ({"cursor", "numbered"}, having("pages", "x")),
    "pages a list": ({"cursor", "numbered"}, having("pages", [])),
    "next a text": ({"cursor"}, having("pages", {"next": "x"})),
    "cursor a number": ({"cursor"}, having("pages", {"next": {"starting_after": 1}})),
    "cursor empty": ({"cursor"}, having("pages", {"next": {"starting_after": ""}})),
    "no cursor though more is announced": ({"cursor"}, having("pages", None)),
    "no next though more is announced": ({"cursor"}, having("pages", {})),
    "no item though more is announced": ({"cursor"}, having("items", [])),
    "nothing at all though more is announced": ({"cursor"}, lambda one, page: {**page, one.items: [], "pages": None}),
    "total_pages a text": ({"numbered"}, having("pages", {"total_pages": "3"})),
    "pages missing": ({"numbered"}, without("pages")),
    "pages null": ({"numbered"}, having("pages", None)),
    "no page of several": ({"numbered"}, having("items", [])),
    "scroll_param missing": ({"scroll"}, without("scroll_param")),
    "scroll_param null": ({"scroll"}, having("scroll_param", None)),
    "scroll_param a number": ({"scroll"}, having("scroll_param", 7)),
    "has_more missing": ({"has_more"}, without("has_more")),
    "has_more null": ({"has_more"}, having("has_more", None)),
    "has_more a text": ({"has_more"}, having("has_more", "true")),
    "has_more a number": ({"has_more"}, having("has_more", 1)),
    "has_more without a cursor": ({"has_more"}, having("cursor", None)),
    "cursor of another type": ({"has_more"}, having("cursor", 7)),
    "next_offset a number": ({"next_offset"}, having("next_offset", 7)),
    "next_offset a list": ({"next_offset"}, having("next_offset", [])),
    "next_offset empty": ({"next_offset"}, having("next_offset", "")),
    "301": (ANY, lambda _, __: 301),
    "302": (ANY, lambda _, __: 302),
    "307": (ANY, lambda _, __: 307),
    "308": (ANY, lambda _, __: 308),
}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make retries follow without a wait."""
    monkeypatch.setattr(backoff, "full_jitter", lambda _: 0.0)
    monkeypatch.setattr(time, "sleep", lambda _: None)


class Vendor:
    """Answers one list, with a fault in its first `until` replies."""

    def __init__(
        self, listed: Listed, mocker: Mocker, change: Callable[[Listed, dict[str, Any]], Any], until: int
    ) -> None:
        self.listed, self.change, self.until = listed, change, until
        self.calls = 0
        mocker.register_uri(EVERY, EVERY, content=self.answer)

    def answer(self, request: Any, context: Any) -> bytes:
        """Return the reply to a call."""
        self.calls += 1
        found: Any = self.listed.page(self.number(request))
        if self.calls <= self.until:
            found = self.change(self.listed, found)
        if isinstance(found, int):
            context.status_code, context.headers["Location"] = found, f"{BASE}/elsewhere"
            return b"{}"
        return found if isinstance(found, bytes) else json.dumps(found).encode()

    def number(self, request: Any) -> int:
        """Return the number of the requested page, from 0."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
        if request.method == "POST":
            query = request.json()["pagination"]
        if "page" in query:
            return int(query["page"]) - 1
        cursors = ("starting_after", "scroll_param", "cursor", "offset")
        return next((int(query[name]) for name in cursors if name in query), 0)


CASES = [
    (listed, fault) for listed, one in LISTS.items() for fault, (styles, _) in FAULTS.items() if one.paging in styles
]


@pytest.mark.parametrize("name", LISTS)
def test_a_healthy_list_is_read_whole(requests_mock: Mocker, name: str) -> None:
    """Every list is read whole with one call per page, and a scroll with one more."""
    listed = LISTS[name]
    vendor = Vendor(listed, requests_mock, lambda _, page: page, 0)
    assert list(listed.read()) == IDS
    assert vendor.calls == {"none": 1, "scroll": 4}.get(listed.paging, 3)


@pytest.mark.parametrize(("name", "fault"), CASES, ids=[": ".join(case) for case in CASES])
def test_a_fault_that_stays_ends_the_reading(requests_mock: Mocker, name: str, fault: str) -> None:
    """A fault in every reply ends the read in one sentence, before any item is used."""
    listed = LISTS[name]
    Vendor(listed, requests_mock, FAULTS[fault][1], 10_000)
    with pytest.raises(ENDS) as told:
        list(listed.read())
    sentence = str(getattr(told.value, "message", told.value))
    assert sentence.endswith((".", "?"))
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("name", "fault"),
    [case for case in CASES if not case[1].isdecimal()],
    ids=[": ".join(case) for case in CASES if not case[1].isdecimal()],
)
def test_a_fault_that_passes_costs_calls_and_nothing_else(requests_mock: Mocker, name: str, fault: str) -> None:
    """After a fault in one reply, the reply is requested again and every item is read."""
    listed = LISTS[name]
    Vendor(listed, requests_mock, FAULTS[fault][1], 1)
    assert sorted(set(listed.read())) == IDS
