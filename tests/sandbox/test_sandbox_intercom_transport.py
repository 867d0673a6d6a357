"""Intercom over HTTP: authentication, versions, rate limits, and the shape of refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox.intercom.limits import Window

if TYPE_CHECKING:
    from tests.sandbox.conftest import IntercomCaller


def test_a_refusal_is_an_error_list_with_the_id_of_the_request(intercom: IntercomCaller) -> None:
    """A refusal is an error list; the request's id is in the body and in a header."""
    response = intercom("GET /contacts/unknown")
    assert response.status_code == 404
    assert response.headers["x-request-id"] == "000sandbox0000000001"
    assert response.json() == {
        "type": "error.list",
        "request_id": "000sandbox0000000001",
        "errors": [{"code": "not_found", "message": "User Not Found"}],
    }


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", "Basic sandbox_token", "sandbox_token"], ids=repr
)
@pytest.mark.parametrize("path", ["/me", "/contacts", "/nothing"])
def test_without_the_token_nothing_is_told(intercom: IntercomCaller, header: str | None, path: str) -> None:
    """Without the token every path is a 401, and the reply has no rate limit headers."""
    sent = {} if header is None else {"Authorization": header}
    response = requests.get(intercom.sandbox.intercom_url + path, headers=sent, timeout=10)
    assert response.status_code == 401
    assert response.json()["errors"] == [{"code": "unauthorized", "message": "Access Token Invalid"}]
    assert [name for name in response.headers if name.lower().startswith("x-ratelimit")] == []


@pytest.mark.parametrize("version", ["2.0", "2.14", "2.17"])
def test_a_known_version_is_accepted(intercom: IntercomCaller, version: str) -> None:
    """A known version is accepted, and a request without the header uses the app's version."""
    assert intercom("GET /me", **{"Intercom-Version": version}).status_code == 200
    assert intercom("GET /me").status_code == 200


@pytest.mark.parametrize("version", ["", "2", "2.18", "latest", "2.140"])
def test_an_unknown_version_is_refused(intercom: IntercomCaller, version: str) -> None:
    """An unknown version is a 400 with the code `intercom_version_invalid`."""
    response = intercom("GET /me", **{"Intercom-Version": version})
    errors = [{"code": "intercom_version_invalid", "message": "The requested version could not be found"}]
    assert (response.status_code, response.json()["errors"]) == (400, errors)


def test_an_operation_is_refused_in_versions_before_it(intercom: IntercomCaller) -> None:
    """An operation is refused in versions before it was added, such as find_by_external_id before 2.13."""
    response = intercom("GET /contacts/find_by_external_id/x", **{"Intercom-Version": "2.12"})
    message = "Requested resource is not available in current API version."
    errors = [{"code": "intercom_version_invalid", "message": message}]
    assert (response.status_code, response.json()["errors"]) == (400, errors)


@pytest.mark.parametrize(
    "call", ["GET /nothing", "PATCH /contacts/1", "POST /me", "PUT /contacts", "DELETE /companies"]
)
def test_an_unknown_path_or_method_is_not_found(intercom: IntercomCaller, call: str) -> None:
    """An unknown path or method is a 404 with the vendor's error list."""
    errors = [{"code": "not_found", "message": "Requested resource not found"}]
    assert intercom.refused(call) == (404, errors)


def test_two_slashes_are_one(intercom: IntercomCaller) -> None:
    """Two slashes in a path count as one, because singer-io's tap-intercom builds such addresses."""
    assert intercom.ok("GET //me") == intercom.ok("GET /me")
    assert intercom.sandbox.calls()["calls"] == [{"api": "intercom", "method": "GET", "path": "/me", "count": 2}]


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"null", b'"text"', b'{"a": NaN}', b'{"a": 1e999}', b'{"a": "\\ud800"}', b"\xff", b"[" * 100_000],
    ids=["cut off", "list", "null", "string", "NaN", "infinite", "half a pair", "no UTF-8", "too deep"],
)
def test_a_body_that_is_no_json_object_is_refused(intercom: IntercomCaller, content: bytes) -> None:
    """A body that is not a JSON object is a 400 with the code `bad_request`."""
    url, token = f"{intercom.sandbox.intercom_url}/contacts", {"Authorization": "Bearer sandbox_token"}
    response = requests.post(url, data=content, headers=token, timeout=10)
    errors = [{"code": "bad_request", "message": "There was a problem in the JSON you submitted"}]
    assert (response.status_code, response.json()["errors"]) == (400, errors)


def test_an_unknown_parameter_is_refused_or_ignored_as_the_switch_says(intercom: IntercomCaller) -> None:
    """Unknown parameters and fields are refused by default and ignored with a switch, because neither is documented."""
    calls: tuple[tuple[str, Any], ...] = (
        ("GET /contacts?starting_afer=x", None),
        ("POST /contacts/search", {"query": {"field": "email", "operator": "=", "value": "a"}, "starting_afer": 1}),
        ("POST /contacts", {"email": "ada@example.com", "starting_afer": 1}),
    )
    errors = [{"code": "bad_request", "message": "bad 'starting_afer' parameter"}]
    assert [intercom.refused(*call) for call in calls] == [(400, errors)] * 3
    intercom.sandbox.reset(customers=0, refuse_unknown_fields=False)
    assert [intercom(*call).status_code for call in calls] == [200, 200, 200]


def test_beyond_the_limit_of_a_window_calls_are_refused(intercom: IntercomCaller) -> None:
    """Calls over the limit are a 429.

    The headers show the remaining calls, and the reset time on the same clock as `Date`.
    """
    intercom.sandbox.reset(customers=0, rate_limit_per_window=2)
    answers = [intercom("GET /me") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert [one.headers["x-ratelimit-remaining"] for one in answers] == ["1", "0", "0"]
    assert {one.headers["x-ratelimit-limit"] for one in answers} == {"2"}
    now = intercom.sandbox.world.clock.now()
    assert all(now < int(one.headers["x-ratelimit-reset"]) <= now + 10 for one in answers)
    assert answers[2].json()["errors"] == [
        {"code": "rate_limit_exceeded", "message": "Exceeded rate limit of 2 in 10_seconds"}
    ]


def test_a_window_lasts_ten_seconds_of_real_time() -> None:
    """A window lasts ten seconds of real time.

    Windows follow one another without a gap, and refused calls do not count.
    """
    time = [100.0]
    window = Window(1, monotonic=lambda: time[0])
    taken = [window.take(), window.take()]
    time[0] = 107.5
    assert window.make_headers(1000)["X-RateLimit-Reset"] == "1003"
    time[0] = 125.0
    taken += [window.take(), window.take()]
    assert window.make_headers(1000) == {
        "X-RateLimit-Limit": "1",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "1005",
    }
    assert taken == [True, False, True, False]


def test_me_tells_region_and_time_zone(intercom: IntercomCaller) -> None:
    """`GET /me` shows the workspace's id, region and time zone."""
    app = intercom.ok("GET /me")["app"]
    assert (app["id_code"], app["region"], app["timezone"]) == ("sandboxws", "US", "Australia/Sydney")


def test_an_unknown_time_zone_is_refused_when_the_sandbox_is_reset(intercom: IntercomCaller) -> None:
    """An unknown time zone is refused at reset with a sentence that names the setting."""
    with pytest.raises(ValueError, match="Setting 'intercom_timezone' is a zone such as Europe/Paris, not 'Mars'"):
        intercom.sandbox.reset(intercom_timezone="Mars")


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from([
    "query", "pagination", "sort", "field", "operator", "value", "role", "email", "external_id", "custom_attributes",
    "name", "model", "data_type", "options", "company_id", "plan", "monthly_spend", "id", "archived",
])  # fmt: skip
CALLS = st.sampled_from([
    "POST /contacts", "POST /contacts/search", "POST /companies", "POST /data_attributes", "PUT /data_attributes/1",
    "PUT /contacts/{contact}", "PUT /companies/{company}", "POST /contacts/{contact}/companies",
])  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CALLS, st.dictionaries(FIELDS, ANY_JSON, max_size=4))
def test_any_body_is_carried_out_or_refused_in_the_vendors_shape(
    intercom: IntercomCaller, call: str, body: dict[str, Any]
) -> None:
    """Any body succeeds or is refused with the vendor's error list, never with a 500."""
    intercom.sandbox.reset(customers=1)
    contact = intercom.user(external_id="known")
    company = intercom.ok("POST /companies", {"company_id": "known"})["id"]
    response = intercom(call.format(contact=contact, company=company), body)
    assert response.status_code in (200, 400, 404, 409)
    if response.status_code != 200:
        assert response.json()["type"] == "error.list"
        assert response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("call", "body", "status"),
    [
        ("POST /contacts", b'{"role": "user", "owner_id": "' + b"9" * 5000 + b'"}', 400),
        ("POST /contacts", '{"role": "user", "owner_id": "\u0663"}'.encode(), 400),
        ("PUT /data_attributes/" + "9" * 5000, b'{"archived": true}', 404),
        ("POST /contacts", '{"role": "user", "external_id": "x"}'.encode("utf-16"), 400),
        ("POST /contacts", b'{"owner_id": ' + b"9" * 5000 + b"}", 400),
        ("POST /contacts", b'{"name": "' + b"x" * 5_000_000 + b'"}', 400),
    ],
    ids=[
        "digits without end",
        "digits of another script",
        "an id without end",
        "UTF-16",
        "a number without end",
        "5 MB",
    ],
)
def test_bodies_beyond_measure_are_refused(intercom: IntercomCaller, call: str, body: bytes, status: int) -> None:
    """Extremely long values and other encodings are refused with the vendor's error list."""
    method, path = call.split()
    token = {"Authorization": "Bearer sandbox_token"}
    reply = requests.request(method, intercom.sandbox.intercom_url + path, data=body, headers=token, timeout=10)
    assert (reply.status_code, reply.json()["type"]) == (status, "error.list")
