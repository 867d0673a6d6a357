"""The client's requests, and how it reads the responses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigurationError, FatalAPIError
from target_intercom.api.client import IntercomClient
from target_intercom.api.transport import LostReplyError, RecordRefusedError
from target_intercom.target import TargetIntercom

if TYPE_CHECKING:
    from pathlib import Path

    from requests_mock import Mocker

BASE = "https://api.intercom.io"


@pytest.fixture
def client() -> IntercomClient:
    """Return a new client."""
    return IntercomClient(BASE + "/", "secret", 4)


def errors(code: str, message: str) -> dict[str, Any]:
    """Return an error body."""
    return {"type": "error.list", "request_id": None, "errors": [{"code": code, "message": message}]}


def contact(contact_id: str) -> dict[str, Any]:
    """Return a user as a list shows it."""
    return {"id": contact_id, "role": "user"}


def test_every_request_names_token_and_version(client: IntercomClient, requests_mock: Mocker) -> None:
    """Every request has the token and the API version."""
    requests_mock.get(f"{BASE}/me", json={"app": {}})
    client.identify_token()
    headers = requests_mock.request_history[-1].headers
    assert (headers["Authorization"], headers["Intercom-Version"]) == ("Bearer secret", "2.14")


def test_a_proxy_and_certificates_of_the_environment_are_used(
    requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTPS_PROXY and REQUESTS_CA_BUNDLE are used, as by every program with requests."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "company.pem")
    requests_mock.get(f"{BASE}/me", json={"app": {}})
    IntercomClient(BASE, "secret", 4).identify_token()
    assert requests_mock.request_history[-1].proxies["https"] == "http://proxy.example:3128"
    assert requests_mock.request_history[-1].verify == "company.pem"


def test_the_token_goes_before_a_netrc(requests_mock: Mocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password for the host in the user's .netrc does not replace the token."""
    (tmp_path / ".netrc").write_text("machine api.intercom.io login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    requests_mock.get(f"{BASE}/me", json={"app": {}})
    IntercomClient(BASE, "secret", 4).identify_token()
    assert requests_mock.request_history[-1].headers["Authorization"] == "Bearer secret"


def test_pages_are_followed(client: IntercomClient, requests_mock: Mocker) -> None:
    """A search requests the next page with the cursor until there is none."""
    first, second = contact("1"), contact("2")
    pages = [
        {"data": [first], "total_count": 2, "pages": {"next": {"starting_after": "c2"}}},
        {"data": [second], "total_count": 2, "pages": {}},
    ]
    requests_mock.post(f"{BASE}/contacts/search", [{"json": page} for page in pages])
    found = list(client.search_contacts("email", [["a"], ["b", "c"]]))
    assert [one.id for one in found] == ["1", "2"]
    filters = [
        {"field": "email", "operator": "IN", "value": ["a"]},
        {"field": "email", "operator": "IN", "value": ["b", "c"]},
    ]
    query = {"operator": "OR", "value": filters}
    sort = {"field": "created_at", "order": "ascending"}
    assert [request.json() for request in requests_mock.request_history] == [
        {"query": query, "sort": sort, "pagination": {"per_page": 150}},
        {"query": query, "sort": sort, "pagination": {"per_page": 150, "starting_after": "c2"}},
    ]


@pytest.mark.parametrize("way", ["list", "search"])
def test_pages_in_circles_end(client: IntercomClient, requests_mock: Mocker, way: str) -> None:
    """A repeated cursor stops the run, both in the list of contacts and in a search."""
    cursors = ["a", "b", "a", "b", "a"]
    pages = [
        {"json": {"data": [contact(str(place))], "total_count": 9, "pages": {"next": {"starting_after": cursor}}}}
        for place, cursor in enumerate(cursors)
    ]
    requests_mock.get(f"{BASE}/contacts", pages)
    requests_mock.post(f"{BASE}/contacts/search", pages)
    with pytest.raises(FatalAPIError, match=r"^The pages of contacts.* repeat without end"):
        list(client.list_contacts() if way == "list" else client.search_contacts("email", [["a"]]))
    assert requests_mock.call_count == 3


def test_an_external_id_is_quoted(client: IntercomClient, requests_mock: Mocker) -> None:
    """An external id with a slash is quoted in the path; a 404 means that no user has it."""
    requests_mock.get(f"{BASE}/contacts/find_by_external_id/a%2Fb", status_code=404, json=errors("not_found", "No"))
    assert client.find_contact_by_external_id("a/b") is None


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (
            401,
            errors("unauthorized", "Access Token Invalid"),
            r"refused the token in `access_token` .*`region` or `api_url`",
        ),
        (
            401,
            errors("token_unauthorized", "Not authorized"),
            r"token in `access_token` lacks a permission \(Not author",
        ),
        (403, errors("forbidden", "No"), r"lacks a permission \(No\)"),
        (402, errors("x", "Active subscription needed"), r"of `access_token` has no active subscription"),
        (
            403,
            errors("api_plan_restricted", "Not in plan"),
            r"has no active subscription that permits this \(Not in plan\)",
        ),
        (401, {}, r"refused the token in `access_token`"),
    ],
    ids=["token", "scope", "forbidden", "lapsed", "plan", "no body"],
)
def test_a_mistake_in_the_settings_is_a_sentence(
    client: IntercomClient, requests_mock: Mocker, status: int, body: dict[str, Any], sentence: str
) -> None:
    """A token without a permission is a configuration error that names the setting."""
    requests_mock.get(f"{BASE}/me", status_code=status, json=body)
    with pytest.raises(ConfigurationError, match=sentence):
        client.identify_token()
    assert requests_mock.call_count == 1


@pytest.mark.parametrize("status", [400, 404, 409, 410, 422])
def test_a_refused_record_is_asked_once(client: IntercomClient, requests_mock: Mocker, status: int) -> None:
    """A record that Intercom refuses is not sent again; the error has status, code and reason."""
    requests_mock.put(f"{BASE}/contacts/1", status_code=status, json=errors("data_invalid", "No good"))
    with pytest.raises(RecordRefusedError) as caught:
        client.update_contact("1", {})
    assert (caught.value.status, caught.value.code, caught.value.reason) == (status, "data_invalid", "No good")
    assert requests_mock.call_count == 1


@pytest.mark.parametrize(
    ("message", "other_id", "archived"),
    [
        ("A contact matching those details already exists with id=6762f0dd", "6762f0dd", False),
        ("An archived contact matching those details already exists with id=6762f0dd", "6762f0dd", True),
        ("Something else", None, False),
    ],
    ids=["live", "archived", "unnamed"],
)
def test_a_conflict_names_the_other(
    client: IntercomClient, requests_mock: Mocker, message: str, other_id: str | None, *, archived: bool
) -> None:
    """The message of a 409 gives the other contact's id, and whether it is archived."""
    requests_mock.post(f"{BASE}/contacts", status_code=409, json=errors("conflict", message))
    with pytest.raises(RecordRefusedError) as caught:
        client.create_contact({})
    assert (caught.value.other_id, caught.value.archived) == (other_id, archived)


@pytest.mark.parametrize("answer", [{"status_code": 500}, {"status_code": 200, "text": ""}], ids=["500", "empty"])
def test_a_creation_is_never_resent_blindly(
    client: IntercomClient, requests_mock: Mocker, answer: dict[str, Any]
) -> None:
    """A creation without a clear reply is not sent again; the caller must check it first."""
    requests_mock.post(f"{BASE}/contacts", **answer)
    with pytest.raises(LostReplyError):
        client.create_contact({"email": "a@b.example"})
    assert requests_mock.call_count == 1


def test_patience_ends(client: IntercomClient, requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven server errors in a row stop the run in a sentence that leaves out the request's path."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    requests_mock.get(f"{BASE}/contacts/1", status_code=503)
    with pytest.raises(FatalAPIError) as caught:
        client.read_contact("1")
    assert str(caught.value) == (
        "Intercom answered 503 to 7 attempts at https://api.intercom.io: no STATE was written, so the next run starts "
        "from the same point; run again later."
    )
    assert requests_mock.call_count == 7


@pytest.mark.parametrize(("held", "fits"), [("US", True), ("EU", False), (None, True)])
def test_the_region_is_checked(requests_mock: Mocker, *, held: str | None, fits: bool) -> None:
    """A workspace in another region than `region` is refused before anything is read."""
    requests_mock.get(f"{BASE}/me", json={"app": {"region": held}})
    run = TargetIntercom(config={"access_token": "secret"}).run
    if fits:
        run.connect()
        return
    with pytest.raises(ConfigurationError, match=r"hosted in the region eu, not us: change `region`\.$"):
        run.connect()


def test_a_value_that_search_refuses_rejects_its_record_alone(requests_mock: Mocker, tmp_path: Path) -> None:
    """A value that searches refuse is found by halving the list, and only its record is rejected."""

    def search(request: Any, context: Any) -> dict[str, Any]:
        if "bad@a.example" in request.text:
            context.status_code = 400
            return errors("parameter_invalid", "No such value")
        return {"data": [], "total_count": 0, "pages": {}}

    requests_mock.get(f"{BASE}/me", json={"app": {"region": "US"}})
    requests_mock.get(f"{BASE}/data_attributes", json={"type": "list", "data": []})
    listed = {"data": [contact("1")], "total_count": 1000, "pages": {"next": {"starting_after": "c2"}}}
    requests_mock.get(f"{BASE}/contacts", json=listed)
    requests_mock.post(f"{BASE}/contacts/search", json=search)
    run = TargetIntercom(config={"access_token": "secret", "report_dir": str(tmp_path), "mode": "validate"}).run
    attributes = {"properties": {"cb_plan": {"type": "string"}}}
    run.declare_stream("contacts", {"properties": {"custom_attributes": attributes}})
    for name in ("a", "b", "bad", "c"):
        run.add_record("contacts", name, {"email": f"{name}@a.example"})
    run.finish()
    assert run.summary.counts.skipped == {"no_match": 3}
    assert run.summary.rejected == {"parameter_invalid": 1}
    assert requests_mock.call_count == 1 + 2 + 1 + 5
