"""The SDK's messages about each stream are logged at level `debug`, and a plugin's own at `info`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk import metrics
from warm_commands import run_command

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

PLUGINS = {
    "tap-chargebee": "tap_chargebee.tap:TapChargebee",
    "tap-intercom": "tap_intercom.tap:TapIntercom",
    "target-intercom": "target_intercom.target:TargetIntercom",
    "target-chartmogul": "target_chartmogul.target:TargetChartmogul",
    "map-subscriptions": "standpipe_maps.subscriptions.mapper:MapSubscriptions",
    "map-leads": "standpipe_maps.leads.mapper:MapLeads",
}
METRIC = metrics.Point("counter", metrics.Metric.RECORD_COUNT, 7, {})
KEYS = {"access_token": "sandbox_token", "api_key": "sandbox_key", "site": "sandbox"}
INPUT = [
    {"type": "SCHEMA", "stream": "contacts", "schema": {"properties": {"email": {}, "custom_attributes": {}}}},
    {"type": "RECORD", "stream": "contacts", "record": {"email": "ann@a.example", "custom_attributes": {"cb_a": 1}}},
]


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(
    ("level", "messages"),
    [
        ("INFO", ["Read 7 customers"]),
        ("DEBUG", [f"METRIC: {METRIC}", "Skipping deselected stream 'coupons'.", "Read 7 customers"]),
    ],
)
def test_chatter_is_for_the_level_debug(  # noqa: PLR0913, PLR0917 - four fixtures and the table
    sandbox: RunningSandbox,
    plugin: str,
    level: str,
    messages: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    """Metrics and skipped streams are logged only at `debug`, by taps, targets and maps."""
    monkeypatch.setenv("LOGLEVEL", level)
    caplog.set_level(level, logger=plugin)
    kind = resolve_name(PLUGINS[plugin])
    known = {name: value for name, value in KEYS.items() if name in kind.config_jsonschema["properties"]}
    kinds = {"tap": {"api_url": sandbox.chargebee_url}, "target": {"report_dir": str(tmp_path)}}
    made = kind(config=known | kinds.get(plugin.partition("-")[0], {"store_dir": str(tmp_path)}))
    caplog.clear()
    metrics.log(made.metrics_logger, METRIC)
    made.logger.info("Skipping deselected stream '%s'.", "coupons")
    made.logger.info("Read 7 customers")
    assert caplog.messages == messages


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        ("tap-chargebee", {"site": "sandbox", "api_key": "sandbox_key", "api_url": "chargebee_url"}),
        ("target-intercom", {"access_token": "sandbox_token", "api_url": "intercom_url"}),
    ],
)
@pytest.mark.parametrize(("level", "has_metrics"), [("INFO", False), ("DEBUG", True)])
def test_the_log_of_a_run(  # noqa: PLR0913 - two fixtures and the table
    sandbox: RunningSandbox, tmp_path: Path, command: str, settings: dict[str, Any], *, level: str, has_metrics: bool
) -> None:
    """A whole run logs the SDK's metrics only at `debug`."""
    sandbox.reset(customers=2)
    config, given = tmp_path / "config.json", tmp_path / "input.singer"
    folder = {"report_dir": str(tmp_path / "reports")} if command.startswith("target-") else {}
    config.write_text(json.dumps(settings | folder | {"api_url": getattr(sandbox, settings["api_url"])}))
    given.write_text("".join(json.dumps(line | {"key_properties": []}) + "\n" for line in INPUT))
    line = [str(Path(sys.executable).with_name(command)), "--config", str(config)]
    line += ["--input", str(given)] if folder else []
    done = run_command(line, env=os.environ | {"LOGLEVEL": level})
    assert done.returncode == 0, done.stderr
    assert ("METRIC" in done.stderr) is has_metrics
    assert " | INFO " in done.stderr
