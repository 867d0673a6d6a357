"""`standpipe live` as one process, from a delivery to a run of a simulated Meltano."""

from __future__ import annotations

import base64
import json
import logging
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import pytest
import requests
from click.testing import CliRunner
from postgres import needs_postgres
from standpipe_console.cli import main
from standpipe_console.errors import ConsoleError
from standpipe_console.live.batches import Timing
from standpipe_console.live.chargebee_events import parse_event
from standpipe_console.live.credentials import Credentials
from standpipe_console.live.inbox import Inbox
from standpipe_console.live.obstacles import find_obstacle
from standpipe_console.live.service import LiveService
from standpipe_console.live.settings import LiveSettings, read_settings
from standpipe_console.live.worker import Obstacle
from standpipe_console.project.meltano import Project
from standpipe_console.project.pipelines import SYNC
from standpipe_console.runs.last_run import LastRun, write_last_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.testing import RunningSandbox

ROOT = Path(__file__).parents[2]
STANDPIPE = Path(sys.executable).with_name("standpipe")
#: Replaces Meltano: it notes the start, the end and the ids of each run, and the key in live's environment. It
#: knows the settings of no plugin but the folder of reports.
MELTANO = """#!{python} -S
import json, os, pathlib, sys, time
here = pathlib.Path.cwd()
if "run" in sys.argv:
    ids = os.environ.get("TAP_CHARGEBEE_CUSTOMER_IDS") or "plain"
    def note(step):
        with (here / "steps").open("a") as file:
            file.write(step + " " + ids + "\\n")
    note("start")
    (here / "key").write_text(os.environ.get("TAP_CHARGEBEE_API_KEY", "none"))
    (here / "memory").write_text(os.environ.get("TARGET_INTERCOM_MEMORY_DIR", "none"))
    while (here / "wait").exists():
        time.sleep(0.01)
    note("end")
    report = here / os.environ.get("TARGET_INTERCOM_REPORT_DIR", "output/target-intercom")
    report.mkdir(parents=True, exist_ok=True)
    (report / "summary.json").write_text('{{"status": "completed"}}')
else:
    with (here / "asked").open("a") as file:
        file.write(" ".join(sys.argv[-2:]) + "\\n")
    print(json.dumps({{"report_dir": "output/target-intercom"}}))
"""
FAST = Timing(quiet_seconds=0.1, longest_wait=1, live_batch=20, min_full_interval=900)
CREDENTIALS = Credentials("standpipe", "secret")


@pytest.fixture
def project(tmp_path: Path, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project that is set up for Chargebee to Intercom."""
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    executable = tmp_path / ".meltano/run/bin"
    executable.parent.mkdir(parents=True)
    executable.write_text(MELTANO.format(python=sys.executable))
    executable.chmod(0o755)
    (tmp_path / ".meltano/meltano.db").touch()
    monkeypatch.delenv("MELTANO_SYS_DIR_ROOT", raising=False)
    project = Project(tmp_path, "prod")
    for name, value in (
        ("TAP_CHARGEBEE_SITE", "sandbox"),
        ("TAP_CHARGEBEE_API_KEY", "sandbox_key"),
        ("TAP_CHARGEBEE_API_URL", sandbox.chargebee_url),
        ("TARGET_INTERCOM_ACCESS_TOKEN", "sandbox_token"),
    ):
        project.dotenv.set_value(name, value)
    return Project(tmp_path, "prod")


class Live:
    """Live in a thread of the test."""

    def __init__(
        self,
        project: Project,
        listen: tuple[str, int] | None = ("127.0.0.1", 0),
        *,
        read_until: int | None = 2_000_000_000,
        alert_after: float = 600,
    ) -> None:
        inbox_url = f"sqlite:///{project.root}/inbox.sqlite"
        settings = LiveSettings(FAST, CREDENTIALS, inbox_url, poll_seconds=0.2, alert_after=alert_after)
        self.project = project
        self.service = LiveService(project, settings, listen)
        # By default, events from before the test do not count.
        if read_until is not None:
            self.service.inbox.write_fact("chargebee_events_read_until", read_until)
        self.thread = threading.Thread(target=self.service.run)

    def __enter__(self) -> Self:
        self.thread.start()
        wait_until(lambda: self.service.address is not None)
        return self

    def __exit__(self, *_: object) -> None:
        self.service.stop()
        self.thread.join(60)
        assert not self.thread.is_alive()

    @property
    def url(self) -> str:
        """The address of the receiver."""
        assert self.service.address is not None
        return "http://{}:{}".format(*self.service.address)

    def ring(self, event: str, *customers: str) -> None:
        """Deliver an event with these customers."""
        assert deliver(self.url, event, *customers) == 200

    def read_steps(self) -> list[str]:
        """Return the ids of Meltano's runs, once for the start of a run and once for its end."""
        path = self.project.root / "steps"
        return path.read_text().splitlines() if path.exists() else []

    def read_runs(self) -> list[str]:
        """Return the ids of Meltano's runs."""
        return [step.removeprefix("start ") for step in self.read_steps() if step.startswith("start ")]

    def list_waiting(self) -> list[str]:
        """Return the ids of waiting customers."""
        return [one.target.id for one in self.service.inbox.list_waiting("sync")]

    def wait_for_poll(self) -> None:
        """Wait until all present events are read."""
        for _ in range(2):  # the first look may have begun before
            known = {None, self._read_poll()}
            wait_until(partial(self._has_polled, known))

    def is_all_due(self) -> bool:
        """Return whether all ids of the inbox have been quiet for long enough."""
        waiting = self.service.inbox.list_waiting("sync")
        return max(one.last_rung_at for one in waiting) + FAST.quiet_seconds <= time.time()

    def _has_polled(self, known: set[float | None]) -> bool:
        return self._read_poll() not in known

    def _read_poll(self) -> float | None:
        found: Any = self.service.inbox.read_fact("poll")
        return float(found["at"]) if found else None


def build_event(event: str, *customers: str) -> dict[str, Any]:
    """Return an event with these customers."""
    content = {"customer": {"id": customers[0]}, "invoices": [{"customer_id": one} for one in customers]}
    return {"id": event, "event_type": "customer_changed", "content": content}


def deliver(url: str, event: str, *customers: str) -> int:
    """Deliver an event with these customers; return the status of the answer."""
    body = build_event(event, *customers)
    return requests.post(f"{url}/hooks/chargebee", json=body, auth=("standpipe", "secret"), timeout=30).status_code


@contextmanager
def start_process(project: Project, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command of the console as a separate process, and end it when the test fails."""
    command = [str(STANDPIPE), f"--project={project.root}", "--environment=prod", *args]
    process = subprocess.Popen(command)
    try:
        yield process
        process.wait(60)
    finally:
        process.kill()
        process.wait()


def start_live_process(project: Project) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Start `standpipe live` with a receiver as a separate process."""
    for name, value in (
        ("LIVE_CHARGEBEE_USERNAME", "standpipe"),
        ("LIVE_CHARGEBEE_PASSWORD", "secret"),
        ("LIVE_QUIET_SECONDS", "0.1"),
    ):
        project.dotenv.set_value(name, value)
    return start_process(project, "live", "--listen=127.0.0.1:0")


def find_address(inbox: Path, process: subprocess.Popen[bytes]) -> str:
    """Wait for a process's receiver, and return its address."""
    facts: dict[str, Any] = {}

    def is_listening() -> bool:
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(inbox)) as database:
            facts.update((name, json.loads(value)) for name, value in database.execute("SELECT name, value FROM facts"))
        return (facts.get("live") or {}).get("pid") == process.pid and bool(facts.get("receiver"))

    wait_until(is_listening)
    return "http://{host}:{port}".format(**facts["receiver"])


def open_request(url: str) -> socket.socket:
    """Begin to deliver an event; return the connection when the receiver waits for the body."""
    connection = socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=30)
    body = json.dumps(build_event("ev_1", "c1"))
    credentials = base64.b64encode(b"standpipe:secret").decode()
    head = ("POST /hooks/chargebee HTTP/1.1", "Host: live", f"Authorization: Basic {credentials}",
            f"Content-Length: {len(body)}", "Expect: 100-continue")  # fmt: skip
    connection.sendall("\r\n".join([*head, "", ""]).encode())
    assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
    return connection


def wait_until(reached: Callable[[], bool]) -> None:
    """Wait until another thread or process has done something."""
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def project_that_ran(project: Project) -> Project:
    """Return a project whose last plain run succeeded."""
    write_last_run(project, "sync", LastRun("r", 0, 1, 2))
    report = project.root / "output/target-intercom"
    report.mkdir(parents=True)
    (report / "summary.json").write_text('{"status": "completed"}')
    return project


@pytest.fixture
def live(project_that_ran: Project) -> Iterator[Live]:
    """Yield live after a successful plain run."""
    with Live(project_that_ran) as running:
        yield running


@pytest.fixture
def polling(project_that_ran: Project, sandbox: RunningSandbox) -> Iterator[Live]:
    """Yield live in a project whose events have been read."""
    with Live(project_that_ran, read_until=int(sandbox.world.clock.now())) as running:
        yield running


def test_a_webhook_becomes_a_run_over_its_customer(live: Live) -> None:
    """Each new event starts one run. Its reports do not replace those of the full run, whose memory it shares."""
    live.ring("ev_1", "c1")
    wait_until(lambda: live.read_runs() == ['["c1"]'])
    live.ring("ev_1", "c1")
    live.ring("ev_2", "c2", "c3")
    wait_until(lambda: live.read_runs() == ['["c1"]', '["c2", "c3"]'])
    wait_until(lambda: live.service.inbox.list_waiting("sync") == [])
    assert (live.project.root / "output/live/target-intercom/summary.json").exists()
    assert (live.project.root / "memory").read_text() == "output/target-intercom/memory"


def test_the_first_change_need_not_wait_for_meltanos_settings(live: Live) -> None:
    """The settings are loaded once, before the first change."""
    asked = live.project.root / "asked"
    wait_until(lambda: asked.exists() and asked.read_text().count("\n") == 2)
    live.ring("ev_1", "c1")
    wait_until(lambda: live.read_runs() != [] and live.list_waiting() == [])
    assert asked.read_text().count("\n") == 2


def test_an_event_of_chargebee_becomes_a_run(polling: Live, sandbox: RunningSandbox) -> None:
    """Polling finds the events without a webhook. More customers than a batch allows become a plain run."""
    wait = polling.project.root / "wait"
    wait.touch()
    polling.ring("ev_1", "c1")
    wait_until(lambda: polling.read_runs() == ['["c1"]'])
    sandbox.advance(days=40)
    polling.wait_for_poll()
    wait_until(polling.is_all_due)
    wait.unlink()
    wait_until(lambda: polling.list_waiting() == [])
    assert polling.read_runs()[1] == "plain"


def test_a_key_that_was_rotated_is_taken(polling: Live, sandbox: RunningSandbox) -> None:
    """Chargebee refuses the key from the start. The next poll uses the new key in `.env`."""
    polling.project.dotenv.set_value("TAP_CHARGEBEE_API_KEY", "revoked")
    wait_until(lambda: (polling.service.inbox.read_fact("poll") or {}).get("error", "") != "")
    polling.project.dotenv.set_value("TAP_CHARGEBEE_API_KEY", "sandbox_key")
    wait_until(lambda: (polling.service.inbox.read_fact("poll") or {}).get("error") == "")
    sandbox.advance(days=40)
    wait_until(lambda: polling.read_runs() != [])


def test_a_run_under_way_is_ended_in_order(live: Live) -> None:
    """Its ids still wait, and the next start of live reads them."""
    (live.project.root / "wait").touch()
    live.ring("ev_1", "c1")
    wait_until(lambda: live.read_runs() == ['["c1"]'])
    live.service.stop()
    live.thread.join(60)
    (live.project.root / "wait").unlink()
    with Live(live.project) as again:
        wait_until(lambda: again.read_runs() == ['["c1"]', '["c1"]'])
        wait_until(lambda: again.service.inbox.list_waiting("sync") == [])


def test_a_run_gets_no_key_of_the_start(project_that_ran: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """`meltano invoke` copies `.env` into the environment of live: a run reads the key that stands in the file now."""
    monkeypatch.setenv("TAP_CHARGEBEE_API_KEY", "sandbox_key")
    with Live(Project(project_that_ran.root, "prod")) as live:
        live.project.dotenv.set_value("TAP_CHARGEBEE_API_KEY", "rotated")
        live.ring("ev_1", "c1")
        wait_until((live.project.root / "key").exists)
        assert (live.project.root / "key").read_text() == "none"


def test_rings_wait_for_the_end_of_a_scheduled_run(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    """`standpipe run` works in a process of its own.

    Customers that ring meanwhile are read after it, never at the same time.
    """
    caplog.set_level(logging.INFO)
    (live.project.root / "wait").touch()
    with start_process(live.project, "run", "sync") as scheduled:
        wait_until(lambda: live.read_runs() == ["plain"])
        live.ring("ev_1", "c1")
        wait_until(lambda: "sync: running over 1 ids" in caplog.text)
        live.ring("ev_2", "c2")
        (live.project.root / "wait").unlink()
    assert scheduled.returncode == 0
    wait_until(lambda: live.list_waiting() == [])
    assert live.read_steps() == ["start plain", "end plain", 'start ["c1"]', 'end ["c1"]', 'start ["c2"]', 'end ["c2"]']


def test_eight_hours_without_live_are_caught_up(project_that_ran: Project, sandbox: RunningSandbox) -> None:
    """The next start runs over the customers that Chargebee's events of that time name, and over no others."""
    began = int(sandbox.world.clock.now())
    with Live(project_that_ran, read_until=began) as live:
        wait_until(lambda: live.service.inbox.read_fact("poll") is not None)
    sandbox.advance(seconds=3600)
    changed = sandbox.change("customer", count=12)["ids"]
    sandbox.advance(seconds=7 * 3600)
    url = f"{sandbox.chargebee_url}/events"
    query: dict[str, str | int] = {"limit": 100, "occurred_at[after]": began}
    events = requests.get(url, params=query, auth=("sandbox_key", ""), timeout=30).json()
    named = {target.id for one in events["list"] for target in parse_event(one["event"]).targets}
    with Live(project_that_ran, read_until=None) as live:
        wait_until(lambda: live.read_runs() != [])
        wait_until(lambda: live.list_waiting() == [])
    assert {id_ for ids in live.read_runs() for id_ in json.loads(ids)} == named >= set(changed)


def test_live_goes_on_when_its_inbox_was_away(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    """While the inbox is unavailable, live logs one sentence and refuses rings; afterwards it runs over what waited."""
    inbox, elsewhere = live.project.root / "inbox.sqlite", live.project.root / "elsewhere.sqlite"
    (live.project.root / "wait").touch()
    live.ring("ev_1", "c1")
    wait_until(lambda: live.read_runs() == ['["c1"]'])
    inbox.rename(elsewhere)
    assert deliver(live.url, "ev_2", "c2") == 503
    health = requests.get(f"{live.url}/healthz", timeout=30)
    assert (health.status_code, health.json()["problems"]) == (503, ["The inbox does not answer."])
    # The run ends well, but its ids cannot be removed, so they are run over again.
    (live.project.root / "wait").unlink()
    sentence = f"sync: The inbox sqlite:///{inbox} does not answer (its file is gone): "
    wait_until(lambda: sentence in caplog.text)
    elsewhere.rename(inbox)
    wait_until(lambda: live.list_waiting() == [])
    assert live.read_runs() == ['["c1"]', '["c1"]']
    live.ring("ev_2", "c2")
    wait_until(lambda: live.read_runs()[2:] == ['["c2"]'])
    assert caplog.text.count(sentence) == 1
    assert "sync: works again" in caplog.text


def test_health_fails_when_events_cannot_be_read_for_long(project_that_ran: Project, sandbox: RunningSandbox) -> None:
    """Live is unhealthy after `LIVE_ALERT_AFTER` seconds, and healthy again after the next successful poll."""
    with Live(project_that_ran, alert_after=0) as live:

        def ask_health() -> tuple[int, list[str]]:
            answer = requests.get(f"{live.url}/healthz", timeout=30)
            return answer.status_code, answer.json()["problems"]

        assert ask_health() == (200, [])
        sandbox.fault(api="chargebee", path="/events", effect={"status": 401})
        wait_until(lambda: ask_health() == (503, ["Chargebee's events could not be read for 0 minutes."]))
        sandbox.clear_faults()
        wait_until(lambda: ask_health() == (200, []))


def test_a_kill_between_the_request_and_its_answer_loses_nothing(project_that_ran: Project) -> None:
    """The vendor got no answer and delivers again, which leads to one run."""
    inbox = project_that_ran.system_dir / "standpipe/inbox.sqlite"
    with closing(Inbox(f"sqlite:///{inbox}")) as opened:
        # Events from before the test do not ring.
        opened.write_fact("chargebee_events_read_until", 2_000_000_000)
    with (
        start_live_process(project_that_ran) as killed,
        open_request(find_address(inbox, killed)) as request,
        closing(sqlite3.connect(inbox, timeout=60, isolation_level=None)) as database,
    ):
        # The receiver has the request and cannot commit its ring. It is killed at this point.
        database.execute("BEGIN IMMEDIATE")
        request.sendall(json.dumps(build_event("ev_1", "c1")).encode())
        assert requests.get(f"{find_address(inbox, killed)}/nowhere", timeout=30).status_code == 404
        killed.send_signal(signal.SIGKILL)
        with suppress(ConnectionResetError):  # what the dead process had not read resets the connection
            assert request.recv(100) == b""
    with start_live_process(project_that_ran) as live:
        url = find_address(inbox, live)
        assert [deliver(url, "ev_1", "c1") for _ in range(2)] == [200, 200]
        steps = project_that_ran.root / "steps"
        wait_until(lambda: steps.exists() and "end" in steps.read_text())
        live.send_signal(signal.SIGTERM)
    assert steps.read_text().splitlines() == ['start ["c1"]', 'end ["c1"]']


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_live_ends_when_its_poller_dies(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an unexpected error live must not keep running without reading events."""

    def fail(_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("standpipe_console.live.poller.EventsPoller.poll", fail)
    live.thread.join(60)
    assert not live.thread.is_alive()


def test_only_one_live_works_on_a_project(live: Live) -> None:
    """A second one ends with an error."""
    with pytest.raises(ConsoleError, match="Another `standpipe live` is already running for this project"):
        Live(live.project, listen=None).service.run()


@needs_postgres
def test_only_one_live_works_on_an_inbox_in_postgresql(project: Project, postgres_database: str) -> None:
    """A second one, which may be on another machine, ends with a sentence."""
    settings = LiveSettings(FAST, CREDENTIALS, postgres_database, poll_seconds=0.2, alert_after=600)
    with closing(Inbox(postgres_database, project.database_schema)) as other:
        assert other.lock_for_live()
        with pytest.raises(ConsoleError, match="Another `standpipe live` already works on the inbox of LIVE_INBOX_URL"):
            LiveService(project, settings, None).run()


def test_the_first_run_is_over_everything(project: Project) -> None:
    """A run over some ids needs an earlier full run."""
    with Live(project) as live:
        live.ring("ev_1", "c1")
        wait_until(lambda: live.read_runs() == ["plain"])
        live.ring("ev_2", "c2")
        wait_until(lambda: live.read_runs() == ["plain", '["c2"]'])


OBSTACLES = {
    "no run yet": (None, None, None, Obstacle("sync has never had a full run.", plain_run_helps=True)),
    "a good run": (LastRun("r", 0, 1, 2), {"status": "completed"}, None, None),
    "a failed run": (
        LastRun("r", 1, 1, 9e12, "sync failed (exit code 1)"),
        {"status": "stopped"},
        None,
        Obstacle("The last full run of sync failed: sync failed (exit code 1)", plain_run_helps=True),
    ),
    "a guarded run": (
        LastRun("r", 1, 1, 9e12, "300 of 400 records would change"),
        {"status": "stopped", "stopped_by": "guard"},
        None,
        Obstacle("The last full run of sync failed: 300 of 400 records would change", plain_run_helps=False),
    ),
    "a good run by hand after a failed one": (LastRun("r", 1, 1, 2, "failed"), {"status": "completed"}, None, None),
    "a failed run by hand after a good one": (
        LastRun("r", 0, 1, 2),
        {"status": "stopped"},
        None,
        Obstacle("The last full run of sync failed.", plain_run_helps=True),
    ),
    "rows that the map still owes": (
        LastRun("r", 0, 1, 2),
        {"status": "completed"},
        {"map": "map-subscriptions", "plain_run_needed": "Its settings changed."},
        Obstacle("Its settings changed.", plain_run_helps=True),
    ),
    "what another map owes": (
        LastRun("r", 0, 1, 2),
        {"status": "completed"},
        {"map": "map-leads", "plain_run_needed": "Its settings changed."},
        None,
    ),
}


@pytest.mark.parametrize(("last", "report", "of_map", "expected"), OBSTACLES.values(), ids=OBSTACLES.keys())
def test_what_keeps_runs_over_ids_from_starting(
    project: Project, last: LastRun | None, report: object, of_map: object, expected: Obstacle | None
) -> None:
    """The last full run must have succeeded, no matter who started it."""
    if last:
        write_last_run(project, "sync", last)
    if report:
        (project.root / "output/target-intercom").mkdir(parents=True)
        (project.root / "output/target-intercom/summary.json").write_text(json.dumps(report))
    if of_map:
        folder = project.system_dir / "transforms"
        folder.mkdir()
        (folder / "abc.summary.json").write_text(json.dumps(of_map))
    assert find_obstacle(project, SYNC) == expected


def test_a_guard_that_stopped_a_run_over_ids_stops_live(project_that_ran: Project) -> None:
    """Live waits for the next full run, which may be a scheduled one."""
    stopped = project_that_ran.root / "output/live/target-intercom/summary.json"
    stopped.parent.mkdir(parents=True)
    stopped.write_text('{"status": "stopped", "stopped_by": "guard"}')
    assert find_obstacle(project_that_ran, SYNC) == Obstacle(
        "Too many records changed since the last full run of sync: live waits for the next one. "
        f"Look at {stopped.parent}.",
        plain_run_helps=False,
    )
    plain = project_that_ran.root / "output/target-intercom/summary.json"
    os.utime(plain, (stopped.stat().st_mtime + 1,) * 2)
    assert find_obstacle(project_that_ran, SYNC) is None


WRONG = {
    "not a number": (
        {"LIVE_QUIET_SECONDS": "soon"},
        "LIVE_QUIET_SECONDS must be a number of at least 0, but is `soon`.",
    ),
    "too small": ({"LIVE_BATCH": "0"}, "LIVE_BATCH must be a number of at least 1, but is `0`."),
    "not finite": ({"LIVE_POLL_SECONDS": "inf"}, "LIVE_POLL_SECONDS must be a number of at least 1, but is `inf`."),
    "half of the credentials": (
        {"LIVE_CHARGEBEE_USERNAME": "u"},
        "Set both LIVE_CHARGEBEE_USERNAME and LIVE_CHARGEBEE_PASSWORD, as they are set in Chargebee's webhook.",
    ),
}


@pytest.mark.parametrize(("variables", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_a_setting_that_cannot_be_is_refused(project: Project, variables: dict[str, str], sentence: str) -> None:
    """The error names the setting."""
    for name, value in variables.items():
        project.dotenv.set_value(name, value)
    with pytest.raises(ConsoleError) as refused:
        read_settings(project)
    assert str(refused.value) == sentence


COMMANDS = {
    "an address without a port": (
        ["--listen", "localhost"],
        "`--listen` takes HOST:PORT, such as 127.0.0.1:8200, and not `localhost`.",
    ),
    "no credentials": (
        ["--listen", "127.0.0.1:0"],
        (
            "The receiver has no credentials to check: set LIVE_CHARGEBEE_USERNAME and LIVE_CHARGEBEE_PASSWORD "
            "(`standpipe live install` does), or LIVE_INTERCOM_CLIENT_SECRET."
        ),
    ),
    "an address that nobody reaches": (
        ["install", "--url", "http://example.com"],
        "The vendors deliver to a public https:// address on port 443, 8443, 80 or 8080: check `--url`.",
    ),
    "an odd port": (
        ["install", "--url", "https://example.com:444"],
        "The vendors deliver to a public https:// address on port 443, 8443, 80 or 8080: check `--url`.",
    ),
}


@pytest.mark.parametrize(("arguments", "sentence"), COMMANDS.values(), ids=COMMANDS.keys())
def test_a_command_that_cannot_work_says_why(project: Project, arguments: list[str], sentence: str) -> None:
    """The error is one sentence."""
    done = CliRunner().invoke(main, ["--project", str(project.root), "live", *arguments])
    assert (done.exit_code, done.output.splitlines()[-1]) == (1, f"Error: {sentence}")


def test_status_says_what_waits_and_why(project: Project) -> None:
    """It works before the first start of live, and during a run."""

    def show() -> list[str]:
        done = CliRunner().invoke(main, ["--project", str(project.root), "live", "status"])
        assert done.exit_code == 0
        return done.output.splitlines()

    assert show() == ["Live has never run: start it with `standpipe live`."]
    project.dotenv.set_value("LIVE_INBOX_URL", f"sqlite:///{project.root}/inbox.sqlite")
    (project.root / "wait").touch()
    with Live(project) as live:
        live.ring("ev_1", "c1")
        wait_until(lambda: live.read_runs() == ["plain"])
        assert live.service.address is not None
        lines = show()
        (project.root / "wait").unlink()
        wait_until(lambda: live.service.inbox.list_waiting("sync") == [])
    assert lines[:2] == [
        "Live is running.",
        f"It receives webhooks at http://127.0.0.1:{live.service.address[1]}.",
    ]
    assert lines[3].startswith("sync: 1 ids wait, the oldest for ")
    assert lines[4].startswith("sync: a full run is under way; it started ")
    after = show()
    assert after[0] == "Live is not running: start it with `standpipe live`."
    assert after[2] == "sync: nothing waits."
    assert after[3].startswith("sync: the last full run took ")
