"""The command tap-intercom: exit codes, sentences for mistakes, and logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tap_intercom.api.errors import UserError
from tap_intercom.settings import find_region_problems
from tap_intercom.tap import TapIntercom

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.testing import RunningSandbox

    Command = Callable[..., subprocess.CompletedProcess[str]]

REFUSED = (
    "Intercom refused the token in the setting `access_token` (401 unauthorized): check it, and that `region` is the "
    "workspace's."
)
STREAMS = ["companies", "contacts", "conversations", "tickets"]


def told(log: str) -> list[str]:
    """Return the error messages in a log."""
    return [line.rsplit(" | ", 1)[-1] for line in log.splitlines() if "| ERROR " in line]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"access_token": "wrong"}, REFUSED),
        (
            {"intercom_version": "9.9"},
            (
                "Intercom's API has no version `9.9` (400 intercom_version_invalid): check the setting "
                "`intercom_version`."
            ),
        ),
        ({"start_date": "2099-01-01"}, "The setting `start_date` lies in the future."),
        ({"page_size": 500}, "The setting `page_size` must be a whole number from 1 to 150."),
    ],
    ids=["wrong token", "unknown version", "start in the future", "out of range"],
)
def test_a_wrong_setting_is_one_sentence(
    command: Command, config: dict[str, Any], change: dict[str, Any], sentence: str
) -> None:
    """A wrong setting ends the command with one sentence that names it, exit code 1 and no message."""
    done = command(config | change)
    assert (done.returncode, done.stdout, told(done.stderr)) == (1, "", [sentence])
    assert "Traceback" not in done.stderr


TOKEN = {"access_token": "t"}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({}, "The setting `access_token` is missing: the token of an Intercom app (TAP_INTERCOM_ACCESS_TOKEN)."),
        (
            {"access_token": "two words"},
            "The setting `access_token` contains a blank or another character that tokens never have: copy it again.",
        ),
        (TOKEN | {"region": "asia"}, "The setting `region` must be one of `us`, `eu`, `au`."),
        (TOKEN | {"api_url": "intercom.io"}, "The setting `api_url` is not a URL such as https://api.intercom.io."),
        (
            TOKEN | {"company_ids": [], "contact_ids": ["6a"]},
            "The setting `company_ids` is empty: name at least one company, or leave it out.",
        ),
        (
            TOKEN | {"contact_ids": []},
            "The setting `contact_ids` is empty: name at least one contact, or leave it out.",
        ),
        (TOKEN | {"intercom_version": "latest"}, "The setting `intercom_version` is not a version such as 2.14."),
        (
            TOKEN | {"start_date": "soon"},
            "The setting `start_date` is not a date such as 2024-01-31 or 2024-01-31T00:00:00Z.",
        ),
        (TOKEN | {"look_back": 300}, "There is no setting `look_back`: did you mean `lookback`?"),
    ],
    ids=["no token", "no such token", "region", "URL", "no company", "no contact", "version", "date", "misspelt"],
)
def test_what_is_wrong_with_a_setting(config: dict[str, Any], sentence: str) -> None:
    """A wrong setting is refused in one sentence that names it, before any request."""
    with pytest.raises(UserError) as refused:
        TapIntercom(config=config)
    assert refused.value.message == sentence


@pytest.mark.parametrize(
    ("region", "found", "sentences"),
    [
        ("us", "us", []),
        ("", "eu", []),
        ("us", "", []),
        ("us", "eu", ["The workspace of `access_token` is hosted in the region eu, not us: change `region`."]),
    ],
    ids=["right", "an address of its own", "not told", "wrong"],
)
def test_where_a_workspace_is_hosted(region: str, found: str, sentences: list[str]) -> None:
    """A token of another region is refused with a sentence that names that region."""
    assert find_region_problems(region, found) == sentences


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        ("--state", "{", "The file of --state is not JSON: Expecting property name enclosed in double quotes: "),
        ("--state", "[]", 'The state is not a Singer state, {"bookmarks": {...}}.'),
        (
            "--state",
            '{"bookmarks": {"contacts": {"read_at": 1.5}}}',
            "In the state the `read_at` of `contacts` is not a unix time: fix it, or start with a full refresh.",
        ),
        (
            "--state",
            '{"bookmarks": {"contacts": {"from": "2024-01-31"}}}',
            "In the state the `from` of `contacts` is not a unix time: fix it, or start with a full refresh.",
        ),
        (
            "--state",
            '{"bookmarks": {"contacts": 5}}',
            "The bookmark of `contacts` in the state is not an object: fix it, or start with a full refresh.",
        ),
        ("--catalog", '{"tables": []}', 'The catalog is not a Singer catalog, {"streams": [{...}, ...]}.'),
        (
            "--catalog",
            '{"streams": [{"tap_stream_id": "contact", "schema": {"properties": {}}, "metadata": []}]}',
            "The catalog lists the stream `contact`, which does not exist: did you mean `contacts`?",
        ),
    ],
    ids=["state is not JSON", "state is a list", "no time", "no bound", "no bookmark", "no catalog", "unknown stream"],
)
def test_a_broken_file_is_one_sentence(
    tmp_path: Path, option: str, text: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unreadable state or catalog is refused in one sentence, without any message."""
    file = tmp_path / "file.json"
    file.write_text(text)
    with pytest.raises(UserError) as refused:
        TapIntercom.cli.main(["--config", "ENV", option, str(file)], standalone_mode=False)
    assert refused.value.message.startswith(sentence)
    assert capsys.readouterr().out == ""


def test_a_broken_file_ends_the_command(command: Command, tmp_path: Path) -> None:
    """An unreadable file ends the command with exit code 1 and the sentence in the log, without a traceback."""
    file = tmp_path / "file.json"
    file.write_text("[]")
    done = command({"access_token": "sandbox_token"}, "--state", str(file))
    sentence = 'The state is not a Singer state, {"bookmarks": {...}}.'
    assert (done.returncode, done.stdout, told(done.stderr)) == (1, "", [sentence])
    assert "Traceback" not in done.stderr


def test_the_state_of_another_workspace_is_refused(run_tap: Callable[..., Any]) -> None:
    """The state of another workspace is refused before the first message."""
    run = run_tap(state={"bookmarks": {"contacts": {"replication_key": "updated_at", "workspace": "other"}}})
    assert run.messages == []
    assert run.refusal == (
        "The state belongs to the workspace `other`, and `access_token` belongs to `sandboxws`: start with a full "
        "refresh (--full-refresh), or set it back."
    )


def test_a_stream_of_a_later_version_is_one_sentence(
    run_tap: Callable[..., Any], catalog_of: Callable[..., Any]
) -> None:
    """A selected stream that the API version does not have is refused, with the version that has it."""
    run = run_tap(catalog=catalog_of("brands", "contacts"))
    assert run.messages == []
    assert run.refusal == (
        "The stream `brands` needs version 2.15 or later of Intercom's API, but the setting `intercom_version` is "
        "2.14: raise it, or deselect that stream."
    )


def test_a_wrong_path_is_one_sentence(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """An `api_url` without an Intercom API is reported in one sentence."""
    run = run_tap(api_url=f"{sandbox.url}/nowhere")
    assert run.refusal == (
        "There is no Intercom API at /me (404): check the settings `api_url` and `intercom_version`."
    )


def test_the_log_holds_no_personal_data_and_no_key(command: Command, config: dict[str, Any]) -> None:
    """The log of a whole run has no e-mail address and no token."""
    done = command(config)
    assert done.returncode == 0
    assert "@" not in done.stderr
    assert "sandbox_token" not in done.stderr


def test_discovery_needs_no_network(command: Command) -> None:
    """Without settings, discovery lists the streams of the version with their keys and replication keys."""
    catalog = json.loads(command(None, "--discover").stdout)
    found = {
        stream["tap_stream_id"]: (stream["key_properties"], stream.get("replication_key"))
        for stream in catalog["streams"]
    }
    assert {name: found[name] for name in STREAMS} == dict.fromkeys(STREAMS, (["id"], "updated_at"))
    assert found["contact_companies"] == (["contact_id", "company_id"], "contact_updated_at")
    assert found["contact_attributes"] == (["full_name"], None)
    assert "brands" not in found
    assert len(found) == 37


def test_discovery_with_a_token_types_the_workspaces_own_attributes(command: Command, config: dict[str, Any]) -> None:
    """With a token, discovery lists the type of each custom attribute."""
    catalog = json.loads(command(config, "--discover").stdout)
    (contacts,) = (stream for stream in catalog["streams"] if stream["tap_stream_id"] == "contacts")
    custom = contacts["schema"]["properties"]["custom_attributes"]["properties"]
    assert custom["nps_score"] == {"type": ["integer", "null"]}
    assert custom["beta_tester"] == {"type": ["boolean", "null"]}
    assert custom["renewal_call_at"] == {"type": ["integer", "null"], "format": "unix-time"}


def test_the_connection_test_reads_one_record_a_stream(
    command: Command, config: dict[str, Any], calls: Callable[[], dict[str, int]]
) -> None:
    """`--test` reads one record per stream, and opens no scroll."""
    done = command(config, "--test")
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    read = [message["stream"] for message in messages if message["type"] == "RECORD"]
    assert set(STREAMS) < set(read)
    assert len(read) == len(set(read))
    assert all(not any(message["value"]["bookmarks"].values()) for message in messages if message["type"] == "STATE")
    counted = calls()
    assert counted["/companies"] == 3
    assert "/companies/scroll" not in counted


def test_the_connection_test_tells_a_wrong_token(command: Command, config: dict[str, Any]) -> None:
    """`--test` reports a wrong token in one sentence."""
    done = command(config | {"access_token": "wrong"}, "--test")
    assert done.returncode == 1
    assert told(done.stderr)[-1] == REFUSED
    assert "Traceback" not in done.stderr
