"""What is asked of the vendors' own hosts, where no sandbox can stand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from standpipe_console import access, apis
from standpipe_console.pipelines import SYNC

if TYPE_CHECKING:
    from requests_mock import Mocker

CHARGEBEE, INTERCOM = SYNC.keys
DATE = {"Date": "Thu, 15 Jan 2026 12:00:00 GMT"}
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def me(mock: Mocker, host: str, region: str | None) -> None:
    """A host that knows the token, as that of a workspace in a region, or does not."""
    known = {"json": {"type": "admin", "app": {"region": region}}, "headers": DATE}
    unknown = {"status_code": 401, "json": {"errors": [{"message": "Access Token Invalid"}]}}
    mock.get(f"{apis.INTERCOM_HOSTS[host]}/me", **(known if region else unknown))


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
    answers: dict[str, str | None], region: str | None, requests_mock: Mocker
) -> None:
    """Host after host, until one knows it; what the workspace says of itself counts."""
    for host, told in answers.items():
        me(requests_mock, host, told)
    assert apis.region_of("t") == region
    assert len(requests_mock.request_history) == len(answers)


def test_a_wrong_region_and_a_wrong_clock_are_found(requests_mock: Mocker) -> None:
    """The workspace says where it is, and the API what time it is."""
    me(requests_mock, "us", "EU")
    requests_mock.get(apis.INTERCOM_HOSTS["us"] + "/contacts", json={})
    for method, path in (("POST", "/companies/list"), ("GET", "/data_attributes")):
        requests_mock.register_uri(method, apis.INTERCOM_HOSTS["us"] + path, json={})
    for path in ("contacts", "companies"):
        requests_mock.put(f"{apis.INTERCOM_HOSTS['us']}/{path}/{access.NOBODY}", status_code=404, json={})
    found = list(access.examine(INTERCOM, {"access_token": "t", "region": "us"}, NOW.replace(hour=13)))
    assert [(one.what, one.remedy) for one in found if one.result == "fail"] == [
        ("the workspace is in eu, `region` is us", "set `region` to eu"),
        ("this machine's clock is 3600 seconds ahead of Intercom's", "set the clock: NTP"),
    ]


def test_a_site_without_a_catalog_is_found(requests_mock: Mocker) -> None:
    """Which is a site of another name: its configurations name the sites."""
    base = "https://acme.chargebee.com/api/v2"
    sites = [{"domain": "other", "product_catalog_version": "v2"}, {"domain": "other-test"}]
    requests_mock.get(f"{base}/configurations", json={"configurations": sites}, headers=DATE)
    for path in ("customers", "subscriptions", "invoices", "events"):
        requests_mock.get(f"{base}/{path}", json={"list": []})
    found = list(access.examine(CHARGEBEE, {"site": "acme", "api_key": "k"}, NOW))
    assert [(one.check, one.result) for one in found] == [
        ("key", "pass"), ("scope", "pass"), ("catalog", "fail"), ("limit", "note"), ("clock", "pass"),
    ]  # fmt: skip
