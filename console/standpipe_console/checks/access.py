"""The permissions of each key. The checks call its API and change nothing there."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from standpipe_console.api.client import REFUSED
from standpipe_console.api.vendors import CONNECT, fetch_catalog_version, parse_workspace
from standpipe_console.checks.findings import Finding
from standpipe_console.checks.rules import compare_clocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.api.client import Api, Response
    from standpipe_console.project.pipelines import Key
    from standpipe_console.project.plugin_facts import PluginFacts

#: An id without a record. Its update fails with 404 for a key that may write, and with 403 for another key.
UNKNOWN_ID = "0" * 24
_LOOPBACK = ("http://127.", "http://localhost", "http://[::1]")
#: A call that proves a permission: its name, method, path and body.
Probe = tuple[str, str, str, "JsonObject | None"]
PROBES: dict[str, tuple[Probe, ...]] = {
    "chargebee": (
        ("read customers", "GET", "/customers?limit=1", None),
        ("read subscriptions", "GET", "/subscriptions?limit=1", None),
        ("read invoices", "GET", "/invoices?limit=1", None),
        ("read events", "GET", "/events?limit=1", None),
    ),
    "intercom": (
        ("read users", "GET", "/contacts?per_page=1", None),
        ("read companies", "POST", "/companies/list?per_page=1", {}),
        ("read attributes", "GET", "/data_attributes?model=contact", None),
    ),
    "intercom-write": (
        ("write users", "PUT", f"/contacts/{UNKNOWN_ID}", {}),
        ("write companies", "PUT", f"/companies/{UNKNOWN_ID}", {}),
    ),
    "chartmogul": (
        ("read customers", "GET", "/customers?per_page=1", None),
        ("read sources", "GET", "/data_sources", None),
    ),
}
#: Where a person creates a key, and the permissions that it needs.
WHERE_TO_MAKE = {
    "chargebee": "Chargebee: Settings > Configure Chargebee > API Keys, a read-only key for all resources",
    "intercom": "Intercom: Settings > Developers > your app > Authentication; read and write users and companies",
    "chartmogul": "ChartMogul: Profile > API keys, a read-and-write key",
}
#: The call that shows whether an API knows the key.
_IDENTIFY = {"chargebee": "/configurations", "intercom": "/me", "chartmogul": "/ping"}


def describe_account(key: Key, settings: JsonObject, facts: PluginFacts) -> str:
    """Return the name of a key's account, so that a person sees whether it is the right one."""
    api = CONNECT[key.api](settings, facts)
    place = f" at {api.base}" if settings.get("api_url") else ""
    if key.api == "chargebee":
        site = settings["site"]
        return f"Chargebee{place}: site {site}, Product Catalog {fetch_catalog_version(api, site)}.0"
    if key.api == "intercom":
        workspace = parse_workspace(api.get("/me").body)
        return f"Intercom{place}: workspace {workspace.name or workspace.id_code}, region {workspace.region}"
    return f"ChartMogul{place}: account {api.get('/account').body.get('name') or 'without a name'}"


def check_key(key: Key, settings: JsonObject, facts: PluginFacts, now: datetime | None = None) -> Iterator[Finding]:
    """Yield what an API says about a key: whether it knows the key, permissions, account, clock, and rate limit."""
    api = CONNECT[key.api](settings, facts)
    response = api.get(_IDENTIFY[key.api])
    if not response.ok:
        yield Finding("key", "fail", f"{api.name} refuses {key.variable}: {response.reason}", WHERE_TO_MAKE[key.api])
        return
    yield Finding("key", "pass", f"{api.name} accepts {key.variable}")
    yield from check_scopes(api, key)
    yield from _CHECK_ACCOUNT[key.api](api, response, facts.defaults | settings)
    yield _check_clock(api, response, now or datetime.now(UTC))


def check_scopes(api: Api, key: Key) -> Iterator[Finding]:
    """Yield whether the key has all permissions that its pipeline needs."""
    writes = PROBES.get(f"{key.api}-write", ()) if key.plugin.startswith("target-") else ()
    probes = (*PROBES[key.api], *writes)
    responses = [(name, api.call(method, path, body)) for name, method, path, body in probes]
    # Any other refusal, such as the one for the unknown id, proves the permission.
    refusals = [
        (name, one)
        for name, one in responses
        if one.status in REFUSED or one.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ]
    for name, response in refusals:
        yield Finding("scope", "fail", f"{key.variable} may not {name}: {response.reason}", WHERE_TO_MAKE[key.api])
    if not refusals:
        yield Finding("scope", "pass", f"{key.variable} may {', '.join(name for name, *_ in probes)}")


def _check_chargebee(api: Api, _response: Response, settings: JsonObject) -> Iterator[Finding]:
    site = settings.get("site", "")
    version = fetch_catalog_version(api, site)
    if version in {"1", "2"}:
        yield Finding("catalog", "pass", f"the site {site} has Product Catalog {version}.0")
    else:
        yield Finding("catalog", "fail", "Chargebee does not say which Product Catalog the site has", "check `site`")
    yield Finding(
        "limit", "note", "Chargebee does not say: 150 calls a minute on a test site, 1,000 or 3,500 on a paid plan"
    )


def _check_intercom(api: Api, response: Response, settings: JsonObject) -> Iterator[Finding]:
    region, expected = (parse_workspace(response.body).region or "").lower(), settings["region"]
    if settings.get("api_url"):
        place = region or "an unknown region"
        yield Finding("region", "note", f"`api_url` is set to {api.base}; the workspace is in {place}")
    elif region and region != expected:
        what = f"the workspace is in {region}, but `region` is {expected}"
        yield Finding("region", "fail", what, f"set `region` to {region}")
    else:
        yield Finding("region", "pass", f"the workspace is in {expected}")
    # Intercom counts in windows of ten seconds.
    limit = response.headers.get("X-RateLimit-Limit")
    what = f"Intercom permits {int(limit) * 6:,} calls a minute" if limit else "Intercom does not say"
    yield Finding("limit", "pass", what)


def _check_chartmogul(_api: Api, _response: Response, _settings: JsonObject) -> Iterator[Finding]:
    yield Finding("limit", "note", "ChartMogul permits 40 calls a second")


_CHECK_ACCOUNT: Mapping[str, Callable[[Api, Response, JsonObject], Iterator[Finding]]] = {
    "chargebee": _check_chargebee,
    "intercom": _check_intercom,
    "chartmogul": _check_chartmogul,
}


def _check_clock(api: Api, response: Response, now: datetime) -> Finding:
    if api.base.startswith(_LOOPBACK):
        return Finding("clock", "note", f"{api.name} is a sandbox with a clock of its own: not compared")
    if response.date is None:
        return Finding("clock", "note", f"{api.name} sends no time")
    return compare_clocks(api.name, (now - response.date).total_seconds())
