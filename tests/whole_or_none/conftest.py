"""Both pipelines with their commands in the test's process, and faults in the vendors' answers."""

from __future__ import annotations

import io
import json
import logging
import signal
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import backoff
import click
import pytest
from requests.adapters import HTTPAdapter
from standpipe_maps.leads.mapper import MapLeads
from standpipe_maps.subscriptions.mapper import MapSubscriptions
from tap_chargebee.tap import TapChargebee
from tap_intercom.tap import TapIntercom
from target_chartmogul.api import rate_limit, sources
from target_chartmogul.matching import contact_ids
from target_chartmogul.target import TargetChartmogul
from target_intercom.target import TargetIntercom
from urllib3 import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    import requests
    from sandbox.testing import RunningSandbox

    Change = Callable[[str, str, Any], Any]

MANY = 1_000_000
PAGE = 5
"""Small enough that even a small world's lists have several pages."""
WORLD = {
    "customers": 12,
    "scroll_idle": 1,
    "rate_limit_per_window": MANY,
    "chartmogul_requests_per_second": MANY,
    "chartmogul_contact_attributes": "*",
}


@dataclass(frozen=True)
class End:
    """How a command ended: exit code, error message and output."""

    code: int
    sentence: str
    lines: list[str]

    @property
    def states(self) -> list[str]:
        """The STATE messages of its output."""
        return [line for line in self.lines if '"STATE"' in line or line.startswith('{"bookmarks"')]


@dataclass
class Pipe:
    """A tap, a map and a target with their settings, and the streams that the tap reads."""

    sandbox: RunningSandbox
    plugins: tuple[tuple[Any, dict[str, Any]], ...]
    streams: tuple[str, ...]
    folder: Path

    def run(self) -> list[End]:
        """Run all three commands from the start. Each reads the output of the one before, even if that one failed."""
        ends: list[End] = []
        for plugin, settings in self.plugins:
            ends.append(self._run(plugin, settings, "".join(ends[-1].lines) if ends else ""))
        return ends

    def _run(self, plugin: Any, settings: Mapping[str, Any], text: str) -> End:
        arguments = ["--config", self._write("config", settings)]
        if plugin in {TapChargebee, TapIntercom}:
            arguments += ["--catalog", str(self.folder / "catalog.json")]
        stdin, stdout = sys.stdin, sys.stdout
        output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        sys.stdin, sys.stdout = io.TextIOWrapper(io.BytesIO(text.encode())), output
        code, sentence = 0, ""
        with keep_process():
            try:
                plugin.cli.main(arguments, standalone_mode=False)
            except click.ClickException as error:
                code, sentence = error.exit_code, error.message
            finally:
                output.flush()
                sys.stdin, sys.stdout = stdin, stdout
        return End(code, sentence, output.buffer.getvalue().decode().splitlines(keepends=True))

    def choose_streams(self) -> None:
        """Write the tap's catalog."""
        plugin, settings = self.plugins[0]
        catalog = json.loads(json.dumps(plugin(config=dict(settings)).catalog_dict))
        catalog["streams"] = [one for one in catalog["streams"] if one["tap_stream_id"] in self.streams]
        for one in catalog["streams"]:
            for part in one["metadata"]:
                part["metadata"]["selected"] = part["breadcrumb"] not in UNWANTED
        self._write("catalog", catalog)

    def _write(self, name: str, value: Any) -> str:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(value))
        return str(path)


UNWANTED = [["properties", "tags"], ["properties", "notes"]]


@contextmanager
def keep_process() -> Iterator[None]:
    """Restore what a command changes in its process: signal handlers and logging."""
    handlers = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    root = logging.getLogger()
    level, logs = root.level, list(root.handlers)
    try:
        yield
    finally:
        for one, handler in handlers.items():
            signal.signal(one, handler)
        root.setLevel(level)
        root.handlers[:] = logs


@contextmanager
def no_waits() -> Iterator[None]:
    """Make every wait end at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backoff, "full_jitter", lambda _: 0.0)
        patch.setattr(time, "sleep", lambda _: None)
        patch.setattr("tap_intercom.api.scroll.PAUSE", 0.02)
        patch.setattr(rate_limit, "_SECOND", 0.001)
        patch.setattr("target_intercom.api.client.PAGE", PAGE)
        patch.setattr("target_chartmogul.api.client.PAGE", PAGE)
        for module in (sources, contact_ids):
            patch.setattr(module, "_PAUSE", 0.001)
        yield


@contextmanager
def changed_answers(change: Change) -> Iterator[None]:
    """Let `change` edit the JSON of each answer, by method and path."""
    send = HTTPAdapter.send

    def send_and_change(adapter: HTTPAdapter, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        response = send(adapter, request, **options)
        content = response.raw.read(decode_content=True)
        if response.status_code < HTTPStatus.MULTIPLE_CHOICES and content:
            path = urlsplit(str(request.url)).path
            content = json.dumps(change(str(request.method), path, json.loads(content))).encode()
        headers = {name: value for name, value in response.headers.items() if name.lower() in KEPT}
        response.raw = HTTPResponse(
            io.BytesIO(content), headers=headers, status=response.status_code, preload_content=False
        )
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HTTPAdapter, "send", send_and_change)
        yield


KEPT = {"date", "content-type"}


@contextmanager
def sync(sandbox: RunningSandbox) -> Iterator[Pipe]:
    """Yield the job `sync` over a new world."""
    sandbox.reset(**WORLD, companies_with_billing_ids=50)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tap = {"site": "sandbox", "api_key": "sandbox_key", "api_url": sandbox.chargebee_url, "page_size": PAGE}
        target = {
            "access_token": "sandbox_token",
            "api_url": sandbox.intercom_url,
            "report_dir": str(folder / "reports"),
            "on_no_match": "create",
        }
        plugins = ((TapChargebee, tap), (MapSubscriptions, {"store_dir": str(folder)}), (TargetIntercom, target))
        with no_waits():
            pipe = Pipe(sandbox, plugins, ("customers", "subscriptions", "invoices"), folder)
            pipe.choose_streams()
            yield pipe


@contextmanager
def sync_leads(sandbox: RunningSandbox) -> Iterator[Pipe]:
    """Yield the job `sync-leads` over a new world."""
    sandbox.reset(**WORLD)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tap = {"access_token": "sandbox_token", "api_url": sandbox.intercom_url, "page_size": PAGE}
        target = {
            "api_key": "sandbox_key",
            "api_url": sandbox.chartmogul_url,
            "report_dir": str(folder / "reports"),
        }
        plugins = ((TapIntercom, tap), (MapLeads, {"store_dir": str(folder)}), (TargetChartmogul, target))
        with no_waits():
            pipe = Pipe(sandbox, plugins, ("companies", "contacts"), folder)
            pipe.choose_streams()
            yield pipe


class Pipes:
    """Opens the jobs by name, each over a new world, and changes the vendors' answers."""

    jobs = MappingProxyType({"sync": sync, "sync-leads": sync_leads})
    changed_answers = staticmethod(changed_answers)

    def __init__(self, sandbox: RunningSandbox) -> None:
        self._sandbox = sandbox

    def open(self, job: str) -> AbstractContextManager[Pipe]:
        """Open a job over a new world."""
        return self.jobs[job](self._sandbox)


@pytest.fixture(scope="session")
def pipes(running_sandbox: RunningSandbox) -> Pipes:
    """Return the opener of both jobs."""
    return Pipes(running_sandbox)
