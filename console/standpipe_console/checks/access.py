"""What each key may do, asked of the API that it belongs to, without changing anything there."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from standpipe_console.api.vendors import APIS, REFUSED, catalog
from standpipe_console.checks import rules
from standpipe_console.checks.findings import failed, noted, passed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from standpipe_console.api.vendors import Answer, Api
    from standpipe_console.checks.findings import Finding
    from standpipe_console.project.pipelines import Key

#: Nobody's id: an update of it is refused as unknown by one who may write, as forbidden by one who may not.
NOBODY = "0" * 24
LOOPBACK = ("http://127.", "http://localhost", "http://[::1]")
#: Calls that prove a permission: of the API, what it is for, method, path, body.
Probe = tuple[str, str, str, dict[str, Any] | None]
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
        ("write users", "PUT", f"/contacts/{NOBODY}", {}),
        ("write companies", "PUT", f"/companies/{NOBODY}", {}),
    ),
    "chartmogul": (
        ("read customers", "GET", "/customers?per_page=1", None),
        ("read sources", "GET", "/data_sources", None),
    ),
}
#: Where a key is made, and what it must be allowed.
MADE_AT = {
    "chargebee": "Chargebee: Settings > Configure Chargebee > API Keys, a read-only key for all resources",
    "intercom": "Intercom: Settings > Developers > your app > Authentication; read and write users and companies",
    "chartmogul": "ChartMogul: Profile > API keys, a read-and-write key",
}
#: The call that says whose key it is.
WHO = {"chargebee": "/configurations", "intercom": "/me", "chartmogul": "/ping"}


def api_of(key: Key, settings: Mapping[str, Any]) -> Api:
    """The API that a key belongs to, with the key."""
    return APIS[key.api](settings)


def whose(key: Key, settings: Mapping[str, Any]) -> str:
    """Say in words whose account a key opens, so that a person sees whether it is the right one."""
    api = api_of(key, settings)
    place = f" at {api.base}" if settings.get("api_url") else ""
    if key.api == "chargebee":
        return f"Chargebee{place}: site {settings.get('site')}, Product Catalog {catalog(api, settings['site'])}.0"
    if key.api == "intercom":
        app = api.get("/me").body.get("app") or {}
        return f"Intercom{place}: workspace {app.get('name') or app.get('id_code')}, region {app.get('region')}"
    return f"ChartMogul{place}: account {api.get('/account').body.get('name') or 'without a name'}"


def examine(key: Key, settings: Mapping[str, Any], now: datetime | None = None) -> Iterator[Finding]:
    """Everything that an API tells of a key: that it is known, what it may, whose it is, the clock, the limit."""
    api = api_of(key, settings)
    answer = api.get(WHO[key.api])
    if not answer.ok:
        yield failed("key", f"{api.name} refuses {key.variable}: {answer.reason}", MADE_AT[key.api])
        return
    yield passed("key", f"{api.name} knows {key.variable}")
    yield from scopes(api, key)
    yield from WHOSE[key.api](api, answer, settings)
    yield _clock(api, answer, now or datetime.now(UTC))


def scopes(api: Api, key: Key) -> Iterator[Finding]:
    """Whether the key may do what its pipeline does."""
    writes = PROBES.get(f"{key.api}-write", ()) if key.plugin.startswith("target-") else ()
    refusals = [(name, answer) for name, answer in _answers(api, (*PROBES[key.api], *writes)) if _refuses(answer)]
    for name, answer in refusals:
        yield failed("scope", f"{key.variable} may not {name}: {answer.reason}", MADE_AT[key.api])
    if not refusals:
        may = ", ".join(name for name, *_ in (*PROBES[key.api], *writes))
        yield passed("scope", f"{key.variable} may {may}")


def _answers(api: Api, probes: tuple[Probe, ...]) -> Iterator[tuple[str, Answer]]:
    for name, method, path, body in probes:
        yield name, api.ask(method, path, body)


def _refuses(answer: Answer) -> bool:
    """An unknown id is no refusal: it is what was asked for."""
    return answer.status in REFUSED or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _chargebee(api: Api, _answer: Answer, settings: Mapping[str, Any]) -> Iterator[Finding]:
    version = catalog(api, settings.get("site", ""))
    if version in {"1", "2"}:
        yield passed("catalog", f"the site {settings.get('site')} has Product Catalog {version}.0")
    else:
        yield failed("catalog", "Chargebee does not tell the site's Product Catalog", "is `site` the name of the site?")
    yield noted("limit", "Chargebee tells no limit: 150 calls a minute on a test site, 1,000 or 3,500 on a paid plan")


def _intercom(api: Api, answer: Answer, settings: Mapping[str, Any]) -> Iterator[Finding]:
    region = str((answer.body.get("app") or {}).get("region") or "").lower()
    expected = settings.get("region") or "us"
    if settings.get("api_url"):
        yield noted("region", f"{api.base} by `api_url`; the workspace is in {region or 'an unknown region'}")
    elif region and region != expected:
        yield failed("region", f"the workspace is in {region}, `region` is {expected}", f"set `region` to {region}")
    else:
        yield passed("region", f"the workspace is in {expected}")
    limit = answer.headers.get("X-RateLimit-Limit")
    told = f"{int(limit) * 6:,} calls a minute" if limit else "not told"
    yield passed("limit", f"Intercom's limit is {told}")


def _chartmogul(_api: Api, _answer: Answer, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    yield noted("limit", "ChartMogul permits 40 calls a second")


WHOSE: dict[str, Callable[[Api, Answer, Mapping[str, Any]], Iterator[Finding]]] = {
    "chargebee": _chargebee,
    "intercom": _intercom,
    "chartmogul": _chartmogul,
}


def _clock(api: Api, answer: Answer, now: datetime) -> Finding:
    if api.base.startswith(LOOPBACK):
        return noted("clock", f"{api.name} is a sandbox here, with a time of its own: not compared")
    if answer.date is None:
        return noted("clock", f"{api.name} tells no time")
    return rules.clock(api.name, (now - answer.date).total_seconds())
