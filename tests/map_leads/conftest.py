"""Runs map-leads on Intercom's records as Singer lines, and collects its output."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from in_process import swap_streams
from map_stores import StoredMap, database, databases
from standpipe_maps.leads.mapper import MapLeads
from standpipe_maps.leads.tables import FORM
from warm_commands import run_command

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable

__all__ = ["database", "databases"]  # fixtures
COMMAND = Path(sys.executable).with_name("map-leads")
STREAMS = ("companies", "contacts")
MARKER: dict[str, Any] = {"completed_at": 1768478400000, "streams": "companies,contacts", "from": None, "subset": 0}
BOOKMARK = {"contacts": {"replication_key": "updated_at", "replication_key_value": 1700000000}}
DATE = {"type": ["integer", "null"], "format": "unix-time"}
ATTRIBUTES = {
    "companies": {
        "account tier": {"type": ["string", "null"]},
        "seats_used": {"type": ["integer", "null"]},
        "expected_value": {"type": ["number", "null"]},
        "self_serve": {"type": ["boolean", "null"]},
        "trial_started_at": DATE,
        "history": {"type": ["array", "null"]},
    },
    "contacts": {
        "job_title": {"type": ["string", "null"]},
        "nps_score": {"type": ["integer", "null"]},
        "renewal_call_at": DATE,
    },
}


def line(kind: str, **parts: Any) -> str:
    """Return one Singer message as a line."""
    return json.dumps({"type": kind, **parts}) + "\n"


def schema(stream: str, attributes: dict[str, Any] | None = None) -> str:
    """Return the SCHEMA of a tap-intercom stream with the custom attributes that the workspace declares."""
    declared = ATTRIBUTES.get(stream, {}) if attributes is None else attributes
    customs = {"type": ["object", "null"], "properties": declared, "additionalProperties": True}
    properties = {"id": {"type": "string"}, "companies": {"type": ["object", "null"]}, "custom_attributes": customs}
    return line("SCHEMA", stream=stream, schema={"type": "object", "properties": properties}, key_properties=["id"])


def record(stream: str, row: dict[str, Any]) -> str:
    """Return one RECORD of the tap."""
    return line("RECORD", stream=stream, record=row)


def state(marker: dict[str, Any] | None = MARKER, **bookmarks: Any) -> str:
    """Return a STATE with the tap's bookmarks, further ones, and the marker unless it is None."""
    sync = {} if marker is None else {"_sync": marker}
    return line("STATE", value={"bookmarks": {**BOOKMARK, **sync, **bookmarks}})


def company(number: int, /, **values: Any) -> tuple[str, dict[str, Any]]:
    """Return a company in the form that the tap sends."""
    made = {"created_at": 1600000000, "updated_at": 1700000000}
    body = {"type": "company", "id": f"co{number}", "company_id": f"acme-{number}", "name": f"Acme {number}", **made}
    return "companies", {**body, "custom_attributes": {}, **values}


def contact(key: str, /, *companies: int, **values: Any) -> tuple[str, dict[str, Any]]:
    """Return a contact in the form that the tap sends, who belongs to the companies with these numbers."""
    links = [{"type": "company", "id": f"co{one}", "url": f"/companies/co{one}"} for one in companies]
    listed = {"type": "list", "data": links, "total_count": len(links), "has_more": False}
    made = {"created_at": 1600000000, "updated_at": 1700000000}
    body = {"type": "contact", "id": key, "role": "user", "email": f"{key}@x.io", "name": key.title(), **made}
    return "contacts", {**body, "companies": listed, "custom_attributes": {}, **values}


@dataclass
class Sent:
    """The messages that a run sent."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        """The types of the messages, in order."""
        return [message["type"] for message in self.messages]

    def of(self, stream: str) -> list[dict[str, Any]]:
        """Return the records of a stream, in order."""
        return [one["record"] for one in self.messages if one["type"] == "RECORD" and one["stream"] == stream]

    def ids(self, stream: str) -> set[str]:
        """Return the external ids of a stream's records that are not deleted."""
        return {one["external_id"] for one in self.of(stream) if one.get("_sdc_deleted_at") is None}

    @property
    def deleted(self) -> set[str]:
        """The external ids of contacts that are sent as deleted."""
        return {one["external_id"] for one in self.of("contacts")} - self.ids("contacts")

    def one(self, stream: str, external_id: str) -> dict[str, Any]:
        """Return the record with this external id."""
        (found,) = [one for one in self.of(stream) if one["external_id"] == external_id]
        return found

    def schema(self, stream: str) -> dict[str, Any]:
        """Return the JSON schema of a stream."""
        (found,) = [one["schema"] for one in self.messages if one["type"] == "SCHEMA" and one["stream"] == stream]
        return dict(found)

    @property
    def bookmarks(self) -> dict[str, Any]:
        """The bookmarks of the STATE that was sent."""
        (found,) = [message["value"]["bookmarks"] for message in self.messages if message["type"] == "STATE"]
        return dict(found)


@dataclass
class Mapper(StoredMap):
    """Runs the map with its own stores, and remembers what the target confirmed."""

    form = FORM

    def feed(self, lines: Iterable[str], **settings: Any) -> Sent:
        """Run the map in this process over these lines; when it raises, nothing may have been sent."""
        with swap_streams("".join(lines)) as output:
            try:
                MapLeads(config={**self.settings, **settings}).listen()
            except BaseException:
                assert output.getvalue() == b""
                raise
        return Sent([json.loads(text) for text in output.getvalue().splitlines()])

    def lines(self, *rows: tuple[str, dict[str, Any]], marker: dict[str, Any] | None = MARKER) -> list[str]:
        """Return the whole input of a run of tap-intercom."""
        echo = [line("STATE", value={"bookmarks": {**BOOKMARK, "_map": self.confirmed}})] if self.confirmed else []
        last = state(marker, **({"_map": self.confirmed} if self.confirmed else {}))
        return [*echo, *map(schema, STREAMS), *(record(*row) for row in rows), last]

    def run(self, *rows: tuple[str, dict[str, Any]], marker: dict[str, Any] | None = MARKER, **settings: Any) -> Sent:
        """Run the map over these (stream, record) pairs, and let the target confirm the result."""
        sent = self.feed(self.lines(*rows, marker=marker), **settings)
        if "STATE" in sent.kinds:
            self.confirmed = sent.bookmarks["_map"]
        return sent

    def command(self, lines: Iterable[str], *, before: str = "", **settings: Any) -> subprocess.CompletedProcess[str]:
        """Run the command over these lines, and code in its process before it."""
        path = self.folder.with_suffix(".json")
        path.write_text(json.dumps({**self.settings, **settings}))
        return run_command([COMMAND, "--config", path], text="".join(lines), before=before)

    def summary(self, name: str | None = None) -> dict[str, Any]:
        """Return the summary of the last run of a store; of the only one unless it is named."""
        (path,) = self.folder.glob(f"{name or '*'}.summary.json")
        summary: dict[str, Any] = json.loads(path.read_text())
        return summary


@pytest.fixture
def leads(tmp_path: Path, database: Callable[[], str | None]) -> Mapper:
    """Return a map without a store."""
    return Mapper(tmp_path / "stores", database())


@pytest.fixture
def fresh_leads(
    tmp_path_factory: pytest.TempPathFactory,
    database: Callable[[], str | None],
) -> Callable[[], Mapper]:
    """Return a function that creates maps without a store."""
    return lambda: Mapper(tmp_path_factory.mktemp("leads") / "stores", database())


class Say:
    """Builders of Singer lines and Intercom records, for tests that write a run by hand."""

    line = staticmethod(line)
    schema = staticmethod(schema)
    record = staticmethod(record)
    state = staticmethod(state)
    company = staticmethod(company)
    contact = staticmethod(contact)
    marker = MARKER
    schemas = tuple(schema(stream) for stream in STREAMS)


@pytest.fixture
def say() -> type[Say]:
    """Return the builders of Singer lines and Intercom records."""
    return Say
