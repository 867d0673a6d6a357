"""Runs map-subscriptions on Singer lines, in this process or as a command, and collects its output."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from in_process import swap_streams
from map_stores import StoredMap, database, databases
from standpipe_maps.subscriptions.mapper import MapSubscriptions
from standpipe_maps.subscriptions.tables import FORM
from warm_commands import run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["database", "databases"]  # fixtures
COMMAND = Path(sys.executable).with_name("map-subscriptions")
STREAMS = ("customers", "invoices", "subscriptions")
MARKER: dict[str, Any] = {
    "completed_at": 1768478400000,
    "streams": "customers,invoices,subscriptions",
    "from": None,
    "subset": 0,
}
BOOKMARK = {"customers": {"replication_key": "updated_at", "replication_key_value": 1700000000}}


def line(kind: str, **parts: Any) -> str:
    """Return one Singer message as a line."""
    return json.dumps({"type": kind, **parts}) + "\n"


def schema(stream: str, properties: dict[str, Any] | None = None) -> str:
    """Return the SCHEMA of a stream of the tap."""
    shape = {"type": "object", "properties": {"id": {"type": "string"}, **(properties or {})}}
    return line("SCHEMA", stream=stream, schema=shape, key_properties=["id"])


def record(stream: str, row: dict[str, Any]) -> str:
    """Return one RECORD of the tap."""
    return line("RECORD", stream=stream, record=row)


def state(marker: dict[str, Any] | None = MARKER, **bookmarks: Any) -> str:
    """Return a STATE with the tap's bookmarks, further ones, and the marker unless it is None."""
    sync = {} if marker is None else {"_sync": marker}
    return line("STATE", value={"bookmarks": {**BOOKMARK, **sync, **bookmarks}})


@dataclass
class Sent:
    """The messages that a run sent."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        """The types of the messages, in order."""
        return [message["type"] for message in self.messages]

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of contacts or companies, in order."""
        return [one["record"] for one in self.messages if one["type"] == "RECORD" and one["stream"] != "not_sent"]

    @property
    def not_sent(self) -> list[dict[str, Any]]:
        """The records of the customers that were not sent, in order."""
        return [one["record"] for one in self.messages if one["type"] == "RECORD" and one["stream"] == "not_sent"]

    @property
    def totals(self) -> dict[str, Any]:
        """The totals of the customers, from the SCHEMA of `not_sent`."""
        (found,) = [one for one in self.messages if one["type"] == "SCHEMA" and one["stream"] == "not_sent"]
        totals: dict[str, Any] = found["schema"]["x-standpipe-totals"]
        return totals

    @property
    def customers(self) -> set[str]:
        """The ids of the customers that were sent."""
        return {one["customer_id"] for one in self.records}

    def attributes(self, customer: str = "c1") -> dict[str, Any]:
        """Return the custom attributes of one customer."""
        (found,) = [one for one in self.records if one["customer_id"] == customer]
        attributes: dict[str, Any] = found["custom_attributes"]
        return attributes

    @property
    def schema(self) -> dict[str, Any]:
        """The SCHEMA message of contacts or companies."""
        (found,) = [one for one in self.messages if one["type"] == "SCHEMA" and one["stream"] != "not_sent"]
        return found

    @property
    def bookmarks(self) -> dict[str, Any]:
        """The bookmarks of the STATE that was sent."""
        (found,) = [message["value"]["bookmarks"] for message in self.messages if message["type"] == "STATE"]
        bookmarks: dict[str, Any] = found
        return bookmarks


@dataclass
class Mapper(StoredMap):
    """Runs the map with its own stores, and remembers what the target confirmed."""

    form = FORM

    def feed(self, lines: Iterable[str], **settings: Any) -> Sent:
        """Run the map in this process over these lines; when it raises, nothing may have been sent."""
        with swap_streams("".join(lines)) as output:
            try:
                MapSubscriptions(config={**self.settings, **settings}).listen()
            except BaseException:
                assert output.getvalue() == b""
                raise
        return Sent([json.loads(text) for text in output.getvalue().splitlines()])

    def run(self, *rows: tuple[str, dict[str, Any]], marker: dict[str, Any] | None = MARKER, **settings: Any) -> Sent:
        """Run the map over these (stream, record) pairs, and let the target confirm the result."""
        echo = [line("STATE", value={"bookmarks": {**BOOKMARK, "_map": self.confirmed}})] if self.confirmed else []
        lines = [*echo, *map(schema, STREAMS), *(record(*row) for row in rows), state(marker, _map=self.confirmed)]
        sent = self.feed(lines, **settings)
        if "STATE" in sent.kinds:
            self.confirmed = sent.bookmarks["_map"]
        return sent

    def command(self, lines: Iterable[str], **settings: Any) -> subprocess.CompletedProcess[str]:
        """Run the command over these lines."""
        return run_command([COMMAND, "--config", self.settings_file(**settings)], text="".join(lines))

    def start(self, **settings: Any) -> subprocess.Popen[str]:
        """Start the command, which waits for input."""
        return subprocess.Popen(
            [COMMAND, "--config", self.settings_file(**settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, *arguments: str, text: str = "") -> Any:
        """Run one of the commands beside the run in this process, and return its JSON output."""
        words = ["--config", str(self.settings_file()), *arguments, "--json"]
        ran = CliRunner().invoke(MapSubscriptions.get_singer_command(), words, input=text, standalone_mode=False)
        if ran.exception:
            raise ran.exception
        return json.loads(ran.stdout)

    def settings_file(self, **settings: Any) -> Path:
        """Write a file with the command's settings, and return its path."""
        path = self.folder.with_suffix(".json")
        path.write_text(json.dumps({**self.settings, **settings}))
        return path

    def summary(self, name: str | None = None) -> dict[str, Any]:
        """Return the summary of a store's last run; without a name, of the only store."""
        if name is None:
            (path,) = self.folder.glob("*.summary.json")
        else:
            path = self.folder / f"{name}.summary.json"
        summary: dict[str, Any] = json.loads(path.read_text())
        return summary


@pytest.fixture
def mapper(tmp_path: Path, database: Callable[[], str | None]) -> Mapper:
    """Return a map without a store."""
    return Mapper(tmp_path / "stores", database())


class Lines:
    """Builders of Singer lines, for tests that write a run by hand."""

    line = staticmethod(line)
    schema = staticmethod(schema)
    record = staticmethod(record)
    state = staticmethod(state)
    marker = MARKER
    schemas = tuple(schema(stream) for stream in STREAMS)


@pytest.fixture
def lines() -> type[Lines]:
    """Return the builders of Singer lines."""
    return Lines


@pytest.fixture
def fresh_mapper(
    tmp_path_factory: pytest.TempPathFactory,
    database: Callable[[], str | None],
) -> Callable[[], Mapper]:
    """Return a function that creates maps without a store."""
    return lambda: Mapper(tmp_path_factory.mktemp("mapper") / "stores", database())
