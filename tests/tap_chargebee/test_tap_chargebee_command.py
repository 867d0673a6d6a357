"""The command tap-chargebee: exit codes, sentences for mistakes, and logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.testing import RunningSandbox

    Command = Callable[..., subprocess.CompletedProcess[str]]

REFUSED = "Chargebee refused the key in the setting `api_key` for the site `sandbox` (401 api_authentication_failed)."
NO_API = "There is no Chargebee API at /configurations (404): check the settings `site` and `api_url`."
NO_TIME = (
    "In the state the `replication_key_value` of `customers` is not a unix time: fix it, or start with a full refresh."
)
BAD_DATE = "The setting `start_date` is not a date such as 2024-01-31 or 2024-01-31T00:00:00Z."
OTHER_SITE = (
    "The state belongs to the site `acme-test`, and the setting `site` is `sandbox` now: "
    "start with a full refresh (--full-refresh), or set it back."
)
STREAMS = ["customers", "invoices", "subscriptions"]


def told(log: str) -> list[str]:
    """Return the error messages in a log."""
    return [line.rsplit(" | ", 1)[-1] for line in log.splitlines() if "| ERROR " in line]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"site": "nobody"}, "The key in the setting `api_key` is not a key of the site `nobody`: check `site`."),
        (
            {"site": "https://sandbox.chargebee.com"},
            "The setting `site` takes the name alone, not a URL: `acme` for https://acme.chargebee.com.",
        ),
        (
            {"api_key": "wrong"},
            REFUSED,
        ),
        ({"start_date": "2099-01-01"}, "The setting `start_date` lies in the future."),
        ({"look_back": 300}, "There is no setting `look_back`: did you mean `lookback`?"),
        ({"lookback": "5 minutes"}, "The setting `lookback` must be a whole number of at least 0."),
        ({"start_date": "last week"}, BAD_DATE),
        (
            {"api_url": "acme.chargebee.com"},
            "The setting `api_url` is not a URL such as https://acme.chargebee.com/api/v2.",
        ),
        ({"customer_ids": []}, "The setting `customer_ids` is empty: name at least one customer, or leave it out."),
        (
            {"stream_maps": {"customers": {"x": "record["}}},
            "The setting `stream_maps` cannot be used: Failed to parse expression record[.",
        ),
        ({"page_size": 500}, "The setting `page_size` must be a whole number from 1 to 100."),
    ],
    ids=[
        "unknown site",
        "site is a URL",
        "wrong key",
        "start in the future",
        "misspelt",
        "no number",
        "no date",
        "no URL",
        "nobody",
        "no map",
        "out of range",
    ],
)
def test_a_wrong_setting_is_one_sentence(
    command: Command, config: dict[str, Any], change: dict[str, Any], sentence: str
) -> None:
    """A wrong setting ends the command with one sentence that names it, exit code 1 and no message."""
    done = command(config | change)
    assert (done.returncode, done.stdout, told(done.stderr)) == (1, "", [sentence])
    assert "Traceback" not in done.stderr


def test_a_missing_setting_is_one_sentence(command: Command) -> None:
    """Without site and key, the error asks for both and shows an example of each."""
    done = command({})
    assert (done.returncode, done.stdout) == (1, "")
    site = "The setting `site` is missing: `acme` for https://acme.chargebee.com (TAP_CHARGEBEE_SITE)."
    key = "The setting `api_key` is missing: a read-only key of the site (TAP_CHARGEBEE_API_KEY)."
    assert told(done.stderr) == [f"{site} {key}"]
    assert "Traceback" not in done.stderr


def test_a_wrong_path_is_one_sentence(command: Command, config: dict[str, Any]) -> None:
    """An `api_url` without a Chargebee API is reported in one sentence."""
    done = command(config | {"api_url": config["api_url"].replace("/chargebee", "/elsewhere")})
    assert (done.returncode, done.stdout, told(done.stderr)) == (1, "", [NO_API])


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        ("--state", "", "The file of --state is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("--state", "[]", 'The state is not a Singer state, {"bookmarks": {...}}.'),
        (
            "--state",
            '{"bookmarks": {"customers": {"replication_key_value": 1.5}}}',
            NO_TIME,
        ),
        ("--state", '{"bookmarks": [', "The file of --state is not JSON: Expecting value: line 1 column 16 (char 15)"),
        ("--state", '{"bookmarks": []}', 'The state is not a Singer state, {"bookmarks": {...}}.'),
        (
            "--state",
            '{"bookmarks": {"customers": 7}}',
            "The bookmark of `customers` in the state is not an object: fix it, or start with a full refresh.",
        ),
        ("--state", '{"bookmarks": {"customers": {"scope": "acme-test with deleted"}}}', OTHER_SITE),
        ("--catalog", "", "The file of --catalog is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("--catalog", '{"tables": []}', 'The catalog is not a Singer catalog, {"streams": [{...}, ...]}.'),
        (
            "--catalog",
            '{"streams": [{"tap_stream_id": "custmers", "schema": {"properties": {}}, "metadata": []}]}',
            "The catalog lists the stream `custmers`, which does not exist: did you mean `customers`?",
        ),
    ],
    ids=[
        "empty state",
        "state is a list",
        "a bookmark of half a second",
        "state is cut off",
        "bookmarks are a list",
        "a bookmark is a number",
        "another site",
        "empty catalog",
        "no catalog",
        "unknown stream",
    ],
)
def test_a_broken_file_is_one_sentence(command: Command, tmp_path: Path, option: str, text: str, sentence: str) -> None:
    """An unreadable state or catalog ends the command with one sentence, exit code 1 and no message."""
    file = tmp_path / "file.json"
    file.write_text(text)
    done = command({"site": "sandbox", "api_key": "sandbox_key"}, option, str(file))
    assert (done.returncode, done.stdout, told(done.stderr)) == (1, "", [sentence])
    assert "Traceback" not in done.stderr


def test_a_config_that_is_not_there_is_one_sentence(command: Command) -> None:
    """A --config file that does not exist is reported in one sentence."""
    done = command(None, "--config", "nowhere.json")
    assert (done.returncode, told(done.stderr)) == (
        1,
        ["The file of --config cannot be read as a JSON object: File at 'nowhere.json' was not found."],
    )


def test_trouble_in_the_middle_is_an_exit_code(
    command: Command, config: dict[str, Any], sandbox: RunningSandbox
) -> None:
    """A list that is refused after its first page ends the command with a sentence, exit code 1 and no marker."""
    body = {"api_error_code": "param_wrong_value", "message": "offset : expired"}
    sandbox.fault(api="chargebee", path="/invoices", nth=2, effect={"status": 400, "body": body})
    done = command(config)
    assert done.returncode == 1
    assert told(done.stderr)[-1] == "Chargebee refused to list /invoices of the site `sandbox` (400 param_wrong_value)."
    assert "_sync" not in done.stdout
    assert "Traceback" not in done.stderr


def test_the_log_holds_no_personal_data_and_no_key(command: Command, config: dict[str, Any]) -> None:
    """The log of a whole run has no e-mail address and no key."""
    done = command(config)
    assert done.returncode == 0
    assert "@" not in done.stderr
    assert "sandbox_key" not in done.stderr


def test_discovery_needs_no_network(command: Command) -> None:
    """Without settings, discovery lists every stream with its key and its replication key."""
    done = command(None, "--discover")
    catalog = json.loads(done.stdout)
    found = {
        stream["tap_stream_id"]: (stream["key_properties"], stream.get("replication_key"))
        for stream in catalog["streams"]
    }
    assert {name: found[name] for name in STREAMS} == dict.fromkeys(STREAMS, (["id"], "updated_at"))
    assert found["contacts"] == (["customer_id", "id"], None)
    assert found["events"] == (["id"], "occurred_at")
    assert len(found) == 69


def test_the_connection_test_reads_one_record_a_stream(command: Command, config: dict[str, Any]) -> None:
    """`--test` reads one record per stream, and logs no error."""
    done = command(config, "--test")
    assert "ERROR" not in done.stderr
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    read = [message["stream"] for message in messages if message["type"] == "RECORD"]
    assert set(STREAMS) < set(read)
    assert len(read) == len(set(read))
    assert all(not any(message["value"]["bookmarks"].values()) for message in messages if message["type"] == "STATE")


def test_the_connection_test_tells_a_wrong_key(command: Command, config: dict[str, Any]) -> None:
    """`--test` reports a wrong key in one sentence."""
    done = command(config | {"api_key": "wrong"}, "--test")
    assert done.returncode == 1
    assert told(done.stderr)[-1] == REFUSED
    assert "Traceback" not in done.stderr
