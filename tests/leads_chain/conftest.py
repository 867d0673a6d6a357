"""The job `sync-leads` in the test's process: tap-intercom, map-leads and target-chartmogul against the sandbox."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests
from in_process import LineCollector, keep_signal_handlers, swap_streams
from standpipe_maps.leads.mapper import MapLeads
from tap_intercom.tap import TapIntercom
from target_chartmogul.api import rate_limit, sources
from target_chartmogul.matching import contact_ids
from target_chartmogul.target import TargetChartmogul

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.testing import RunningSandbox

STREAMS = ("companies", "contacts")
UNWANTED = [["properties", "tags"], ["properties", "notes"]]


def choose_streams() -> dict[str, Any]:
    """Return the catalog that meltano.yml's `select` makes: both streams, and contacts without tags and notes."""
    catalog = json.loads(json.dumps(TapIntercom(config={"access_token": "sandbox_token"}).catalog_dict))
    catalog["streams"] = [entry for entry in catalog["streams"] if entry["tap_stream_id"] in STREAMS]
    for entry in catalog["streams"]:
        for one in entry["metadata"]:
            is_unwanted = entry["tap_stream_id"] == "contacts" and one["breadcrumb"] in UNWANTED
            one["metadata"]["selected"] = not is_unwanted
    return dict(catalog)


with keep_signal_handlers():
    CATALOG = choose_streams()


@dataclass
class Chain:
    """The job `sync-leads` without Meltano: each run starts from the STATE that the run before it confirmed."""

    sandbox: RunningSandbox
    folder: Path
    settings: dict[str, dict[str, Any]]
    """By plugin."""
    state: dict[str, Any] | None = None
    sent: list[dict[str, Any]] = field(default_factory=list)
    """The RECORD messages of the map in the last run."""

    def run(self, *, killed_after: float | None = None) -> None:
        """Run tap, map and target.

        With `killed_after`, the target receives only this share of its input, and no STATE.
        """
        self.sandbox.clear_calls()
        with keep_signal_handlers():
            sent = self._map(self._tap())
        self.sent = [one for one in map(json.loads, sent) if one["type"] == "RECORD"]
        if killed_after is not None:
            self._target([one for one in sent if '"STATE"' not in one][: int(len(sent) * killed_after)])
            return
        states = self._target(sent)
        self.state = states[-1] if states else self.state

    def _tap(self) -> list[str]:
        config = {"access_token": "sandbox_token", "api_url": self.sandbox.intercom_url, **self.settings["tap"]}
        writer = LineCollector()
        state = None if self.state is None else json.loads(json.dumps(self.state))
        TapIntercom(
            config=config, state=state, catalog=json.loads(json.dumps(CATALOG)), message_writer=writer
        ).sync_all()
        return writer.lines

    def _map(self, lines: list[str]) -> list[str]:
        echo = [] if self.state is None else [json.dumps({"type": "STATE", "value": self.state}) + "\n"]
        first = lines[0] if lines else ""
        lines = lines if '"STATE"' in first else [*echo, *lines]
        with swap_streams("".join(lines)) as output:
            MapLeads(config={"store_dir": str(self.folder / "stores"), **self.settings["map"]}).listen()
        return output.getvalue().decode().splitlines(keepends=True)

    def _target(self, lines: list[str]) -> list[dict[str, Any]]:
        config = {
            "api_key": "sandbox_key",
            "api_url": self.sandbox.chartmogul_url,
            "report_dir": str(self.folder / "reports"),
            **self.settings["target"],
        }
        output = io.StringIO()
        with keep_signal_handlers(), redirect_stdout(output):
            TargetChartmogul(config=config).listen(io.StringIO("".join(lines)))
        return [json.loads(line) for line in output.getvalue().splitlines()]

    def calls(self, api: str) -> dict[str, int]:
        """Return the calls of the last run to an API, with their number."""
        found = self.sandbox.calls()["calls"]
        return {f"{one['method']} {one['path']}": one["count"] for one in found if one["api"] == api}

    def read(self, kind: str) -> list[dict[str, Any]]:
        """Return the customers or contacts of the data source `Intercom leads`, as ChartMogul shows them."""
        held = self.sandbox.world.chartmogul.sources
        (source,) = [one.uuid for one in held if one.name == "Intercom leads"]
        url = f"{self.sandbox.chartmogul_url}/{kind}?data_source_uuid={source}&per_page=200"
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            reply = requests.get(url + cursor, auth=("sandbox_key", ""), timeout=30).json()
            found += reply["entries"]
            if not reply["has_more"]:
                return found
            cursor = f"&cursor={reply['cursor']}"


@pytest.fixture
def leads_chain(sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """Return the chain with the settings of meltano.yml. Waits of seconds are shortened to milliseconds."""
    monkeypatch.setattr("tap_intercom.api.scroll.PAUSE", 0.02)
    monkeypatch.setattr(rate_limit, "_SECOND", 0.001)
    for module in (sources, contact_ids):
        monkeypatch.setattr(module, "_PAUSE", 0.001)
    tap = {"reread_every": 86_400, "scroll_every": 3600, "send_unchanged": ["companies"]}
    return Chain(sandbox, tmp_path, {"tap": tap, "map": {}, "target": {}})
