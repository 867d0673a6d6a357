"""The plugins share a rate limit where `limit_url` is set, and change nothing where it is not."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from postgres import needs_postgres
from sandbox.intercom import limits
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox
from singer_kit.limit_stores import name_account
from warm_commands import run_command

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

pytestmark = needs_postgres
BIN = Path(sys.executable).parent
CONTACTS: dict[str, Any] = {"properties": {"customer_id": {}, "email": {}, "name": {}, "custom_attributes": {}}}
LEADS: dict[str, Any] = {"properties": {"external_id": {}, "name": {}}}


def schema(stream: str, shape: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the SCHEMA message of a stream of texts."""
    properties = {name: {"type": ["string", "null"], **one} for name, one in shape["properties"].items()}
    if "custom_attributes" in properties:
        properties["custom_attributes"] = {"type": "object", "properties": {"cb_plan": {"type": "string"}}}
    found = {"type": "object", "properties": properties}
    return {"type": "SCHEMA", "stream": stream, "schema": found, "key_properties": [key]}


def rows(stream: str, records: list[dict[str, Any]], shape: dict[str, Any], key: str) -> str:
    """Return the messages of a tap with one stream."""
    messages = [
        schema(stream, shape, key),
        *({"type": "RECORD", "stream": stream, "record": record} for record in records),
    ]
    return "".join(json.dumps(message) + "\n" for message in messages)


def customers(count: int) -> str:
    """Return contacts that Intercom does not have, in the shape of target-intercom."""
    people = [
        {"customer_id": f"c{number}", "email": f"c{number}@a.example", "custom_attributes": {"cb_plan": "gold"}}
        for number in range(count)
    ]
    return rows("contacts", people, CONTACTS, "customer_id")


def leads(count: int) -> str:
    """Return customers in the shape of target-chartmogul."""
    records = [{"external_id": f"l{number}", "name": f"Lead {number}"} for number in range(count)]
    return rows("customers", records, LEADS, "external_id")


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSandbox]:
    """Yield a sandbox for this file, as its limits are changed."""
    with RunningSandbox(Settings(customers=60)) as sandbox:
        yield sandbox


@pytest.fixture
def limited(server: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> RunningSandbox:
    """Return a sandbox whose Intercom permits forty calls in a window of one second."""
    monkeypatch.setattr(limits, "SECONDS", 1)
    server.reset(customers=60, rate_limit_per_window=40)
    return server


def run_plugin(
    folder: Path, sandbox: RunningSandbox, plugin: str, text: str = "", **settings: Any
) -> subprocess.CompletedProcess[str]:
    """Run a plugin, whose window of Intercom's limit is a second long like the sandbox's."""
    own = {
        "tap-chargebee": {"site": "sandbox", "api_key": "sandbox_key", "api_url": sandbox.chargebee_url},
        "tap-intercom": {"access_token": "sandbox_token", "api_url": sandbox.intercom_url},
        "target-intercom": {"access_token": "sandbox_token", "api_url": sandbox.intercom_url},
        "target-chartmogul": {"api_key": "sandbox_key", "api_url": sandbox.chartmogul_url},
    }[plugin]
    if plugin.startswith("target"):
        own["report_dir"] = str(folder / plugin)
    config = folder / f"{plugin}.json"
    config.write_text(json.dumps(own | settings))
    module = f"{plugin.replace('-', '_')}._kit.shared_pacer"
    before = f"import {module} as s; s.VENDOR_LIMITS = {{**s.VENDOR_LIMITS, 'Intercom': s.VendorLimit(1, 20)}}"
    return run_command([BIN / plugin, "--config", str(config)], text=text, before=before)


def read_accounts(url: str) -> dict[str, str]:
    """Return the states of all accounts in the database."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return dict(connection.execute("SELECT account, state FROM standpipe_limits.accounts").fetchall())


def count_refusals(sandbox: RunningSandbox) -> int:
    """Return the number of 429s that the sandbox answered."""
    return sum(one["count"] for one in sandbox.answers()["answers"] if one["status"] == 429)


def test_two_pipelines_on_one_token_never_see_a_429(
    limited: RunningSandbox, postgres_database: str, tmp_path: Path
) -> None:
    """A tap reads the workspace while a target writes to it, and Intercom refuses no call of either."""

    def run(plugin: str, text: str, settings: dict[str, Any]) -> int:
        return run_plugin(tmp_path, limited, plugin, text, limit_url=postgres_database, **settings).returncode

    with ThreadPoolExecutor(2) as executor:
        tap = executor.submit(run, "tap-intercom", "", {"page_size": 3})
        target = executor.submit(run, "target-intercom", customers(40), {"on_no_match": "create"})
        assert (tap.result(), target.result()) == (0, 0)
    assert count_refusals(limited) == 0
    assert limited.calls()["total"] > 2 * 40
    account = name_account("Intercom", limited.intercom_url, "sandbox_token")
    assert json.loads(read_accounts(postgres_database)[account])[2] == 40


OWNERS = {
    "tap-chargebee": ("Chargebee", "sandbox"),
    "tap-intercom": ("Intercom", "sandbox_token"),
    "target-intercom": ("Intercom", "sandbox_token"),
    "target-chartmogul": ("ChartMogul", "sandbox_key"),
}
"""The vendor of each plugin, and what its limit belongs to."""
TEXTS = {"target-intercom": customers(3), "target-chartmogul": leads(3)}
PACES = {"tap-chargebee": {"requests_per_minute": 60_000}}


@pytest.mark.parametrize("plugin", OWNERS)
def test_a_shared_limit_changes_no_call(
    server: RunningSandbox, postgres_database: str, tmp_path: Path, plugin: str
) -> None:
    """A plugin makes the same calls with and without it, and the database has a digest in place of the key."""
    made = []
    for number, shared in enumerate(({}, {"limit_url": postgres_database})):
        server.reset(customers=20)
        folder = tmp_path / str(number)
        folder.mkdir()
        done = run_plugin(folder, server, plugin, TEXTS.get(plugin, ""), **PACES.get(plugin, {}), **shared)
        assert done.returncode == 0, done.stderr
        made.append(server.calls())
    assert made[0] == made[1]
    vendor, owner = OWNERS[plugin]
    base = {"Chargebee": server.chargebee_url, "Intercom": server.intercom_url, "ChartMogul": server.chartmogul_url}
    accounts = read_accounts(postgres_database)
    assert name_account(vendor, base[vendor], owner) in accounts
    assert "sandbox" not in str(accounts)


@pytest.mark.parametrize("plugin", OWNERS)
def test_without_the_database_no_call_is_made(server: RunningSandbox, tmp_path: Path, plugin: str) -> None:
    """A database that does not answer ends the run with one sentence before the first call."""
    server.reset(customers=1)
    url = "postgresql://me:secret@127.0.0.1:1/name"
    done = run_plugin(tmp_path, server, plugin, TEXTS.get(plugin, ""), **PACES.get(plugin, {}), limit_url=url)
    assert (done.returncode, server.calls()["total"]) == (1, 0)
    assert "The database of `limit_url` could not be reached (connection failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_chargebee_needs_the_number_of_calls(server: RunningSandbox, tmp_path: Path) -> None:
    """Chargebee does not say how many calls it permits, so the tap has to be told."""
    done = run_plugin(tmp_path, server, "tap-chargebee", limit_url="postgresql://host/name")
    assert done.returncode == 1
    assert (
        "The setting `limit_url` needs `requests_per_minute`, as Chargebee does not say how many calls it permits: 150 "
        "for a test site or the plan Starter, 1000 for Performance, 3500 for Enterprise."
    ) in done.stderr
