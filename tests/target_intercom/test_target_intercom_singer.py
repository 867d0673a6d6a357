"""The target as a Singer plugin: the SDK's tests, unknown streams, odd input and --about."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from singer_sdk.exceptions import ConfigurationError
from singer_sdk.testing import get_target_test_class
from standpipe_maps.subscriptions.mapper import MapSubscriptions
from target_intercom.settings import PROPERTIES
from target_intercom.target import TargetIntercom
from warm_commands import run_command

CONFIG: dict[str, Any] = {"access_token": "sandbox_token"}
ROOT = Path(__file__).parents[2]
README = ROOT / "target-intercom" / "README.md"


class TestSdkSuite(get_target_test_class(TargetIntercom, config=CONFIG)):  # type: ignore[misc]
    """The SDK's tests for targets, whose streams are all unknown to this one."""

    @pytest.fixture(autouse=True)
    def _sandbox(self, workspace: Any, tmp_path: Path) -> None:
        CONFIG.update(api_url=workspace.sandbox.intercom_url, report_dir=str(tmp_path))


def lines(*messages: dict[str, Any]) -> io.StringIO:
    """Return Singer messages as lines of text."""
    return io.StringIO("".join(json.dumps(message) + "\n" for message in messages))


def schema(stream: str, **properties: Any) -> dict[str, Any]:
    """Return a SCHEMA message keyed on `id`."""
    fields = {"id": {"type": "string"}, "email": {"type": ["string", "null"]}} | properties
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": fields},
        "key_properties": ["id"],
    }


def record(stream: str, **fields: Any) -> dict[str, Any]:
    """Return a RECORD message."""
    return {"type": "RECORD", "stream": stream, "record": fields}


def test_an_unknown_stream_beside_a_known_one_is_skipped_with_one_warning(
    target: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """An unknown stream is skipped with one warning and counted, and STATE is printed."""
    plugin = TargetIntercom(config=target.config())
    orders = [record("orders", id="1"), record("orders", id="2")]
    plugin.listen(lines(schema("contacts"), schema("orders"), *orders, {"type": "STATE", "value": {"a": 1}}))
    warnings = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert warnings == ["The stream is skipped: target-intercom writes `contacts` and `companies`"]
    assert plugin.run.summary.other_streams == {"orders": 2}
    assert json.loads(capsys.readouterr().out) == {"a": 1}


def test_a_stream_without_records_reads_nothing_but_the_token(target: Any) -> None:
    """A stream without records costs one call, which checks the token."""
    TargetIntercom(config=target.config()).listen(lines(schema("contacts")))
    assert target.calls == {"GET /me": 1}


def test_a_batch_message_is_refused_in_a_sentence(target: Any) -> None:
    """A BATCH message stops the run, because its records would be missed."""
    batch = {"type": "BATCH", "stream": "contacts", "encoding": {"format": "jsonl"}, "manifest": ["file:///x"]}
    with pytest.raises(ConfigurationError, match=r"^target-intercom reads no BATCH messages"):
        TargetIntercom(config=target.config()).listen(lines(schema("contacts"), batch))


def test_a_record_without_key_or_identifier_is_accounted_for(workspace: Any, target: Any) -> None:
    """Records without the key property are still matched; those without an address are counted as skipped."""
    ann = workspace.add(email="ann@a.example")
    plugin = TargetIntercom(config=target.config())
    stream = schema("contacts", custom_attributes={"properties": {"cb_plan": {"type": "string"}}})
    plugin.listen(lines(stream, record("contacts", email="ann@a.example"), record("contacts", id="2")))
    assert plugin.run.summary.counts.outcomes == {"updated": 1}
    assert plugin.run.summary.counts.skipped == {"no_identifier": 1}
    assert workspace.get(ann)["custom_attributes"] == {"cb_created_by": False}


def test_any_tap_will_do(workspace: Any, target: Any) -> None:
    """A stream of another tap with another prefix and no link is written."""
    ann = workspace.add(email="ann@a.example")
    attributes = {"type": "object", "properties": {"crm_tier": {"type": "string"}, "other": {"type": "string"}}}
    settings = {"owned_prefix": "crm_", "link_attribute": ""}
    values = {"crm_tier": "gold", "other": "x"}
    TargetIntercom(config=target.config(**settings)).listen(
        lines(
            schema("contacts", custom_attributes=attributes),
            record("contacts", id="7", email="ann@a.example", custom_attributes=values),
        )
    )
    assert workspace.get(ann)["custom_attributes"] == {"crm_tier": "gold", "crm_created_by": False}


def test_about_names_every_setting() -> None:
    """`target-intercom --about` describes every setting, and none of the SDK's that would have no effect."""
    command = Path(sys.executable).with_name("target-intercom")
    about = run_command([command, "--about", "--format=json"], check=True).stdout
    settings = json.loads(about)["settings"]["properties"]
    assert set(settings) == set(PROPERTIES.to_dict()["properties"]) | {
        "stream_maps",
        "stream_map_config",
        "faker_config",
    }
    assert all(setting.get("description") for setting in PROPERTIES.to_dict()["properties"].values())


@pytest.mark.parametrize("name", sorted(PROPERTIES.to_dict()["properties"]))
def test_the_readme_names_every_setting(name: str) -> None:
    """Every setting is in the README."""
    assert f"`{name}`" in README.read_text()


SETTINGS = {"TARGET_INTERCOM": PROPERTIES.to_dict(), "MAP_SUBSCRIPTIONS": MapSubscriptions.config_jsonschema}


@pytest.mark.parametrize("line", re.findall(r"^((?:TARGET|MAP)_[A-Z_]+=\S+)$", README.read_text(), re.MULTILINE))
def test_the_readmes_set_ups_can_be_pasted(line: str) -> None:
    """Every line of the README's set-ups is an existing setting with an accepted value."""
    name, _, value = line.partition("=")
    prefix = next(prefix for prefix in SETTINGS if name.startswith(prefix))
    schema = SETTINGS[prefix]["properties"][name.removeprefix(f"{prefix}_").lower()]
    assert value in schema.get("enum", [value])
    assert re.search(schema.get("pattern", ""), value)


def test_the_readme_has_the_three_set_ups() -> None:
    """The README has set-ups for B2B by company id, B2C by e-mail and B2C by user id."""
    assert re.findall(r"^MAP_SUBSCRIPTIONS_MATCH_ON=(.*)$", README.read_text(), re.MULTILINE) == [
        "company_id",
        "email",
        "user_id",
    ]


@pytest.mark.parametrize(
    "line",
    [
        '{"type": "RECORD", "stream": "STREAM", "record": {"id": "1", "email": "secret@a.example"',
        '{"type": "RECORD", "stream": "STREAM", "record": {"email": "secret@a.example", "score": NaN}}',
        '{"type": "RECORD", "stream": "STREAM", "record": {"email": "secret@a.example\\ud800"}}',
        '{"type": "RECORD", "stream": "STREAM", "record": ["secret@a.example"]}',
        '{"type": "RECORD", "record": {"email": "secret@a.example"}}',
        '{"type": "PERSON", "email": "secret@a.example"}',
        '{"email": "secret@a.example"}',
        '"secret@a.example"',
        "Hello secret@a.example",
        "\udcff secret@a.example",
    ],
    ids=[
        "cut",
        "NaN",
        "half a character",
        "no object",
        "no stream",
        "another type",
        "no type",
        "text",
        "print",
        "bytes",
    ],
)
def test_a_line_that_is_no_message_is_one_sentence_without_it(target: Any, line: str) -> None:
    """An unreadable line ends the run with its number only, because it may have personal data."""
    target.directory.mkdir(exist_ok=True)
    config, given = target.directory / "config.json", target.directory / "input.singer"
    config.write_text(json.dumps(target.config()))
    text = json.dumps(schema("STREAM")) + "\n\n" + line + "\n"
    given.write_bytes(text.replace("STREAM", "contacts").encode(errors="surrogateescape"))
    command = [str(Path(sys.executable).with_name("target-intercom")), "--config", str(config)]
    ran = run_command(command, text=given.read_bytes())
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "Line 3 of the input is not a Singer message" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "secret" not in ran.stderr


def test_a_record_before_its_schema_is_one_sentence(target: Any) -> None:
    """A record of an undeclared stream ends the run without a traceback."""
    target.directory.mkdir(exist_ok=True)
    config, given = target.directory / "config.json", target.directory / "input.singer"
    config.write_text(json.dumps(target.config()))
    given.write_text(json.dumps(record("contacts", id="1")) + "\n")
    command = [str(Path(sys.executable).with_name("target-intercom")), "--config", str(config), "--input", str(given)]
    ran = run_command(command)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "A record for stream 'contacts' was encountered before a corresponding schema" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("attributes", ["text", [1], 5], ids=str)
def test_custom_attributes_that_are_no_object_cost_their_record_only(
    workspace: Any, target: Any, attributes: Any
) -> None:
    """A record whose custom attributes are not an object is rejected; the others are written."""
    workspace.add(email="ann@a.example")
    bob = workspace.add(email="bob@a.example")
    stream = schema("contacts", custom_attributes={"properties": {"cb_plan": {"type": "string"}}})
    odd = record("contacts", id="1", email="ann@a.example", custom_attributes=attributes)
    good = record("contacts", id="2", email="bob@a.example", custom_attributes={"cb_plan": "gold"})
    TargetIntercom(config=target.config()).listen(lines(stream, odd, good))
    (reject,) = [json.loads(line) for line in (target.directory / "rejects.jsonl").read_text().splitlines()]
    assert (reject["id"], reject["reason"]) == ("1", "the value of `custom_attributes` is not an object")
    assert workspace.get(bob)["custom_attributes"]["cb_plan"] == "gold"
