"""The three vendors: the connection to each, and the few lists that the console reads.

https://apidocs.chargebee.com/docs/api,
https://developers.intercom.com/docs/references/rest-api/api.intercom.io, https://dev.chartmogul.com/reference
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from requests.auth import HTTPBasicAuth

from standpipe_console._kit.list_shape import ListShape, Text
from standpipe_console._kit.page_decoder import PageDecoder
from standpipe_console._kit.rate_limit import LimitError
from standpipe_console._kit.scroll import open_scroll
from standpipe_console._kit.shared_pacer import share_limit
from standpipe_console._kit.transport import NoAnswerError
from standpipe_console.api.client import (
    DISTRIBUTION,
    RETRIES,
    Api,
    BearerAuth,
    NoAuth,
    RefusedCallError,
    validate_site,
    validate_url,
)
from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from standpipe_console._kit.json_types import JsonObject, JsonValue
    from standpipe_console._kit.shared_pacer import SharedPacer
    from standpipe_console.project.plugin_facts import PluginFacts

#: Seconds: another program's scroll expires when it is not read for a minute.
_SCROLL_PATIENCE, _SCROLL_PAUSE = 90.0, 2.0
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


class DataAttribute(msgspec.Struct):
    """A data attribute of Intercom."""

    name: str
    data_type: str
    custom: bool = False
    archived: bool = False


class DataSource(msgspec.Struct):
    """A data source of ChartMogul."""

    uuid: str
    name: str


class Workspace(msgspec.Struct):
    """An Intercom token's workspace."""

    name: str | None = None
    id_code: str | None = None
    region: str | None = None


def connect_chargebee(settings: JsonObject, facts: PluginFacts) -> Api:
    """Connect to Chargebee with the settings of tap-chargebee."""
    base = _read_api_url(settings) or facts.facts.api_url.format(site=validate_site(settings.get("site")))
    auth = HTTPBasicAuth(settings.get("api_key", ""), "")
    per_minute = settings.get("requests_per_minute")
    # Without its number of calls the tap refuses `limit_url`.
    pacer = _share_limit(settings, "Chargebee", base, str(settings.get("site", "")), per_minute) if per_minute else None
    return Api("Chargebee", base, auth, pacer=pacer)


def connect_intercom(settings: JsonObject, facts: PluginFacts) -> Api:
    """Connect to Intercom with the settings of target-intercom or tap-intercom, which know the regions."""
    region, regions = settings.get("region") or facts.defaults["region"], facts.facts.regions
    if region not in regions:
        raise ConsoleError(f"Intercom has no region `{region}`: set `region` to one of {', '.join(regions)}.")
    base = _read_api_url(settings) or regions[region].api_url
    headers, token = {"Intercom-Version": facts.facts.api_version}, settings.get("access_token", "")
    return Api("Intercom", base, BearerAuth(token), headers, _share_limit(settings, "Intercom", base, token))


def connect_chartmogul(settings: JsonObject, facts: PluginFacts) -> Api:
    """Connect to ChartMogul with the settings of target-chartmogul."""
    base = _read_api_url(settings) or facts.facts.api_url
    key = settings.get("api_key", "")
    pacer = _share_limit(settings, "ChartMogul", base, key, settings.get("requests_per_second"))
    return Api("ChartMogul", base, HTTPBasicAuth(key, ""), pacer=pacer)


def connect_without_key(name: str, base: str) -> Api:
    """Connect to a server that needs no key."""
    return Api(name, base, NoAuth())


CONNECT: Mapping[str, Callable[[JsonObject, PluginFacts], Api]] = {
    "chargebee": connect_chargebee,
    "intercom": connect_intercom,
    "chartmogul": connect_chartmogul,
}


def _share_limit(
    settings: JsonObject, vendor: str, base: str, owner: str, calls: JsonValue = None
) -> SharedPacer | None:
    """Return the pacer for the `limit_url` of a plugin, with which the console's calls count too; None without one."""
    url = settings.get("limit_url")
    if not url:
        return None
    try:
        return share_limit(
            str(url),
            vendor=vendor,
            base_url=base,
            owner=owner,
            distribution=DISTRIBUTION,
            calls=int(calls) if calls else None,
        )
    except LimitError as error:
        raise ConsoleError(str(error)) from None


def _read_api_url(settings: JsonObject) -> str:
    """Return the address that replaces the vendor's own; empty if there is none."""
    url = settings.get("api_url")
    return validate_url(str(url)) if url else ""


def fetch_catalog_version(api: Api, site: str) -> str:
    """Return the Product Catalog of a Chargebee site, `1` or `2`; empty if Chargebee does not say."""
    configurations = api.fetch_page("/configurations", CONFIGURATIONS)
    for one in configurations:
        if str(one.get("domain", "")).lower() == site.lower() or len(configurations) == 1:
            return str(one.get("product_catalog_version", "")).removeprefix("v")
    return ""


def fetch_latest_invoices(api: Api) -> list[JsonObject]:
    """Return the newest hundred invoices of Chargebee."""
    query = {"limit": 100, "sort_by[desc]": "date"}
    return api.fetch_page("/invoices", INVOICES, **query)


def parse_workspace(answer: JsonObject) -> Workspace:
    """Return the workspace in Intercom's answer to `/me`. Members that are missing or have another type are None."""
    app = answer.get("app")
    members = app if isinstance(app, dict) else {}
    texts = {name: value for name, value in members.items() if isinstance(value, str)}
    return msgspec.convert(texts, Workspace)


def find_region(token: str, facts: PluginFacts) -> str | None:
    """Return the region of an Intercom token's workspace; None if no region knows the token."""
    for region in facts.facts.regions:
        response = connect_intercom({"access_token": token, "region": region}, facts).get("/me")
        if response.ok:
            # A region may forward the call to the workspace's own region.
            own = (parse_workspace(response.body).region or region).lower()
            return own if own in facts.facts.regions else region
    return None


def fetch_data_attributes(api: Api, model: str) -> list[DataAttribute]:
    """Return the data attributes of Intercom's `contact` or `company`, including archived ones."""
    found = api.fetch_page("/data_attributes", ATTRIBUTES, model=model, include_archived="true")
    # Flags of another type count as absent, see ListShape.wanted.
    return [
        DataAttribute(one["name"], one["data_type"], one.get("custom") is True, one.get("archived") is True)
        for one in found
    ]


def fetch_contacts(api: Api) -> Iterator[JsonObject]:
    """Yield every contact of Intercom, 150 per call."""
    return api.fetch_list("/contacts", CONTACTS, "starting_after", per_page=150)


def fetch_companies(api: Api) -> Iterator[JsonObject]:
    """Yield every company of Intercom that has users, with the scroll.

    Raises:
        ConsoleError: the scroll is refused, for example while another program uses it for long.
    """
    decoder = PageDecoder(COMPANIES)
    try:
        page = open_scroll(
            lambda on_failure: api.fetch("/companies/scroll", decoder.decode_page, on_failure=on_failure),
            is_taken=lambda error: isinstance(error, RefusedCallError) and error.code == "scroll_exists",
            tries=RETRIES.unproven_tries,
            patience=_SCROLL_PATIENCE,
            pause=_SCROLL_PAUSE,
        )
    except NoAnswerError as error:
        raise ConsoleError(f"Intercom's list of companies cannot be opened ({error.last.reason}): try again.") from None
    while page.items:
        yield from (item.decode_record() for item in page.items)
        page = api.fetch("/companies/scroll", decoder.decode_page, scroll_param=page.cursor)


def fetch_sources(api: Api, **query: str) -> list[DataSource]:
    """Return ChartMogul's data sources."""
    found = api.fetch_page("/data_sources", SOURCES, **query)
    return [DataSource(one["uuid"], one["name"]) for one in found]


def fetch_entries(api: Api, path: str, **query: str) -> Iterator[JsonObject]:
    """Yield every customer or contact of ChartMogul that a query finds."""
    return api.fetch_list(path, ENTRIES, "cursor", per_page=200, **query)
