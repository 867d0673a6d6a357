"""Limits of the machine (threads, memory, disk, closed pipe) end a run in one sentence without STATE."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from warm_commands import run_command

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

NO_THREADS = """
import threading
def start(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
"""
NO_MEMORY = """
import requests, tempfile
def use_up(*args, **kwargs):
    raise MemoryError
requests.Session.request = tempfile.TemporaryFile = use_up
"""
NO_PRIVILEGE = """
import ctypes
# Without CAP_DAC_OVERRIDE (the second bit) in its effective set, root minds permissions too.
libc, version, sets = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
libc.capget(version, sets)
sets[0] &= ~2
assert libc.capset(version, sets) == 0
"""
NO_PIPE_READER = """
import os
reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 1)
"""
SMALL_FILES = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))
"""
TAPS = ("tap-chargebee", "tap-intercom")
TARGETS = ("target-intercom", "target-chartmogul")
MAPS = ("map-subscriptions", "map-leads")
PLUGINS = (*TAPS, *TARGETS)
NO_THREAD = (
    "The system cannot start more threads: lower `max_concurrency`, or raise the limit; no STATE was written, so the "
    "next run starts from the same point."
)
TOO_FEW_THREADS = (
    "The machine permits no more than 0 of the 16 threads that `max_concurrency` asks for: lower that setting, or "
    "raise the limit on threads or memory."
)
NO_MORE_MEMORY = (
    "The process ran out of memory: lower `max_concurrency`, or give it more; no STATE was written, so the next run "
    "starts from the same point."
)
NO_READER = (
    "The next program of the pipeline stopped reading before the end: look at its log; no STATE was written, so the "
    "next run starts from the same point."
)
TEXT = {"type": ["string", "null"]}
STREAMS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "target-intercom": (
        "contacts",
        {"customer_id": TEXT, "email": TEXT, "custom_attributes": {"type": "object", "properties": {"cb_note": TEXT}}},
        {"customer_id": "c{0}", "email": "c{0}@a.example", "custom_attributes": {"cb_note": "x" * 900}},
    ),
    "target-chartmogul": ("customers", {"external_id": TEXT, "name": TEXT}, {"external_id": "c{0}", "name": "x" * 900}),
}


def config_of(plugin: str, sandbox: RunningSandbox, folder: Path) -> dict[str, Any]:
    """Return the plugin's settings for the sandbox."""
    vendor = plugin.partition("-")[2]
    if plugin in MAPS:
        return {"store_dir": str(folder / "stores")}
    key = {"access_token": "sandbox_token"} if vendor == "intercom" else {"api_key": "sandbox_key"}
    site = {"site": "sandbox"} if vendor == "chargebee" else {}
    # A journal is kept only in the tests that make its folder: otherwise the reports fill the disk first.
    names = {name for name in FOLDERS.values() if name != "journal" or (folder / name).exists()}
    reports = {setting: str(folder / name) for setting, name in FOLDERS.items() if name in names}
    return {**key, **site, "api_url": getattr(sandbox, f"{vendor}_url"), **(reports if plugin in STREAMS else {})}


def messages_for(plugin: str, count: int) -> str:
    """Return the plugin's input; for a target a stream of `count` records and a STATE."""
    if plugin in MAPS:
        return "".join(json.dumps(line) + "\n" for line in MAP_INPUT)
    if plugin not in STREAMS:
        return ""
    stream, properties, record = STREAMS[plugin]
    one = json.dumps({"type": "RECORD", "stream": stream, "record": record})
    schema = {"type": "object", "properties": properties}
    schema_message = {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": [next(iter(properties))]}
    state = {"type": "STATE", "value": {"bookmarks": {"other": [1.10, None]}}}
    records = (one.replace("{0}", str(number)) for number in range(count))
    return "\n".join([json.dumps(schema_message), *records, json.dumps(state)])


READ = "companies,contacts,customers,invoices,subscriptions"
MAP_INPUT = [
    *({"type": "SCHEMA", "stream": name, "schema": {}, "key_properties": ["id"]} for name in READ.split(",")),
    {
        "type": "STATE",
        "value": {"bookmarks": {"_sync": {"completed_at": 1, "streams": READ, "from": None, "subset": 0}}},
    },
]


#: The folders of a target, by setting.
FOLDERS = {"report_dir": "reports", "memory_dir": "memory", "journal_dir": "journal"}


class Machine:
    """Runs a plugin in a process in which the machine has a limit."""

    def __init__(self, sandbox: RunningSandbox, folder: Path) -> None:
        self._sandbox, self.folder = sandbox, folder

    def run(self, plugin: str, trouble: str = "", *, count: int = 3) -> tuple[int, str, str]:
        """Run the plugin to its end, and return exit code, output and log."""
        config, given = self.folder / "config.json", self.folder / "input.singer"
        config.write_text(json.dumps(config_of(plugin, self._sandbox, self.folder)))
        given.write_text(messages_for(plugin, count))
        command: list[str | Path] = [Path(sys.executable).with_name(plugin), "--config", config]
        command += [] if plugin in TAPS else ["--input", given]
        done = run_command(command, before=trouble)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def machine(sandbox: RunningSandbox, tmp_path: Path) -> Machine:
    """Return a machine with a folder for the reports."""
    return Machine(sandbox, tmp_path)


def errors_of(log: str) -> list[str]:
    """Return the errors in a log, which must be its last lines and have no traceback."""
    lines = log.splitlines()
    assert "Traceback" not in log
    assert "Exception ignored" not in log
    assert "| ERROR " in lines[-1]
    return [line.rsplit(" | ", 1)[-1] for line in lines if "| ERROR " in line]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_no_more_threads(plugin: str, machine: Machine) -> None:
    """A refused thread ends the run before anything is read or written."""
    code, out, log = machine.run(plugin, NO_THREADS)
    assert (code, out) == (1, "")
    assert errors_of(log) == [TOO_FEW_THREADS if plugin in TAPS else NO_THREAD]


@pytest.mark.parametrize("plugin", PLUGINS + MAPS)
def test_no_more_memory(plugin: str, machine: Machine) -> None:
    """Lack of memory ends the run in one sentence."""
    code, out, log = machine.run(plugin, NO_MEMORY)
    assert (code, out) == (1, "")
    assert errors_of(log) == [NO_MORE_MEMORY]


@pytest.mark.parametrize(
    ("plugin", "setting", "folder"),
    [
        *((plugin, setting, name) for plugin in STREAMS for setting, name in FOLDERS.items()),
        *((plugin, "store_dir", "stores") for plugin in MAPS),
    ],
)
def test_a_folder_that_cannot_be_written_to(plugin: str, setting: str, folder: str, machine: Machine) -> None:
    """A read-only folder ends the run in one sentence with the folder and the setting, without STATE."""
    (machine.folder / folder).mkdir(mode=0o500)
    code, out, log = machine.run(plugin, NO_PRIVILEGE)
    assert (code, out) == (1, "")
    (sentence,) = errors_of(log)
    assert (f"`{setting}`" in sentence, str(machine.folder / folder) in sentence) == (True, True), sentence


@pytest.mark.parametrize("plugin", PLUGINS)
def test_nobody_reads_the_output(plugin: str, machine: Machine) -> None:
    """A closed output ends the run in one sentence; a target's summary says that it was stopped."""
    code, _, log = machine.run(plugin, NO_PIPE_READER)
    assert code == 1
    assert errors_of(log) == [NO_READER]
    if plugin in STREAMS:
        assert json.loads((machine.folder / "reports/summary.json").read_text())["status"] == "stopped"


@pytest.mark.parametrize("plugin", STREAMS)
def test_no_room_for_the_reports(plugin: str, machine: Machine) -> None:
    """A full disk ends the run in one sentence with the file and the setting, without STATE."""
    code, out, log = machine.run(plugin, SMALL_FILES.format(2000), count=200)
    assert (code, out) == (1, "")
    (sentence,) = errors_of(log)
    assert sentence.startswith(f"The file {machine.folder}/reports/")
    assert "cannot be written (File too large): free some space, or set `report_dir`" in sentence


def test_no_room_for_the_journal(machine: Machine) -> None:
    """A full disk names the journal and its setting. Nothing more is written to the vendor, and no STATE."""
    (machine.folder / "journal").mkdir()
    code, out, log = machine.run("target-chartmogul", SMALL_FILES.format(4000), count=12)
    assert (code, out) == (1, "")
    (sentence,) = errors_of(log)
    assert sentence.startswith(f"The journal {machine.folder}/journal/")
    assert sentence.endswith("free some space, or set `journal_dir` to another folder.")


@pytest.mark.parametrize("plugin", STREAMS)
def test_no_room_for_the_input(plugin: str, machine: Machine) -> None:
    """A full temporary folder ends the run in one sentence that names TMPDIR."""
    code, out, log = machine.run(plugin, SMALL_FILES.format(500_000), count=5000)
    assert (code, out) == (1, "")
    (sentence,) = errors_of(log)
    assert "TMPDIR" in sentence


@pytest.mark.parametrize("plugin", STREAMS)
def test_a_state_is_printed_as_it_came(plugin: str, machine: Machine) -> None:
    """A target prints STATE unchanged, including fractions and unknown bookmarks, and completes its summary."""
    code, out, _ = machine.run(plugin)
    assert (code, json.loads(out)) == (0, {"bookmarks": {"other": [1.1, None]}})
    assert json.loads((machine.folder / "reports/summary.json").read_text())["status"] == "completed"
