"""The target as a Singer plugin: the SDK's tests, unknown streams, odd input and --about."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigurationError
from singer_sdk.testing import get_target_test_class
from target_chartmogul.settings import PROPERTIES
from target_chartmogul.target import TargetChartmogul
from warm_commands import run_command

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

CONFIG: dict[str, Any] = {"api_key": "sandbox_key"}
README = Path(__file__).parents[2] / "target-chartmogul" / "README.md"


class TestSdkSuite(get_target_test_class(TargetChartmogul, config=CONFIG)):  # type: ignore[misc]
    """The SDK's tests for targets, whose streams are all unknown to this one."""

    @pytest.fixture(autouse=True)
    def _sandbox(self, account: Any, tmp_path: Path) -> None:
        CONFIG.update(api_url=account.sandbox.chartmogul_url, report_dir=str(tmp_path))


def lines(*messages: dict[str, Any]) -> io.StringIO:
    """Return Singer messages as lines of text."""
    return io.StringIO("".join(json.dumps(message) + "\n" for message in messages))


def schema(stream: str, **properties: Any) -> dict[str, Any]:
    """Return a SCHEMA message keyed on `external_id`."""
    fields = {"external_id": {"type": "string"}, "name": {"type": ["string", "null"]}} | properties
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": fields},
        "key_properties": ["external_id"],
    }


def record(stream: str, **fields: Any) -> dict[str, Any]:
    """Return a RECORD message."""
    return {"type": "RECORD", "stream": stream, "record": fields}


def test_an_unknown_stream_is_skipped_with_one_warning(
    target: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """An unknown stream is skipped with one warning and counted, and STATE is printed."""
    plugin = TargetChartmogul(config=target.config())
    orders = (record("orders", external_id=number) for number in "12")
    plugin.listen(lines(schema("orders"), *orders, {"type": "STATE", "value": {"a": 1}}))
    warnings = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert warnings == ["The stream is skipped: target-chartmogul writes `customers` and `contacts`"]
    assert plugin.run.summary.other_streams == {"orders": 2}
    assert json.loads(capsys.readouterr().out) == {"a": 1}


def test_streams_without_records_read_nothing_but_the_sources(target: Any) -> None:
    """A run without records costs one call, and creates no data source."""
    assert target.run([]).states != []
    assert target.calls == {"GET /data_sources": 1}


def test_a_batch_message_is_refused_in_a_sentence(target: Any) -> None:
    """A BATCH message stops the run, because its records would be missed."""
    batch = {"type": "BATCH", "stream": "customers", "encoding": {"format": "jsonl"}, "manifest": ["file:///x"]}
    with pytest.raises(ConfigurationError, match=r"^target-chartmogul reads no BATCH messages"):
        TargetChartmogul(config=target.config()).listen(lines(schema("customers"), batch))


NO_MESSAGES = {
    "cut": '{"type": "RECORD", "stream": "customers", "record": {"external_id": "1", "email": "joe@a.exam',
    "text": "joe@a.example is read",
    "half a character": '{"type": "RECORD", "stream": "customers", "record": {"name": "joe@a.example \\ud83d"}}',
    "another type": '{"type": "joe@a.example"}',
    "no type": '{"joe@a.example": 1}',
    "no stream": '{"type": "RECORD", "record": {"email": "joe@a.example"}}',
    "no record": '{"type": "RECORD", "stream": "customers", "record": ["joe@a.example"]}',
    "no object": '["joe@a.example"]',
}


@pytest.mark.parametrize("line", NO_MESSAGES.values(), ids=NO_MESSAGES)
def test_a_line_that_is_no_message_ends_the_run_unshown(account: Any, target: Any, line: str) -> None:
    """Half a line from a killed tap ends the run in one sentence with its number, without personal data."""
    code, out, log = run_on(target, json.dumps(schema("customers")) + "\n" + line)
    assert (code, out, account.writes()) == (1, "", 0)
    assert "Line 2 of the input is not a Singer message" in log.splitlines()[-1]
    assert "joe" not in log
    assert "Traceback" not in log


def test_input_that_is_no_utf8_ends_the_run_in_a_sentence(target: Any) -> None:
    """Input that is not UTF-8, or a record before its schema, ends the run in one sentence."""
    code, _, log = run_on(target, b'{"type": "STATE", "value": {}}\n\xff\xfe\n')
    assert (code, "Traceback" in log) == (1, False)
    assert "Line 2 of the input is not a Singer message" in log
    code, _, log = run_on(target, json.dumps(record("customers", external_id="1")))
    assert (code, "before a corresponding schema" in log, "Traceback" in log) == (1, True, False)


def test_a_misspelt_setting_is_refused(target: Any) -> None:
    """An unknown setting is refused, because leads could otherwise go into the wrong data source."""
    code, _, log = run_on(target, "", data_source="Leads")
    assert code == 1
    assert "There is no setting `data_source`: did you mean `data_source_name`?" in log


def run_on(target: Any, given: str | bytes, **settings: Any) -> tuple[int, str, str]:
    """Run the command on this input, and return exit code, output and log."""
    target.directory.mkdir(exist_ok=True)
    config = target.directory / "config.json"
    config.write_text(json.dumps(target.config(**settings)))
    command = [Path(sys.executable).with_name("target-chartmogul"), "--config", config]
    done = run_command(command, text=given)
    return done.returncode, done.stdout, done.stderr


def test_any_tap_will_do(account: Any, target: Any) -> None:
    """A stream of another tap with very few fields is written."""
    sent = lines(schema("customers"), record("customers", external_id="1", name="One"), record("customers", name="No"))
    plugin = TargetChartmogul(config=target.config())
    plugin.listen(sent)
    assert account.customer("1")["name"] == "One"
    assert plugin.run.summary.counts.skipped == {"no_identifier": 1}


def test_fields_without_use_are_warned_of(target: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Unknown fields of a stream are named once in the log."""
    TargetChartmogul(config=target.config()).listen(lines(schema("customers", plan={"type": "string"})))
    assert "These fields of the stream are not used: plan" in caplog.text


def test_about_names_every_setting() -> None:
    """`target-chartmogul --about` describes every setting, and none of the SDK's that would have no effect."""
    command = Path(sys.executable).with_name("target-chartmogul")
    about = run_command([command, "--about", "--format=json"], check=True).stdout
    settings = json.loads(about)["settings"]["properties"]
    own = PROPERTIES.to_dict()["properties"]
    assert set(settings) == {*own, "stream_maps", "stream_map_config", "faker_config"}
    assert all(setting.get("description") and setting.get("title") for setting in own.values())


@pytest.mark.parametrize("name", sorted(PROPERTIES.to_dict()["properties"]))
def test_the_readme_names_every_setting(name: str) -> None:
    """Every setting is in the README."""
    assert f"`{name}`" in README.read_text()


def test_a_record_before_its_schema_is_one_sentence(target: Any) -> None:
    """A record of an undeclared stream ends the run without a traceback."""
    target.directory.mkdir(exist_ok=True)
    config, given = target.directory / "config.json", target.directory / "input.singer"
    config.write_text(json.dumps(target.config()))
    given.write_text(json.dumps(record("customers", id="1")) + "\n")
    command = [str(Path(sys.executable).with_name("target-chartmogul")), "--config", str(config), "--input", str(given)]
    ran = run_command(command)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "A record for stream 'customers' was encountered before a corresponding schema" in ran.stderr
    assert "Traceback" not in ran.stderr
