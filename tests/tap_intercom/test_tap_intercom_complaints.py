"""Problems that users of other Intercom connectors reported, unless another test covers them.

airbytehq/airbyte: 39463 (parts missing), 66292 (closed conversations stay open), 8475 (outbound conversations
missing), 26301 (data lost), 47745 and 29713 (undeclared columns), 5882 (types), 6351 (data attributes end the run),
15141 (custom attributes untyped); segment-boneyard/segment-docs: 5138 (regions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from jsonschema import Draft7Validator
from tap_intercom.streams.resources import STREAMS
from tap_intercom.tap import TapIntercom

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests_mock import Mocker
    from sandbox.testing import RunningSandbox

HEADERS = {"Authorization": "Bearer sandbox_token", "Intercom-Version": "2.14"}
ADMIN = "991267"


def manage(sandbox: RunningSandbox, conversation: str, **body: Any) -> None:
    """Add a part to a conversation as an admin."""
    url = f"{sandbox.intercom_url}/conversations/{conversation}/parts"
    requests.post(
        url, json={"type": "admin", "admin_id": ADMIN, **body}, headers=HEADERS, timeout=10
    ).raise_for_status()


def test_a_conversation_that_was_closed_is_closed_in_the_next_run(
    run_tap: Callable[..., Any], catalog_of: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """The run after a conversation was closed sends it again with its new state and all parts."""
    catalog = catalog_of("conversations", "conversation_parts")
    state = run_tap(catalog=catalog).state
    thread = next(one for one in sandbox.world.intercom.conversations.live() if one.document["state"] == "open")
    sandbox.world.clock.advance(3600)
    manage(sandbox, thread.id, message_type="close")
    records = run_tap(catalog=catalog, state=state).records
    assert [(one["id"], one["state"]) for one in records["conversations"]] == [(thread.id, "closed")]
    parts = [one.id for one in sandbox.world.intercom.conversations.get(thread.id).parts]
    assert [one["id"] for one in records["conversation_parts"]] == parts
    assert records["conversation_parts"][-1]["part_type"] == "close"


def test_a_conversation_of_any_length_has_its_parts(
    run_tap: Callable[..., Any], catalog_of: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """All three hundred parts of a conversation are sent, each with the conversation's id."""
    thread = next(sandbox.world.intercom.conversations.live())
    before = len(thread.parts)
    for _ in range(300):
        manage(sandbox, thread.id, message_type="assignment", assignee_id=ADMIN)
    records = run_tap(catalog=catalog_of("conversation_parts")).records["conversation_parts"]
    assert sum(one["conversation_id"] == thread.id for one in records) == before + 300


def test_no_search_leaves_a_kind_of_record_out(
    run_tap: Callable[..., Any], catalog_of: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """Searches filter only by time, so that leads, users and conversations started by either side are all read."""
    records = run_tap(catalog=catalog_of("contacts", "conversations")).records
    known = sandbox.world.intercom
    roles = {one.document["role"] for one in known.contacts.live()}
    sides = {one.document["source"]["author"]["type"] for one in known.conversations.live()}
    assert {one["role"] for one in records["contacts"]} == roles == {"user", "lead"}
    assert {one["source"]["author"]["type"] for one in records["conversations"]} == sides


def test_every_record_is_what_its_schema_says(
    run_tap: Callable[..., Any], catalog_of: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """Every record of every stream is valid, and every field is declared, after days of activity."""
    sandbox.advance(days=5)
    run = run_tap(catalog=catalog_of(*(row.name for row in STREAMS)), intercom_version="2.16")
    schemas = {message["stream"]: message["schema"] for message in run.messages if message["type"] == "SCHEMA"}
    assert schemas.keys() == {row.name for row in STREAMS}
    for name, records in run.records.items():
        validator = Draft7Validator(schemas[name])
        problems = {error.message for record in records for error in validator.iter_errors(record)}
        undeclared = {key for record in records for key in record} - schemas[name]["properties"].keys()
        assert (name, problems, undeclared) == (name, set(), set())


def test_attributes_that_intercom_does_not_tell_end_no_run(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """When Intercom refuses to list data attributes, custom attributes have no types, and the log says why."""
    body = {"type": "error.list", "errors": [{"code": "parameter_invalid", "message": "model is invalid"}]}
    sandbox.fault(api="intercom", path="/data_attributes", effect={"status": 400, "body": body})
    run = run_tap()
    assert run.refusal is None
    assert run.records["contacts"][0]["custom_attributes"]
    assert "The schema has no types for the custom attributes of contacts" in caplog.text


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "https://api.intercom.io"),
        ({"region": "us"}, "https://api.intercom.io"),
        ({"region": "eu"}, "https://api.eu.intercom.io"),
        ({"region": "au"}, "https://api.au.intercom.io"),
        ({"region": "eu", "api_url": "https://proxy.example/intercom/"}, "https://proxy.example/intercom"),
    ],
    ids=["default", "us", "eu", "au", "an address of its own"],
)
def test_a_region_has_its_host(settings: dict[str, str], host: str, requests_mock: Mocker) -> None:
    """Each region has its own host, and the workspace confirms its region."""
    app = {"id_code": "abc", "region": settings.get("region", "us").upper()}
    requests_mock.get(f"{host}/me", json={"app": app})
    assert TapIntercom(config={"access_token": "t", **settings}).source.workspace.id == "abc"
