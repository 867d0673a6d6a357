"""Checks of the vendors' own hosts, which the sandbox cannot replace."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.api import vendors
from standpipe_console.checks import access
from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import PIPELINES, SYNC

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests_mock import Mocker
    from standpipe_console.project.plugin_facts import PluginFacts

CHARGEBEE, INTERCOM = SYNC.keys
DATE = {"Date": "Thu, 15 Jan 2026 12:00:00 GMT"}
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


HOSTS = {
    "us": "https://api.intercom.io",
    "eu": "https://api.eu.intercom.io",
    "au": "https://api.au.intercom.io",
}


def answer_me(mock: Mocker, host: str, region: str | None) -> None:
    """Let a host accept the token for a region's workspace, or refuse it when there is no region."""
    known: dict[str, Any] = {"json": {"type": "admin", "app": {"region": region}}, "headers": DATE}
    unknown: dict[str, Any] = {"status_code": 401, "json": {"errors": [{"message": "Access Token Invalid"}]}}
    mock.get(f"{HOSTS[host]}/me", **(known if region else unknown))


SITE = "The Chargebee site is its name alone, not a URL: `acme` for https://acme.chargebee.com."
ADDRESS = "The address of an API begins with https:// and a host, and has only a path behind it: check `api_url`."
REGION = "Intercom has no region `mars`: set `region` to one of us, eu, au."
UNENCRYPTED = (
    "The setting `api_url` is an http:// address of another machine, to which the key would go unencrypted: use "
    "https://."
)


@pytest.mark.parametrize(
    ("api", "settings", "sentence"),
    [
        ("chargebee", {"site": "localhost:1/x?", "api_key": "k"}, SITE),
        ("chargebee", {"site": "acme.chargebee.com", "api_key": "k"}, SITE),
        ("chargebee", {"api_key": "k"}, SITE),
        ("chargebee", {"site": "acme", "api_url": "https://acme.chargebee.com@evil.example", "api_key": "k"}, ADDRESS),
        ("intercom", {"api_url": "https://evil.example/?", "access_token": "t"}, ADDRESS),
        ("intercom", {"api_url": "http://evil.example", "access_token": "t"}, UNENCRYPTED),
        ("intercom", {"region": "mars", "access_token": "t"}, REGION),
        ("chartmogul", {"api_url": "http://10.0.0.1/v1", "api_key": "k"}, UNENCRYPTED),
    ],
    ids=[
        "another host", "a host", "no site", "a user in the address", "a query", "http", "no region", "a neighbour",
    ],
)  # fmt: skip
def test_no_key_goes_to_another_host(
    api: str,
    settings: dict[str, str],
    sentence: str,
    requests_mock: Mocker,
    facts_of: Callable[[str], PluginFacts],
) -> None:
    """Setup and doctor refuse a wrong site, region or address before any call."""
    key = next(one for pipeline in PIPELINES for one in pipeline.keys if one.api == api)
    with pytest.raises(ConsoleError) as error:
        list(access.check_key(key, settings, facts_of(key.plugin)))
    assert (error.value.message, requests_mock.request_history) == (sentence, [])


@pytest.mark.parametrize(
    ("answers", "region"),
    [
        ({"us": "US"}, "us"),
        ({"us": None, "eu": "EU"}, "eu"),
        ({"us": "EU"}, "eu"),
        ({"us": None, "eu": None, "au": "au"}, "au"),
        ({"us": None, "eu": None, "au": None}, None),
    ],
    ids=["United States", "Europe", "a token that is passed on", "Australia", "nowhere"],
)
def test_the_region_of_a_token_is_found(
    answers: dict[str, str | None],
    region: str | None,
    requests_mock: Mocker,
    facts_of: Callable[[str], PluginFacts],
) -> None:
    """Hosts are tried in turn until one accepts the token. The region is the one that the workspace reports."""
    for host, told in answers.items():
        answer_me(requests_mock, host, told)
    assert vendors.find_region("t", facts_of("target-intercom")) == region
    assert len(requests_mock.request_history) == len(answers)


def test_a_wrong_region_and_a_wrong_clock_are_found(
    requests_mock: Mocker, facts_of: Callable[[str], PluginFacts]
) -> None:
    """The workspace reports its region, and the answers' `Date` the correct time."""
    answer_me(requests_mock, "us", "EU")
    requests_mock.get(HOSTS["us"] + "/contacts", json={})
    for method, path in (("POST", "/companies/list"), ("GET", "/data_attributes")):
        requests_mock.register_uri(method, HOSTS["us"] + path, json={})
    for path in ("contacts", "companies"):
        requests_mock.put(f"{HOSTS['us']}/{path}/{access.UNKNOWN_ID}", status_code=404, json={})
    found = list(
        access.check_key(
            INTERCOM, {"access_token": "t", "region": "us"}, facts_of(INTERCOM.plugin), NOW.replace(hour=13)
        )
    )
    assert [(one.what, one.remedy) for one in found if one.result == "fail"] == [
        ("the workspace is in eu, but `region` is us", "set `region` to eu"),
        ("this machine's clock is 3600 seconds ahead of Intercom's", "set the clock: NTP"),
    ]


def test_a_site_without_a_catalog_is_found(requests_mock: Mocker, facts_of: Callable[[str], PluginFacts]) -> None:
    """The configurations name only other sites, so the key belongs to another site."""
    base = "https://acme.chargebee.com/api/v2"
    sites = [{"domain": "other", "product_catalog_version": "v2"}, {"domain": "other-test"}]
    requests_mock.get(f"{base}/configurations", json={"configurations": sites}, headers=DATE)
    for path in ("customers", "subscriptions", "invoices", "events"):
        requests_mock.get(f"{base}/{path}", json={"list": []})
    found = list(access.check_key(CHARGEBEE, {"site": "acme", "api_key": "k"}, facts_of(CHARGEBEE.plugin), NOW))
    assert [(one.check, one.result) for one in found] == [
        ("key", "pass"), ("scope", "pass"), ("catalog", "fail"), ("limit", "note"), ("clock", "pass"),
    ]  # fmt: skip
