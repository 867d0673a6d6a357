"""The three APIs, as far as the console asks them: whose key it is, what it may do, what there is to choose from.

https://apidocs.chargebee.com/docs/api, https://developers.intercom.com/docs/references/rest-api/api.intercom.io,
https://dev.chartmogul.com/reference
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from requests.auth import AuthBase, HTTPBasicAuth

from standpipe_console._kit.list_shape import ListShape, Text
from standpipe_console._kit.page_decoder import Page, PageDecoder, UnprovenError, decode_json
from standpipe_console._kit.retries import RetryTable
from standpipe_console._kit.text import clean_text
from standpipe_console._kit.transport import Call, FailedCallError, NoAnswerError, Transport
from standpipe_console._kit.urls import describe_unencrypted, is_base_url, is_host_label, is_unencrypted
from standpipe_console._kit.whole_list import NotWholeError, WholeList
from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    import requests

    from standpipe_console._kit import transport

T = TypeVar("T")

INTERCOM_HOSTS = {
    "us": "https://api.intercom.io",
    "eu": "https://api.eu.intercom.io",
    "au": "https://api.au.intercom.io",
}
INTERCOM_VERSION = "2.14"
CHARTMOGUL = "https://api.chartmogul.com/v1"
#: What no key may be told by: an error that names a key's permissions, or that there is no such key.
REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_TIMEOUT = 30
#: A person waits: what was refused is told at once, and only an answer that proves nothing is asked for again.
RETRIES = RetryTable(tries=3, limited_tries=1, statuses=frozenset(), shortest_backoff=0.5)

CONTACTS = ListShape(
    name="contacts", items="data", key={"id": Text}, paging="cursor", total="total_count", total_needed=True
)
COMPANIES = ListShape(name="companies", items="data", key={"id": Text}, paging="scroll")
ATTRIBUTES = ListShape(
    name="data attributes",
    items="data",
    key={"name": Text},
    needed={"data_type": Text},
    wanted={"custom": bool, "archived": bool},
)
SOURCES = ListShape(name="data sources", items="data_sources", key={"uuid": Text}, needed={"name": Text})
INVOICES = ListShape(name="invoices", items="list", envelope="invoice", key={"id": Text}, paging="next_offset")
ENTRIES = ListShape(name="entries", items="entries", key={"uuid": Text}, paging="has_more")
CONFIGURATIONS = ListShape(
    name="configurations", items="configurations", key={}, wanted={"domain": str, "product_catalog_version": str}
)


class _Bearer(AuthBase):
    """Intercom's token; as an object, so that no `.netrc` goes before it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Nobody(AuthBase):
    """No key; as an object, so that no `.netrc` goes in its place."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


@dataclass(frozen=True)
class Answer:
    """What an API said."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether it did what it was asked."""
        return self.status < HTTPStatus.BAD_REQUEST

    @property
    def reason(self) -> str:
        """The vendor's own words for a refusal."""
        errors = self.body.get("errors")
        first = errors[0] if isinstance(errors, list) and errors else {}
        words = first.get("message") or self.body.get("message") or self.body.get("error")
        return clean_text(words) or f"HTTP {self.status}"

    @property
    def date(self) -> datetime | None:
        """When it was, by the API's clock."""
        told = self.headers.get("Date")
        return parsedate_to_datetime(told) if told else None


class Api:
    """One API with a key."""

    def __init__(self, name: str, base: str, auth: AuthBase, headers: Mapping[str, str]) -> None:
        self.name, self.base = name, base.rstrip("/")
        self._transport = Transport(
            name,
            base,
            distribution="standpipe-console",
            retries=RETRIES,
            auth=auth,
            headers=headers,
            request_timeout=_TIMEOUT,
            answer_timeout=2 * _TIMEOUT,
        )

    def ask(
        self, method: str, path: str, body: Any = None, *, form: Mapping[str, str] | None = None, **params: Any
    ) -> Answer:
        """Make one call; whatever is answered, a refusal too, is for the caller to judge.

        Raises:
            ConsoleError: there is no answer, or a redirect, which is not followed.
        """
        return self._send(Call(method, path, params, body, form=form), _take, tries=1)

    def read(self, path: str, decode: Callable[[bytes], T], *, if_missing: T | None = None, **params: Any) -> T:
        """Read one thing that can be proved; where a 404 has a meaning, that is `if_missing`.

        Raises:
            ConsoleError: it is refused, or no attempt proves it.
        """

        def prove(answer: transport.Answer) -> T:
            if answer.status == HTTPStatus.NOT_FOUND and if_missing is not None:
                return if_missing
            if answer.status >= HTTPStatus.BAD_REQUEST:
                raise ConsoleError(f"{self.name} does not answer {path}: {_take(answer).reason}")
            try:
                return decode(answer.content)
            except UnprovenError as error:
                raise FailedCallError(f"an answer without what was asked for: {error}", answer) from None

        return self._send(Call("GET", path, params), prove)

    def _send(self, call: Call, read: Callable[[transport.Answer], T], tries: int = RETRIES.tries) -> T:
        def check(answer: transport.Answer) -> T:
            if answer.is_redirect:
                raise ConsoleError(f"{self.name} redirects from {self.base} ({answer.status}): check the address.")
            return read(answer)

        try:
            return self._transport.ask(call, check, tries=tries)
        except NoAnswerError as error:
            kind = error.last.reason
            raise ConsoleError(f"{self.name} does not answer at {self.base} ({kind}): check the address.") from None

    def get(self, path: str, **params: Any) -> Answer:
        """Read one thing."""
        return self.ask("GET", path, **params)


def _take(answer: transport.Answer) -> Answer:
    try:
        body: Any = decode_json(answer.content, Any)[1]
    except UnprovenError:
        body = {}
    return Answer(answer.status, body if isinstance(body, dict) else {"data": body}, answer.headers)


def checked_site(site: Any) -> str:
    """Give a Chargebee site, by the tap's own rule: anything more would send the key to another host.

    Raises:
        ConsoleError: it is none.
    """
    if not isinstance(site, str) or not is_host_label(site):
        raise ConsoleError("The Chargebee site is its name alone, not a URL: `acme` for https://acme.chargebee.com.")
    return site


def checked_url(url: str) -> str:
    """Give the address of an API, by the plugins' own rule.

    Raises:
        ConsoleError: it is none, or others could read on the way what is sent there.
    """
    if not is_base_url(url):
        raise ConsoleError(
            "The address of an API begins with https:// and a host, and has only a path behind it: check `api_url`."
        )
    if is_unencrypted(url):
        raise ConsoleError(describe_unencrypted("api_url"))
    return url


def _checked(settings: Mapping[str, Any]) -> str:
    """Give the address that stands for the vendor's own, if there is one."""
    url = settings.get("api_url")
    return checked_url(str(url)) if url else ""


def chargebee(settings: Mapping[str, Any]) -> Api:
    """Chargebee by the settings of tap-chargebee."""
    base = _checked(settings) or f"https://{checked_site(settings.get('site'))}.chargebee.com/api/v2"
    return Api("Chargebee", base, HTTPBasicAuth(settings.get("api_key", ""), ""), {})


def intercom(settings: Mapping[str, Any]) -> Api:
    """Intercom by the settings of target-intercom or tap-intercom."""
    region = settings.get("region") or "us"
    if region not in INTERCOM_HOSTS:
        raise ConsoleError(f"Intercom has no region `{region}`: set `region` to one of {', '.join(INTERCOM_HOSTS)}.")
    base = _checked(settings) or INTERCOM_HOSTS[region]
    return Api("Intercom", base, _Bearer(settings.get("access_token", "")), {"Intercom-Version": INTERCOM_VERSION})


def chartmogul(settings: Mapping[str, Any]) -> Api:
    """ChartMogul by the settings of target-chartmogul."""
    base = _checked(settings) or CHARTMOGUL
    return Api("ChartMogul", base, HTTPBasicAuth(settings.get("api_key", ""), ""), {})


def anonymous(name: str, base: str) -> Api:
    """What answers without a key."""
    return Api(name, base, _Nobody(), {})


APIS = {"chargebee": chargebee, "intercom": intercom, "chartmogul": chartmogul}


def catalog(api: Api, site: str) -> str:
    """Which Product Catalog a Chargebee site has: `1` or `2`; empty when it does not tell."""
    configurations = _read_items(api, "/configurations", CONFIGURATIONS)
    for one in configurations:
        if str(one.get("domain", "")).lower() == site.lower() or len(configurations) == 1:
            return str(one.get("product_catalog_version", "")).removeprefix("v")
    return ""


def region_of(token: str) -> str | None:
    """The region of the Intercom workspace that a token belongs to; None when none of the three knows it."""
    for region in INTERCOM_HOSTS:
        answer = intercom({"access_token": token, "region": region}).get("/me")
        if answer.ok:
            told = str((answer.body.get("app") or {}).get("region") or region).lower()
            return told if told in INTERCOM_HOSTS else region
    return None


def data_attributes(api: Api, model: str) -> list[dict[str, Any]]:
    """The data attributes of Intercom's `contact` or `company`, archived ones too."""
    return _read_items(api, "/data_attributes", ATTRIBUTES, model=model, include_archived="true")


def sources(api: Api) -> list[str]:
    """The names of ChartMogul's data sources."""
    return [str(one["name"]) for one in _read_items(api, "/data_sources", SOURCES)]


def latest_invoices(api: Api) -> list[dict[str, Any]]:
    """The newest hundred invoices of Chargebee."""
    newest: dict[str, Any] = {"limit": 100, "sort_by[desc]": "date"}
    page = api.read("/invoices", PageDecoder(INVOICES).decode, **newest)
    return [item.record() for item in page.items]


def find_sources(api: Api, name: str) -> list[str]:
    """The uuids of ChartMogul's data sources of a name."""
    return [one["uuid"] for one in _read_items(api, "/data_sources", SOURCES, name=name) if one["name"] == name]


def find_entries(api: Api, path: str, **query: str) -> Iterator[dict[str, Any]]:
    """Every customer or contact of ChartMogul that a query finds; a search that finds nothing is answered 404.

    Raises:
        ConsoleError: a page is refused, or the list is not whole.
    """
    decoder = PageDecoder(ENTRIES)
    nothing = Page([]) if path.endswith("/search") else None

    def ask(cursor: str | None, check: Callable[[Page], None]) -> Page:
        def decode(content: bytes) -> Page:
            page = decoder.decode(content)
            check(page)
            return page

        asked: dict[str, Any] = {**query, "per_page": 200, **({} if cursor is None else {"cursor": cursor})}
        return api.read(path, decode, if_missing=nothing, **asked)

    try:
        for items in WholeList("entries", ask, key=decoder.identify):
            yield from (item.record() for item in items)
    except NotWholeError as error:
        raise ConsoleError(str(error)) from None


def _read_items(api: Api, path: str, shape: ListShape, **params: Any) -> list[dict[str, Any]]:
    """Read a list that comes in one answer."""
    return [item.record() for item in api.read(path, PageDecoder(shape).decode, **params).items]


def contacts(api: Api) -> Iterator[dict[str, Any]]:
    """Every contact of Intercom, 150 a call.

    Raises:
        ConsoleError: a page is refused, or the list is not whole.
    """
    decoder = PageDecoder(CONTACTS)

    def ask(cursor: str | None, check: Callable[[Page], None]) -> Page:
        def decode(content: bytes) -> Page:
            page = decoder.decode(content)
            check(page)
            return page

        after: dict[str, Any] = {} if cursor is None else {"starting_after": cursor}
        page: Page = api.read("/contacts", decode, per_page=150, **after)
        return page

    try:
        for items in WholeList("contacts", ask):
            yield from (item.record() for item in items)
    except NotWholeError as error:
        raise ConsoleError(str(error)) from None


def companies(api: Api) -> Iterator[dict[str, Any]]:
    """Every company of Intercom that has users, by its scroll.

    Raises:
        ConsoleError: the scroll is refused, such as while another program holds it.
    """
    decoder = PageDecoder(COMPANIES)
    page = api.read("/companies/scroll", decoder.decode)
    while page.items:
        yield from (item.record() for item in page.items)
        page = api.read("/companies/scroll", decoder.decode, scroll_param=page.cursor)
