"""After their parent is killed, plugins of Meltano stop before their next request, while those of a shell go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from singer_kit.journal import Write, list_journals, open_journal

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

#: Replaces Meltano or a shell: it starts a plugin with output and log in files, and waits to be killed.
PARENT = """
import subprocess, sys, time
with open("out", "wb") as out, open("log", "wb") as log:
    subprocess.Popen(sys.argv[1:], stdout=out, stderr=log)
time.sleep(60)
"""
GONE = "Meltano, which started this run, is gone: no STATE was written, so the next run starts from the same point."
TEXT = {"type": ["string", "null"]}
SCHEMA = {"customer_id": TEXT, "email": TEXT, "custom_attributes": {"type": "object", "properties": {"cb_note": TEXT}}}


class Orphan:
    """A plugin without its parent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def out(self) -> str:
        """Its output."""
        return (self._folder / "out").read_text()

    @property
    def log(self) -> str:
        """Its log."""
        return (self._folder / "log").read_text()


def wait_until(reached: Callable[[], bool]) -> None:
    """Wait until other processes have done something."""
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def orphan(folder: Path, command: list[str], variable: str, is_due: Callable[[], bool]) -> Orphan:
    """Start a plugin whose parent sets a variable, kill the parent when `due` holds, and wait for the plugin."""
    path = Path(sys.executable).with_name(command[0])
    env = {name: value for name, value in os.environ.items() if not name.startswith("MELTANO")} | {variable: "x"}
    parent = [sys.executable, "-c", PARENT, str(path), *command[1:]]
    with subprocess.Popen(parent, cwd=folder, env=env) as process:
        wait_until(is_due)
        process.kill()
    # The plugin inherited the lock of this file. The kernel releases it when the plugin ends.
    wait_until(lambda: not is_running(str(folder)))
    return Orphan(folder)


def is_running(folder: str) -> bool:
    """Return whether another process uses files in this folder."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and folder in (entry / "cmdline").read_text():
                return True
        except OSError:
            continue
    return False


def count(sandbox: RunningSandbox, method: str, path: str) -> int:
    """Return the number of calls to an endpoint."""
    return sum(one["count"] for one in sandbox.calls()["calls"] if (one["method"], one["path"]) == (method, path))


def write_json(path: Path, content: Any) -> str:
    """Write a value to a file as JSON, and return its path."""
    path.write_text(json.dumps(content))
    return str(path)


@pytest.mark.parametrize("variable", ["MELTANO_LOADER_NAME", "SHELL_NAME"])
def test_a_target(variable: str, sandbox: RunningSandbox, tmp_path: Path) -> None:
    """Under Meltano it settles its current writes and prints no STATE. Its journal and reports are complete."""
    intercom = sandbox.world.intercom
    for number in range(30):
        contact = {"role": "user", "email": f"c{number}@a.example"}
        intercom.contacts.create(intercom.new_contact(contact, intercom.clock.now()), "test")
    sandbox.fault(method="PUT", path="/contacts/*", effect={"delay": 0.1})
    config = {
        "access_token": "sandbox_token",
        "api_url": sandbox.intercom_url,
        "report_dir": str(tmp_path / "reports"),
        "journal_dir": str(tmp_path / "journal"),
        "max_concurrency": 2,
    }
    records = [{"customer_id": f"c{n}", "email": f"c{n}@a.example", "custom_attributes": {}} for n in range(30)]
    schema = {"type": "object", "properties": SCHEMA}
    lines = [
        {"type": "SCHEMA", "stream": "contacts", "schema": schema, "key_properties": ["customer_id"]},
        *({"type": "RECORD", "stream": "contacts", "record": record} for record in records),
        {"type": "STATE", "value": {"bookmarks": {}}},
    ]
    (tmp_path / "input").write_text("".join(json.dumps(line) + "\n" for line in lines))
    options = ["--config", write_json(tmp_path / "config.json", config), "--input", str(tmp_path / "input")]
    found = orphan(
        tmp_path,
        ["target-intercom", *options],
        variable,
        lambda: count(sandbox, "PUT", "/contacts/{id}") >= 4,
    )
    (path,) = list_journals(tmp_path / "journal")
    with open_journal(path) as journal:
        assert journal is not None
        entries: list[Any] = list(journal.iterate_entries())
    kinds = [one.outcome and one.outcome.kind for one in entries if isinstance(one, Write)]
    summary = json.loads((tmp_path / "reports/summary.json").read_text())
    linked = sum("cb_cust_id" in one.document["custom_attributes"] for one in intercom.contacts.live())
    if variable == "SHELL_NAME":
        assert json.loads(found.out) == {"bookmarks": {}}
        assert (summary["updated"], linked, entries[-1].status) == (30, 30, "completed")
        return
    assert found.out == ""
    assert GONE in found.log
    assert "Traceback" not in found.log
    assert (entries[-1].status, entries[-1].error) == ("failed", GONE)
    assert kinds.count("updated") == linked == summary["updated"]
    assert 4 <= linked < 10
    assert set(kinds) <= {"created", "updated", "not_reached"}
    assert linked + summary["not_reached"] == 30


@pytest.mark.parametrize("variable", ["MELTANO_EXTRACTOR_NAME", "SHELL_NAME"])
def test_a_tap(variable: str, sandbox: RunningSandbox, tmp_path: Path) -> None:
    """Under Meltano it sends no further request, and writes no marker that its output is complete."""
    sandbox.reset(customers=60, seed=7)
    sandbox.fault(api="chargebee", effect={"delay": 0.1})
    config: dict[str, Any] = {"site": "sandbox", "api_key": "sandbox_key", "api_url": sandbox.chargebee_url}
    config |= {"page_size": 10, "max_concurrency": 1}
    options = ["--config", write_json(tmp_path / "config.json", config)]
    found = orphan(tmp_path, ["tap-chargebee", *options], variable, lambda: count(sandbox, "GET", "/customers") >= 1)
    assert ('"_sync"' in found.out) == (variable == "SHELL_NAME")
    assert (GONE in found.log) == (variable == "MELTANO_EXTRACTOR_NAME")
    assert "Traceback" not in found.log
