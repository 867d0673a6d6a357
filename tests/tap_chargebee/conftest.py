"""Runs of tap-chargebee against the sandbox, in the test's own process or as a command."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import backoff
import pytest
from tap_chargebee._kit.writer import Writer
from tap_chargebee.api.errors import UserError
from tap_chargebee.tap import TapChargebee
from warm_commands import run_command

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from sandbox.testing import RunningSandbox

TAP = Path(sys.executable).with_name("tap-chargebee")


@dataclass
class Run:
    """The output of one run of the tap."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    refusal: str | None = None

    @property
    def records(self) -> dict[str, list[dict[str, Any]]]:
        """The records of each stream, in the order of their messages."""
        found: dict[str, list[dict[str, Any]]] = {}
        for message in self.messages:
            if message["type"] == "RECORD":
                found.setdefault(message["stream"], []).append(message["record"])
        return found

    @property
    def states(self) -> list[dict[str, Any]]:
        """The bookmarks of each STATE, with `set` for values that differ in every run."""
        return [bookmarks(message["value"]) for message in self.messages if message["type"] == "STATE"]

    @property
    def state(self) -> dict[str, Any] | None:
        """The last STATE, which is the input of the next run."""
        values = [message["value"] for message in self.messages if message["type"] == "STATE"]
        return values[-1] if values else None


def bookmarks(state: dict[str, Any]) -> dict[str, Any]:
    """Return the bookmarks of a STATE; the marker's time and the hashes are checked and replaced by `set`."""
    found = {name: dict(bookmark) for name, bookmark in state["bookmarks"].items()}
    for bookmark in found.values():
        if "seen" in bookmark:
            assert all(len(word) == 16 for word in bookmark["seen"].split())
            bookmark["seen"] = "set"
    if "_sync" in found:
        assert type(found["_sync"]["completed_at"]) is int
        assert found["_sync"]["completed_at"] > 1_700_000_000_000
        found["_sync"]["completed_at"] = "set"
    return found


@cache
def discover() -> str:
    """Return the catalog of the tap, once for all tests: the SDK takes a tenth of a second for it."""
    return json.dumps(TapChargebee(config={}, validate_config=False).catalog_dict)


def selecting(*names: str) -> dict[str, Any]:
    """Return a catalog that selects only these streams."""
    catalog: dict[str, Any] = json.loads(discover())
    catalog["streams"] = [entry for entry in catalog["streams"] if entry["tap_stream_id"] in names]
    for entry in catalog["streams"]:
        entry["metadata"] = [
            one | {"metadata": one["metadata"] | ({} if one["breadcrumb"] else {"selected": True})}
            for one in entry["metadata"]
        ]
    return catalog


BILLING = selecting("customers", "invoices", "subscriptions")


class Collector(Writer):
    """Keeps the messages as decoded JSON, and calls a test's function for each of them."""

    def __init__(self, run: Run, on_message: Callable[[dict[str, Any]], None] | None) -> None:
        super().__init__()
        self._run = run
        self._on_message = on_message

    def write_message(self, message: Any) -> None:
        """Keep a message."""
        self._run.messages.append(json.loads(bytes(self.format_message(message))))
        if self._on_message is not None:
            self._on_message(self._run.messages[-1])


@pytest.fixture
def catalog_of() -> Callable[..., dict[str, Any]]:
    """Return a function that builds a catalog with the named streams selected."""
    return selecting


@pytest.fixture
def config(sandbox: RunningSandbox) -> dict[str, Any]:
    """Return the smallest config for the sandbox."""
    return {"site": "sandbox", "api_key": "sandbox_key", "api_url": sandbox.chargebee_url}


@pytest.fixture
def run_tap(config: dict[str, Any]) -> Iterator[Callable[..., Run]]:
    """Return a function that runs the tap in this process, by default with the three streams of a join.

    `run_tap(state=, catalog=, on_message=, SETTING=...)`
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(
        *,
        state: dict[str, Any] | None = None,
        catalog: dict[str, Any] | None = None,
        on_message: Callable[[dict[str, Any]], None] | None = None,
        everything: bool = False,
        **settings: Any,
    ) -> Run:
        done = Run()
        state = None if state is None else json.loads(json.dumps(state))
        catalog = None if everything else json.loads(json.dumps(BILLING if catalog is None else catalog))
        try:
            TapChargebee(
                config=config | settings,
                state=state,
                catalog=catalog,
                message_writer=Collector(done, on_message),
            ).sync_all()
        except UserError as refusal:
            done.refusal = refusal.message
        return done

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make retries follow without a wait."""
    monkeypatch.setattr(backoff, "full_jitter", lambda _: 0.0)


@pytest.fixture
def truth(sandbox: RunningSandbox) -> Callable[..., dict[str, list[dict[str, Any]]]]:
    """Return a function that returns the records that the tap should read.

    `truth(since=..)` returns them by stream, in Chargebee's form and order.
    """

    def records(since: int | None = None) -> dict[str, list[dict[str, Any]]]:
        business = sandbox.world.business
        found: dict[str, list[dict[str, Any]]] = {}
        for name, table in business.tables().items():
            order = "date" if name == "invoices" else "created_at"
            for record in sorted(table.records, key=lambda one: (getattr(one, order), one.row)):
                body = json.loads(json.dumps(table.body(record)))
                if name == "customers":
                    body["card"] = json.loads(business.card_json(record) or b"null")
                if since is None or body.get("updated_at", 0) >= since:
                    found.setdefault(name, []).append(body)
        return found

    return records


@pytest.fixture
def calls(sandbox: RunningSandbox) -> Callable[[], dict[str, int]]:
    """Return a function that counts the calls per path since it was last called."""

    def count() -> dict[str, int]:
        counted = {call["path"]: call["count"] for call in sandbox.calls()["calls"]}
        sandbox.clear_calls()
        return counted

    return count


@pytest.fixture
def command_line(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that builds the command line: `command_line(config, "--discover")`.

    The config becomes the file of --config. The default catalog selects the three streams of a join.
    """

    def words(config: dict[str, Any] | None, *arguments: str) -> list[str]:
        if config is None:
            return [str(TAP), *arguments]
        file = tmp_path / "config.json"
        file.write_text(json.dumps(config))
        catalog = tmp_path / "catalog.json"
        catalog.write_text(json.dumps(BILLING))
        chosen = [] if {"--catalog", "--discover", "--test"} & {*arguments} else ["--catalog", str(catalog)]
        return [str(TAP), *arguments, *chosen, "--config", str(file)]

    return words


@pytest.fixture
def command(command_line: Callable[..., list[str]]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs the command, with the arguments of `command_line`."""

    def run(config: dict[str, Any] | None, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_command(command_line(config, *arguments))

    return run
