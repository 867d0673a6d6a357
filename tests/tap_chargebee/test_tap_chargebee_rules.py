"""Settings and states that tap-chargebee refuses before it requests a record."""

from __future__ import annotations

from typing import Any

import pytest
from tap_chargebee.api.errors import ErrorBody, UserError, describe_error
from tap_chargebee.tap import TapChargebee

GOOD = {"site": "acme", "api_key": "secret"}


NO_TIME = (
    "In the state the `replication_key_value` of `customers` is not a unix time: fix it, or start with a full refresh."
)


@pytest.mark.parametrize(
    ("config", "problems"),
    [
        (GOOD, []),
        (GOOD | {"site": "2checkout-test", "api_url": "", "start_date": "2024-01-31"}, []),
        (GOOD | {"api_url": "http://127.0.0.1:8100/chargebee/api/v2"}, []),
        (
            {},
            [
                "The setting `site` is missing: `acme` for https://acme.chargebee.com (TAP_CHARGEBEE_SITE).",
                "The setting `api_key` is missing: a read-only key of the site (TAP_CHARGEBEE_API_KEY).",
            ],
        ),
        (GOOD | {"look_back": 5}, ["There is no setting `look_back`: did you mean `lookback`?"]),
        (GOOD | {"zebra": 5}, ["There is no setting `zebra`."]),
        (
            GOOD | {"site": "https://acme.chargebee.com"},
            ["The setting `site` takes the name alone, not a URL: `acme` for https://acme.chargebee.com."],
        ),
        (
            GOOD | {"site": "acme.chargebee.com"},
            ["The setting `site` takes the name alone, not a URL: `acme` for https://acme.chargebee.com."],
        ),
        *(
            (
                GOOD | {"api_url": url},
                ["The setting `api_url` is not a URL such as https://acme.chargebee.com/api/v2."],
            )
            for url in ("acme.chargebee.com", "ftp://acme", "https://", "http://[", "http://acme:port")
        ),
        (
            GOOD | {"start_date": "yesterday"},
            ["The setting `start_date` is not a date such as 2024-01-31 or 2024-01-31T00:00:00Z."],
        ),
    ],
    ids=[
        "good",
        "good with more",
        "good with a port",
        "nothing",
        "misspelt",
        "unheard of",
        "site is a URL",
        "site is a host",
        "no scheme",
        "other scheme",
        "no host",
        "broken host",
        "broken port",
        "no date",
    ],
)
def test_settings_are_refused_in_a_sentence(config: dict[str, Any], problems: list[str]) -> None:
    """Each missing, misspelt or impossible setting gets one sentence that names it."""
    try:
        TapChargebee(config=config, setup_mapper=False)
    except UserError as refusal:
        assert refusal.message == " ".join(problems)  # noqa: PT017 good settings are not refused
    else:
        assert problems == []


@pytest.mark.parametrize(
    ("state", "problems"),
    [
        ({}, []),
        ({"bookmarks": {"customers": {}, "_map": {"store": "x", "gen": 3}}}, []),
        ({"bookmarks": {"customers": {"replication_key": "updated_at", "replication_key_value": 5}}}, []),
        ([], ['The state is not a Singer state, {"bookmarks": {...}}.']),
        ({"bookmarks": []}, ['The state is not a Singer state, {"bookmarks": {...}}.']),
        (
            {"bookmarks": {"customers": 5}},
            ["The bookmark of `customers` in the state is not an object: fix it, or start with a full refresh."],
        ),
        (
            {"bookmarks": {"customers": {"replication_key_value": "2024-01-31"}}},
            [NO_TIME],
        ),
        ({"bookmarks": {"customers": {"replication_key_value": True}}}, [NO_TIME]),
        (
            {"bookmarks": {"contacts": {"read_at": "yesterday"}}},
            ["In the state the `read_at` of `contacts` is not a unix time: fix it, or start with a full refresh."],
        ),
        (
            {"bookmarks": {"customers": {"seen": ["a"]}}},
            ["In the state the `seen` of `customers` is not a text: fix it, or start with a full refresh."],
        ),
    ],
    ids=[
        "empty",
        "foreign bookmark",
        "own bookmark",
        "list",
        "bookmarks a list",
        "bookmark a number",
        "no time",
        "true",
        "yesterday",
        "a list of digests",
    ],
)
def test_a_state_is_refused_in_a_sentence(state: object, problems: list[str]) -> None:
    """A state that a run cannot start from is refused with its reason; bookmarks of other plugins are accepted."""
    assert TapChargebee.find_state_problems(state) == problems


@pytest.mark.parametrize(
    ("status", "problem", "told"),
    [
        (
            401,
            ErrorBody("api_authentication_failed", "Invalid key"),
            "Chargebee refused the key in the setting `api_key` for the site `acme` (401 api_authentication_failed).",
        ),
        (
            403,
            ErrorBody("api_authorization_failed", "No"),
            (
                "The key in the setting `api_key` may not read /customers (403 api_authorization_failed): "
                "it needs the scope Read-only, All."
            ),
        ),
        (
            404,
            ErrorBody("site_not_found", "No"),
            "Chargebee has no site `acme` (404 site_not_found): check the setting `site`.",
        ),
        (404, ErrorBody(), "There is no Chargebee API at /customers (404): check the settings `site` and `api_url`."),
        (301, ErrorBody(), "There is no Chargebee API at /customers (301): check the settings `site` and `api_url`."),
        (
            400,
            ErrorBody("configuration_incompatible", "No"),
            (
                "The site `acme` does not offer /customers (400 configuration_incompatible): "
                "deselect that stream, or check the setting `site`."
            ),
        ),
        (
            400,
            ErrorBody("invalid_request", "This API operation is not enabled for this site"),
            (
                "The site `acme` does not offer /customers (400 invalid_request): "
                "deselect that stream, or check the setting `site`."
            ),
        ),
        (
            400,
            ErrorBody("param_wrong_value", "offset : jane@example.com"),
            "Chargebee refused to list /customers of the site `acme` (400 param_wrong_value).",
        ),
    ],
    ids=["key", "scope", "site", "not an API", "moved", "catalog by code", "catalog by phrase", "anything else"],
)
def test_a_refusal_becomes_a_sentence(status: int, problem: ErrorBody, told: str) -> None:
    """The sentence for an error of Chargebee names the setting to check, and repeats nothing from the response."""
    assert describe_error(status, problem, path="/customers", site="acme") == told
