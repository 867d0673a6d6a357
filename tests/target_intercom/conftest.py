"""A workspace in the sandbox, and the target that runs against it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from target_intercom.target import TargetIntercom
from warm_commands import run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sandbox.testing import RunningSandbox

COMMAND = Path(sys.executable).with_name("target-intercom")
TEXT, NUMBER = ["string", "null"], ["number", "null"]
ATTRIBUTES = {
    "cb_cust_id": {"type": TEXT, "description": "The customer's id in Chargebee"},
    "cb_cust_mrr": {"type": NUMBER, "description": "Monthly recurring revenue"},
    "cb_cust_status": {"type": TEXT},
    "cb_sub_status": {"type": TEXT},
    "cb_signed_up_at": {"type": TEXT, "format": "date-time"},
}
STATE = {"bookmarks": {"customers": {"replication_key_value": 1}}}


@dataclass
class Workspace:
    """Intercom's data in the sandbox."""

    sandbox: RunningSandbox

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the API like another program."""
        headers = {"Authorization": "Bearer sandbox_token", "Intercom-Version": "2.14"}
        reply = requests.request(method, self.sandbox.intercom_url + path, json=body, headers=headers, timeout=30)
        reply.raise_for_status()
        found: dict[str, Any] = reply.json()
        return found

    def add(self, **contact: Any) -> str:
        """Create a contact, and return its id in Intercom."""
        return str(self.call("POST", "/contacts", {"role": "user", **contact})["id"])

    def fill(self, contacts: Iterable[dict[str, Any]]) -> None:
        """Add users to the workspace without API calls."""
        intercom = self.sandbox.world.intercom
        for contact in contacts:
            document = intercom.new_contact({"role": "user"} | contact, intercom.clock.now())
            intercom.contacts.create(document, "test")

    def add_company(self, users: int = 1, **company: Any) -> str:
        """Create a company with this many new users, and return its id in Intercom."""
        company_id = str(self.call("POST", "/companies", company)["id"])
        for number in range(users):
            self.join(self.add(external_id=f"{company_id}-{number}"), company_id)
        return company_id

    def join(self, contact_id: str, company_id: str) -> None:
        """Attach a contact to a company, both by Intercom's id."""
        self.call("POST", f"/contacts/{contact_id}/companies", {"id": company_id})

    def fill_companies(self, companies: Iterable[dict[str, Any]]) -> None:
        """Add companies with one user each to the workspace without API calls."""
        intercom, now = self.sandbox.world.intercom, self.sandbox.world.clock.now()
        for company in companies:
            document = intercom.new_contact({"role": "user", "external_id": f"of-{company['company_id']}"}, now)
            user = intercom.contacts.create(document, "test")
            intercom.attach(user, intercom.companies.add(intercom.new_company(company, now), "test"), now, "test")

    def companies(self) -> list[dict[str, Any]]:
        """Return all live companies, newest last."""
        return [company.document for company in self.sandbox.world.intercom.companies.live()]

    def companies_of(self, contact_id: str) -> list[str]:
        """Return the `company_id` of every company that a contact is attached to."""
        found = self.call("GET", f"/contacts/{contact_id}/companies")["data"]
        return [company["company_id"] for company in found]

    def company(self, company_id: str) -> dict[str, Any]:
        """Read a company by Intercom's id."""
        return self.call("GET", f"/companies/{company_id}")

    def attribute(self, name: str, data_type: str, model: str = "contact") -> int:
        """Create a data attribute."""
        return int(self.call("POST", "/data_attributes", {"name": name, "model": model, "data_type": data_type})["id"])

    def get(self, contact_id: str) -> dict[str, Any]:
        """Read a contact."""
        return self.call("GET", f"/contacts/{contact_id}")

    def contacts(self) -> list[dict[str, Any]]:
        """Return all live contacts, newest last."""
        return [contact.document for contact in self.sandbox.world.intercom.contacts.live()]

    def emails(self) -> list[str]:
        """Return every live contact's e-mail address."""
        return [contact["email"] for contact in self.contacts()]

    def calls(self) -> dict[str, int]:
        """Count the calls since the last run began."""
        return {f"{call['method']} {call['path']}": call["count"] for call in self.sandbox.calls()["calls"]}

    def writes(self) -> int:
        """Count the calls since the last run began that changed a contact or a company."""
        writes = ("POST /contacts", "PUT /contacts/{id}", "POST /companies", "PUT /companies/{id}")
        return sum(self.calls().get(call, 0) for call in writes)


@dataclass
class Ran:
    """The results of a run."""

    states: list[dict[str, Any]]
    directory: Path

    @property
    def summary(self) -> dict[str, Any]:
        """Return `summary.json` without zeros, calls, times and the mode, for comparisons."""
        whole: dict[str, Any] = json.loads((self.directory / "summary.json").read_text())
        idle = (
            "calls",
            "waits",
            "waited_seconds",
            "seconds",
            "mode",
            "fields_written",
            "attributes_missing",
            "attributes_created",
            "streams",
            "outcomes",
        )
        return {name: value for name, value in whole.items() if value and name not in idle}

    def figure(self, name: str) -> Any:
        """Return one figure of `summary.json`."""
        return json.loads((self.directory / "summary.json").read_text())[name]

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Read `rejects.jsonl` or `changes.jsonl`."""
        return [json.loads(line) for line in (self.directory / f"{name}.jsonl").read_text().splitlines()]

    def rows(self, name: str) -> list[list[str]]:
        """Return a table's rows up to the column `stream`, without header and description of the record."""
        with (self.directory / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        width = header.index("stream") + 1 if "stream" in header else len(header)
        return [row[:width] for row in rows]

    def dicts(self, name: str, *columns: str) -> list[dict[str, str]]:
        """Return some columns of a table by name."""
        with (self.directory / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return [{column: row[column] for column in columns} for row in csv.DictReader(file)]


@dataclass
class Tool:
    """Runs the target on records."""

    workspace: Workspace
    directory: Path
    capsys: pytest.CaptureFixture[str]
    not_sent: list[dict[str, Any]] = field(default_factory=list)  #: what comes in the stream of that name
    is_subset: bool = False  #: whether the SCHEMA marks the input as a subset

    @property
    def calls(self) -> dict[str, int]:
        """Count the calls since the last run began, by method and path."""
        return self.workspace.calls()

    def config(self, **settings: Any) -> dict[str, Any]:
        """Return the settings for the sandbox."""
        url = self.workspace.sandbox.intercom_url
        return {"access_token": "sandbox_token", "api_url": url, "report_dir": str(self.directory)} | settings

    def run(self, records: Iterable[dict[str, Any]], **settings: Any) -> Ran:
        """Run the target in this process; the sandbox's call counts start at zero."""
        self.workspace.sandbox.clear_calls()
        self.capsys.readouterr()
        try:
            TargetIntercom(config=self.config(**settings)).listen(
                io.StringIO(
                    messages(records, settings.get("company_prefix", "cb_"), self.not_sent, is_subset=self.is_subset)
                )
            )
        finally:
            self.out = self.capsys.readouterr().out
        return Ran([json.loads(line) for line in self.out.splitlines()], self.directory)

    def build_input(self, records: Iterable[dict[str, Any]], **settings: Any) -> str:
        """Return the target's input as text."""
        prefix = settings.get("company_prefix", "cb_")
        return messages(records, prefix, self.not_sent, is_subset=self.is_subset)

    def read(self) -> Ran:
        """Return the results of the last run, even one that failed."""
        return Ran([], self.directory)

    def prepare(
        self, records: Iterable[dict[str, Any]], command: Sequence[str | Path] = (COMMAND,), **settings: Any
    ) -> list[str | Path]:
        """Write the settings and the whole input into files, and return the command line."""
        config, given = self.directory / "config.json", self.directory / "input.singer"
        self.directory.mkdir(exist_ok=True)
        config.write_text(json.dumps(self.config(**settings)))
        given.write_text(
            messages(records, settings.get("company_prefix", "cb_"), self.not_sent, is_subset=self.is_subset)
        )
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


FIELDS: dict[str, dict[str, Any]] = {
    "contacts": {name: {"type": TEXT} for name in ("external_id", "email", "name", "phone", "company_id")},
    "companies": {
        **{name: {"type": TEXT} for name in ("company_id", "name", "plan")},
        "monthly_spend": {"type": NUMBER},
        "remote_created_at": {"type": TEXT, "format": "date-time"},
    },
}


def schema_of(stream: str, prefix: str) -> dict[str, Any]:
    """Return the SCHEMA message of a stream whose attributes have this prefix."""
    attributes = {name.replace("cb_", prefix, 1): type_ for name, type_ in ATTRIBUTES.items()}
    properties = {
        "customer_id": {"type": "string"},
        **FIELDS[stream],
        "custom_attributes": {"type": "object", "properties": attributes},
    }
    schema = {"type": "object", "properties": properties}
    return {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": ["customer_id"]}


NOT_SENT = {
    "type": "SCHEMA",
    "stream": "not_sent",
    "schema": {"properties": {name: {"type": TEXT} for name in ("customer_id", "reason", "instead_of")}},
    "key_properties": ["customer_id"],
}


def messages(
    records: Iterable[dict[str, Any]],
    company_prefix: str = "cb_",
    not_sent: Sequence[dict[str, Any]] = (),
    *,
    is_subset: bool = False,
) -> str:
    """Return a tap's output: each stream's SCHEMA, the records and a STATE.

    A record without `email` is a company.
    """
    found = [("contacts" if "email" in record else "companies", record) for record in records]
    streams = dict.fromkeys(stream for stream, _ in found) or ["contacts"]
    schemas = [schema_of(stream, company_prefix if stream == "companies" else "cb_") for stream in streams]
    if is_subset:
        schemas = [one | {"schema": one["schema"] | {"x-standpipe-subset": True}} for one in schemas]
    lines: Sequence[dict[str, Any]] = [
        *schemas,
        *({"type": "RECORD", "stream": stream, "record": record} for stream, record in found),
        *([NOT_SENT] if not_sent else []),
        *({"type": "RECORD", "stream": "not_sent", "record": record} for record in not_sent),
        {"type": "STATE", "value": STATE},
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


def customer(customer_id: str, email: str | None = None, **attributes: Any) -> dict[str, Any]:
    """Return a contact record in the form that the map sends."""
    email = email if email is not None else f"{customer_id}@a.example"
    fields = {"customer_id": customer_id, "external_id": customer_id, "email": email, "name": customer_id.title()}
    return fields | {"custom_attributes": {"cb_cust_id": customer_id, "cb_cust_mrr": 10.5, **attributes}}


def company(customer_id: str, name: str | None = None, **values: Any) -> dict[str, Any]:
    """Return a company record in the form that the map sends; values that begin with cb become attributes."""
    attributes = {field: value for field, value in values.items() if field.startswith("cb")}
    fields = {field: value for field, value in values.items() if field not in attributes}
    prefix = next(iter(attributes), "cb_").partition("_")[0]
    attributes = {f"{prefix}_cust_id": customer_id, f"{prefix}_cust_mrr": 10.5, **attributes}
    standard = {"customer_id": customer_id, "company_id": customer_id, "name": name or customer_id.title()}
    return standard | fields | {"custom_attributes": attributes}


@pytest.fixture(name="company")
def company_() -> Callable[..., dict[str, Any]]:
    """Return a function that builds the record of a company: id, name, other fields and attributes."""
    return company


@pytest.fixture(name="customer")
def customer_() -> Callable[..., dict[str, Any]]:
    """Return a function that builds a record: id, e-mail address, attributes."""
    return customer


@pytest.fixture
def workspace(running_sandbox: RunningSandbox) -> Workspace:
    """Return an empty workspace."""
    running_sandbox.reset(customers=0)
    return Workspace(running_sandbox)


@pytest.fixture
def target(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tool:
    """Return the target, with settings for the workspace."""
    return Tool(workspace, tmp_path / "reports", capsys)
