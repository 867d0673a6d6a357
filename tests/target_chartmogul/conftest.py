"""An account in the sandbox, and the target that runs against it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sandbox.chartmogul.contact_operations import create_contact
from sandbox.chartmogul.customer_operations import create_customer
from sandbox.chartmogul.customers import Member
from sandbox.chartmogul.operations import Call
from target_chartmogul.api import rate_limit, sources
from target_chartmogul.matching import contact_ids
from target_chartmogul.merge import merger, unmerger
from target_chartmogul.target import TargetChartmogul
from warm_commands import run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sandbox.testing import RunningSandbox

COMMAND = Path(sys.executable).with_name("target-chartmogul")
TABLES = ("created", "updated", "unchanged", "held", "deleted", "skipped", "rejected")
SOURCE = "Intercom leads"
STATE = {"bookmarks": {"companies": {"replication_key_value": 1}}}
TEXT = {"type": ["string", "null"]}
DATE = {"type": ["string", "null"], "format": "date-time"}
CUSTOM = {
    "plan": TEXT,
    "seats": {"type": ["integer", "null"]},
    "score": {"type": ["number", "null"]},
    "vip": {"type": ["boolean", "null"]},
    "renewed_at": DATE,
}
FIELDS = {
    "customers": {
        **dict.fromkeys(("external_id", "name", "company", "email", "website_url", "country", "city"), TEXT),
        **dict.fromkeys(("lead_created_at", "free_trial_started_at"), DATE),
        "attributes": {
            "type": "object",
            "properties": {
                "custom": {"type": "object", "properties": CUSTOM},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
        },
    },
    "contacts": {
        **dict.fromkeys(
            ("customer_external_id", "external_id", "previous_external_id", "first_name", "last_name", "email",
             "phone", "title", "linked_in", "twitter"),
            TEXT,
        ),
        "custom": {"type": "object", "properties": {"csm_owner": TEXT, "nps_score": {"type": ["integer", "null"]},
                                                    "mood": TEXT}},
        "_sdc_deleted_at": DATE,
    },
}  # fmt: skip


@dataclass
class Account:
    """ChartMogul's data in the sandbox."""

    sandbox: RunningSandbox

    def reset(self, **switches: Any) -> None:
        """Start with a new account, practically without a rate limit, because the tests shorten the limit's second."""
        self.sandbox.reset(**{"customers": 0, "chartmogul_requests_per_second": 1_000_000, **switches})

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the API like another program."""
        url = self.sandbox.chartmogul_url + path
        reply = requests.request(method, url, json=body, auth=("sandbox_key", ""), timeout=30)
        reply.raise_for_status()
        found: dict[str, Any] = reply.json() if reply.content else {}
        return found

    @property
    def held(self) -> Any:
        """The sandbox's account in memory."""
        return self.sandbox.world.chartmogul

    def source(self, name: str = SOURCE) -> str:
        """Return the uuid of a source, and create it without API calls if it is missing."""
        found = [one.uuid for one in self.held.sources if one.name == name]
        return str(found[0] if found else self.held.new_source(name).uuid)

    def add(self, external_id: str, source: str = SOURCE, **fields: Any) -> str:
        """Create a customer, and return its uuid."""
        body = {"data_source_uuid": self.source(source), "external_id": external_id, **fields}
        return str(self.call("POST", "/customers", body)["uuid"])

    def add_contact(self, external_id: str, customer: str, **fields: Any) -> str:
        """Create a contact of a customer in the target's source, and return its uuid."""
        owner = self.customer(customer)["uuid"]
        body = {"data_source_uuid": self.source(), "customer_uuid": owner, "external_id": external_id, **fields}
        return str(self.call("POST", "/contacts", body)["uuid"])

    def customers(self, source: str = SOURCE) -> dict[str, dict[str, Any]]:
        """Return the customers of a source by external id."""
        uuid = self.source(source)
        entries = self._all(f"/customers?data_source_uuid={uuid}")
        return {
            external_id: entry
            for entry in entries
            for place, external_id in zip(entry["data_source_uuids"], entry["external_ids"], strict=True)
            if place == uuid
        }

    def customer(self, external_id: str, source: str = SOURCE) -> dict[str, Any]:
        """Return one customer of a source."""
        return self.customers(source)[external_id]

    def contacts(self) -> dict[str, dict[str, Any]]:
        """Return the contacts of the target's source by external id."""
        return {entry["external_id"]: entry for entry in self._all(f"/contacts?data_source_uuid={self.source()}")}

    def fill(self, customers: Iterable[dict[str, Any]], contacts: Iterable[dict[str, Any]]) -> None:
        """Add records to the source without API calls."""
        call = Call(self.held, {}, {}, {})
        uuid = self.source()
        for one in customers:
            custom = [
                {"type": "String", "key": key, "value": value} for key, value in one["attributes"]["custom"].items()
            ]
            body = {**one, "data_source_uuid": uuid, "attributes": {"custom": custom}}
            create_customer(replace(call, body=body))
        for one in contacts:
            owner = self.held.customers.find(Member(uuid, one["customer_external_id"]))
            create_contact(
                replace(call, body={**one, "data_source_uuid": uuid, "customer_uuid": owner.uuid, "custom": []})
            )

    def merge(self, uuid: str, into: str) -> None:
        """Merge two customers at once."""
        self.call("POST", "/customers/merges", {"from": {"customer_uuid": uuid}, "into": {"customer_uuid": into}})
        self.settle()

    def settle(self) -> None:
        """Carry out everything that was accepted for later."""
        self.held.jobs.run_all()

    def calls(self) -> dict[str, int]:
        """Count the calls since the last run began."""
        return {f"{call['method']} {call['path']}": call["count"] for call in self.sandbox.calls()["calls"]}

    def answers(self) -> dict[int, int]:
        """Count the answers of each status since the last run began."""
        found = self.sandbox.answers()["answers"]
        return {answer["status"]: answer["count"] for answer in found if answer["api"] == "chartmogul"}

    def writes(self) -> int:
        """Count the calls since the last run began, except reads."""
        return sum(count for call, count in self.calls().items() if not call.startswith("GET "))

    def _all(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            reply = self.call("GET", path + cursor)
            found += reply["entries"]
            if not reply["has_more"]:
                return found
            cursor = f"&cursor={reply['cursor']}"


@dataclass
class Ran:
    """The results of a run."""

    states: list[dict[str, Any]]
    directory: Path

    @property
    def summary(self) -> dict[str, Any]:
        """Return `summary.json` without zeros, calls, times and the mode, for comparisons."""
        whole: dict[str, Any] = json.loads((self.directory / "summary.json").read_text())
        idle = {"calls", "limited", "waited_seconds", "seconds", "mode", "fields_written", "streams"}
        return {name: value for name, value in whole.items() if value and name not in idle}

    def figure(self, name: str) -> Any:
        """Return one figure of `summary.json`."""
        return json.loads((self.directory / "summary.json").read_text())[name]

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Read `rejects.jsonl` or `changes.jsonl`."""
        return [json.loads(line) for line in (self.directory / f"{name}.jsonl").read_text().splitlines()]

    def rows(self, name: str) -> list[list[str]]:
        """Read a table without its header."""
        with (self.directory / f"{name}.csv").open(newline="") as file:
            return list(csv.reader(file))[1:]

    def ids(self) -> list[str]:
        """Return the ids of all rows of all tables, sorted."""
        return sorted(row[1] for name in TABLES for row in self.rows(name))


@dataclass
class Tool:
    """Runs the target on records."""

    account: Account
    directory: Path
    capsys: pytest.CaptureFixture[str]
    is_subset: bool = False  #: whether the SCHEMA marks the input as a subset

    @property
    def calls(self) -> dict[str, int]:
        """Count the calls since the last run began, by method and path."""
        return self.account.calls()

    def config(self, **settings: Any) -> dict[str, Any]:
        """Return the settings for the sandbox."""
        url = self.account.sandbox.chartmogul_url
        return {"api_key": "sandbox_key", "api_url": url, "report_dir": str(self.directory)} | settings

    def run(self, records: Iterable[dict[str, Any]], schema: Any = FIELDS, **settings: Any) -> Ran:
        """Run the target in this process; the sandbox's call counts start at zero."""
        self.account.sandbox.clear_calls()
        self.capsys.readouterr()
        try:
            TargetChartmogul(config=self.config(**settings)).listen(
                io.StringIO(messages(records, schema, is_subset=self.is_subset))
            )
        finally:
            self.out = self.capsys.readouterr().out
        return Ran([json.loads(line) for line in self.out.splitlines()], self.directory)

    def prepare(
        self, records: Iterable[dict[str, Any]], command: Sequence[str | Path] = (COMMAND,), **settings: Any
    ) -> list[str | Path]:
        """Write the settings and the whole input into files, and return the command line."""
        config, given = self.directory / "config.json", self.directory / "input.singer"
        self.directory.mkdir(exist_ok=True)
        config.write_text(json.dumps(self.config(**settings)))
        given.write_text(messages(records))
        return [*command, "--config", config, "--input", given]

    def start(
        self, records: Iterable[dict[str, Any]], *, command: Sequence[str | Path] = (COMMAND,), **settings: Any
    ) -> subprocess.Popen[str]:
        """Start the command, or another one in its place, with its whole input in a file."""
        words = self.prepare(records, command, **settings)
        return subprocess.Popen(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def wait_for(self, process: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
        """Wait for a condition, and fail the test when the process ends before it."""
        while not condition():
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
            assert process.poll() is None or condition()

    def command(self, records: Iterable[dict[str, Any]], **settings: Any) -> tuple[int, str, str]:
        """Run the command, and return exit code, output and log."""
        done = run_command(self.prepare(records, **settings))
        return done.returncode, done.stdout, done.stderr


def messages(records: Iterable[dict[str, Any]], schema: Any = FIELDS, *, is_subset: bool = False) -> str:
    """Return a tap's output: each stream's SCHEMA, the records and a STATE.

    A record with `customer_external_id` is a contact.
    """
    found = [("contacts" if "customer_external_id" in record else "customers", record) for record in records]
    lines = [
        *(
            {
                "type": "SCHEMA",
                "stream": stream,
                "schema": {"type": "object", "properties": fields, "x-standpipe-subset": is_subset},
                "key_properties": ["external_id"],
            }
            for stream, fields in schema.items()
        ),
        *({"type": "RECORD", "stream": stream, "record": record} for stream, record in found),
        {"type": "STATE", "value": STATE},
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


def lead(external_id: str, custom: dict[str, Any] | None = None, tags: list[str] | None = None, **fields: Any) -> Any:
    """Return a customer record in the form that the map sends."""
    plain = {"external_id": external_id, "name": external_id.title(), "company": external_id.title()}
    dates = dict.fromkeys(("lead_created_at", "free_trial_started_at"), "2025-11-05T08:30:00+00:00")
    return plain | dates | fields | {"attributes": {"custom": custom or {}, "tags": tags or []}}


def person(contact: str, customer: str, custom: dict[str, Any] | None = None, **fields: Any) -> Any:
    """Return a contact record in the form that the map sends."""
    plain = {"customer_external_id": customer, "external_id": f"{contact}:{customer}", "first_name": contact.title()}
    return plain | {"email": f"{contact}@a.example"} | fields | {"custom": custom or {}}


@pytest.fixture(name="lead")
def lead_() -> Callable[..., dict[str, Any]]:
    """Return a function that builds a customer record: external id, custom attributes, tags, other fields."""
    return lead


@pytest.fixture(name="person")
def person_() -> Callable[..., dict[str, Any]]:
    """Return a function that builds a contact record: name, customer, custom attributes, other fields."""
    return person


@pytest.fixture
def account(running_sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Return an account without customers; the rate limit's second and all pauses are shortened."""
    monkeypatch.setattr(rate_limit, "_SECOND", 0.001)
    for module in (sources, merger, unmerger, contact_ids):
        monkeypatch.setattr(module, "_PAUSE", 0.001)
    account = Account(running_sandbox)
    account.reset()
    return account


@pytest.fixture
def target(account: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tool:
    """Return the target, with settings for the account."""
    return Tool(account, tmp_path / "reports", capsys)
