"""A process is killed in the middle of the main job. No record is wrong, lost or duplicated."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from singer_kit.journal import Intent, Outcome, RecordResult, RunEnd, list_journals, open_journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.testing import RunningSandbox

    from tests.pipeline.conftest import ChartMogul, Intercom, Project, RecordedSandbox

pytestmark = pytest.mark.pipeline


def count(sandbox: RunningSandbox, api: str, method: str, path: str) -> int:
    """Return how often an endpoint was called."""
    rows = sandbox.calls()["calls"]
    return sum(r["count"] for r in rows if (r["api"], r["method"], r["path"]) == (api, method, path))


def kill_when(process: subprocess.Popen[str], executable: str, reached: Callable[[], bool]) -> None:
    """Kill a plugin of this run with SIGKILL once a condition holds."""
    deadline = time.monotonic() + 60
    while not reached():
        if time.monotonic() > deadline:
            process.kill()
            pytest.fail("the run did not come so far within a minute")
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    for child in psutil.Process(process.pid).children(recursive=True):
        if any(part.endswith(f"/bin/{executable}") for part in child.cmdline()):
            child.send_signal(signal.SIGKILL)


def test_a_tap_killed_half_way_changes_nothing(synced: Project, sandbox: RunningSandbox) -> None:
    """The map sends nothing when invoices are incomplete. The next run starts from the same state."""
    state = synced.state()
    sandbox.advance(days=30)
    invoices = ("chargebee", "GET", "/invoices")
    already = count(sandbox, *invoices)
    sandbox.fault(api="chargebee", method="GET", path="/invoices", **{"from": 2}, effect={"delay": 20})

    process = synced.start("run", "tap-chargebee", "map", "target-intercom", TAP_CHARGEBEE_PAGE_SIZE="20")
    sent = re.compile(r'\\"RECORD\\".{1,40}\\"customers\\"')
    kill_when(
        process,
        "tap-chargebee",
        lambda: count(sandbox, *invoices) >= already + 2 and bool(sent.search(synced.log_file.read_text())),
    )
    ran = synced.finish(process)
    assert ran.code != 0
    assert {message["stream"] for message in ran.of("tap-chargebee", "RECORD")} >= {"customers"}
    assert ran.said("The tap ended without saying that it read everything")
    assert ran.messages.get("map-subscriptions", []) == []
    assert synced.state() == state

    sandbox.clear_faults()
    assert synced.sync().code == 0
    assert synced.summary()["updated"] > 0


def test_a_target_killed_half_way_is_finished_by_the_next_run(
    project: Project, sandbox: RunningSandbox, intercom: Intercom
) -> None:
    """The state was not confirmed, so everybody is sent again. No contact is missing or duplicated."""
    before = intercom.users_by_email()
    sandbox.fault(api="intercom", method="PUT", path="/contacts/*", **{"from": 5}, effect={"delay": 20})
    process = project.start("run", "tap-chargebee", "map", "target-intercom")
    kill_when(process, "target-intercom", lambda: count(sandbox, "intercom", "PUT", "/contacts/{id}") >= 5)
    ran = project.finish(process)
    assert ran.code != 0
    assert project.state() == {}

    sandbox.clear_faults()
    assert project.sync().code == 0
    after = intercom.users_by_email()
    assert {address: n for address, n in after.items() if n > max(1, before[address])} == {}
    assert project.sync().code == 0
    assert (project.summary()["updated"], project.summary()["created"]) == (0, 0)


STANDPIPE = Path(sys.executable).with_name("standpipe")
#: The number of writes in progress at the same time.
CONCURRENCY = 4
#: What is killed, how the run was started, and the end in the killed run's journal.
KILLED = {
    "a bare run's Meltano": ("meltano run", {"meltano"}, "failed"),
    "a bare run's Meltano and target": ("meltano run", {"meltano", "target-intercom"}, None),
    "the Meltano of standpipe run": ("standpipe run", {"meltano"}, "ended"),
    "standpipe run and its Meltano": ("standpipe run", {"standpipe", "meltano"}, "ended"),
    "standpipe run, its Meltano and target": ("standpipe run", {"standpipe", "meltano", "target-intercom"}, None),
}


@pytest.mark.parametrize(("way", "killed", "end"), KILLED.values(), ids=KILLED)
def test_the_run_after_a_kill_begins_at_once_and_nothing_is_untold(  # noqa: PLR0913 - fixtures
    project: Project,
    sandbox: RecordedSandbox,
    intercom: Intercom,
    tmp_path: Path,
    *,
    way: str,
    killed: set[str],
    end: str | None,
) -> None:
    """Two targets never write at once. Each write that Intercom got is in a journal; unknown ones are found out."""
    settings = {"TARGET_INTERCOM_JOURNAL_DIR": str(tmp_path), "TARGET_INTERCOM_MAX_CONCURRENCY": str(CONCURRENCY)}
    before = intercom.users_by_email()
    sandbox.writes.clear()
    sandbox.spans.clear()
    sandbox.fault(api="intercom", method="PUT", path="/contacts/*", **{"from": 8}, effect={"delay": 1.5})
    process = start(project, way, settings)
    kill(process, killed, lambda: count(sandbox, "intercom", "PUT", "/contacts/{id}") >= 8)
    second = start(project, way, settings, force=True)
    sandbox.clear_faults()
    assert second.wait(timeout=240) == 0, project.log_file.read_text()[-3000:]
    process.wait(timeout=60)

    first, then = sorted((read_journal(path) for path in list_journals(tmp_path)), key=lambda lines: lines[0].at)
    begun = {line.n: line for line in first if isinstance(line, Intent)}
    settled = {line.n: line for line in first if isinstance(line, Outcome)}
    unknown = {line.id for n, line in begun.items() if n not in settled}
    assert {line.kind for line in settled.values()} <= {"created", "updated", "not_reached"}
    ended = [line.status for line in first if isinstance(line, RunEnd)]
    if end is None:
        assert ended == []
        assert 1 <= len(unknown) <= CONCURRENCY
    else:
        # The target stopped by itself, or because `standpipe run` asked it to.
        assert ended == [end] if end == "failed" else ended in (["failed"], ["stopped"])
        assert unknown == set()
        written = next(line.at for line in then if isinstance(line, Intent))
        assert max(line.at for line in settled.values()) <= written
        assert [answered - written for arrived, answered in sandbox.spans if arrived < written < answered] == []
    # The journals contain all writes that Intercom received, and nothing was written twice.
    told = {(line.remote_id or "", name) for line in [*first, *then] for name in list_written(line)}
    asked = {(id_, name) for method, path, body in sandbox.writes for id_, name in list_asked(method, path, body)}
    assert asked - told == set()
    after = intercom.users_by_email()
    assert {address: n for address, n in after.items() if n > max(1, before[address])} == {}
    # The second run knows the outcome of each write.
    results = {line.id: line.kind for line in then if isinstance(line, RecordResult)}
    outcomes = {line.n: line.kind for line in then if isinstance(line, Outcome)}
    results |= {line.id: outcomes[line.n] for line in then if isinstance(line, Intent)}
    assert {results[id_] for id_ in unknown} <= {"unchanged", "updated", "created"}
    assert then[-1].status == "completed"


def test_leads_after_a_kill_begin_at_once_and_nothing_is_untold(
    project: Project, sandbox: RecordedSandbox, chartmogul: ChartMogul, tmp_path: Path
) -> None:
    """After a kill, target-chartmogul ends before the next run writes; every write is known, and none is repeated."""
    settings = {"TARGET_CHARTMOGUL_JOURNAL_DIR": str(tmp_path)}
    sandbox.fault(api="chartmogul", method="POST", path="/contacts", **{"from": 5}, effect={"delay": 1.5})
    process = start(project, "standpipe run", settings, job="sync-leads")
    kill(
        process,
        {"standpipe", "meltano"},
        lambda: count(sandbox, "chartmogul", "POST", "/contacts") >= 5,
        target="target-chartmogul",
    )
    second = start(project, "standpipe run", settings, job="sync-leads")
    sandbox.clear_faults()
    assert second.wait(timeout=240) == 0, project.log_file.read_text()[-3000:]
    process.wait(timeout=60)

    first, then = sorted((read_journal(path) for path in list_journals(tmp_path)), key=lambda lines: lines[0].at)
    settled = {line.n: line.at for line in first if isinstance(line, Outcome)}
    assert settled.keys() == {line.n for line in first if isinstance(line, Intent)}
    assert [line.status for line in first if isinstance(line, RunEnd)] in (["failed"], ["stopped"])
    assert {line.kind for line in first if isinstance(line, Outcome)} <= {"created", "updated", "not_reached"}
    assert max(settled.values()) <= min(line.at for line in then if isinstance(line, Intent))
    assert then[-1].status == "completed"
    created = [*list_created(first), *list_created(then)]
    assert len(created) == len(set(created))
    assert set(created) == {"Intercom leads", *chartmogul.held("customers"), *chartmogul.held("contacts")}


def start(
    project: Project, way: str, settings: dict[str, str], *, force: bool = False, job: str = "sync"
) -> subprocess.Popen[str]:
    """Start a job in one of two ways.

    Meltano itself needs `force` when it believes that a run is in progress.
    """
    if way == "meltano run":
        flags = ["--force"] if force else []
        return project.start("run", *flags, "tap-chargebee", "map", "target-intercom", **settings)
    with project.log_file.open("w") as log:
        command = [str(STANDPIPE), "--project", str(project.root), "run", job]
        env = project.env | settings | {"PATH": f"{STANDPIPE.parent}:{project.env['PATH']}"}
        return subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT, text=True)


def kill(
    process: subprocess.Popen[str], names: set[str], reached: Callable[[], bool], *, target: str = "target-intercom"
) -> None:
    """Kill processes of a run with SIGKILL once a condition holds, from the outermost on."""
    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    victims = [one for name in ("standpipe", "meltano", target) for one in tree if is_called(one, name)]
    for one in victims:
        if any(is_called(one, name) for name in names):
            one.send_signal(signal.SIGKILL)
    assert len(victims) >= len(names)


def is_called(process: psutil.Process, name: str) -> bool:
    """Return whether a process runs the command of this name."""
    try:
        return any(part.endswith(f"/bin/{name}") for part in process.cmdline()[:2])
    except psutil.Error:
        return False


def read_journal(path: Path) -> list[Any]:
    """Return the lines of a journal."""
    with open_journal(path) as journal:
        assert journal is not None
        return list(journal.iterate_lines())


def list_created(lines: list[Any]) -> list[str]:
    """Return the records that a run has created; what it announced and then did not send is settled otherwise."""
    ids = {line.n: line.id for line in lines if isinstance(line, Intent)}
    return [ids[line.n] for line in lines if isinstance(line, Outcome) and line.kind == "created"]


def list_written(line: Any) -> Iterator[str]:
    """Yield each field that an intent says it writes, by its name in Intercom."""
    if isinstance(line, Intent) and line.stream == "data_attributes":
        yield f"attribute {line.id}"
    elif isinstance(line, Intent):
        yield from (name.removeprefix("custom_attributes.") for name in line.fields)


def list_asked(method: str, path: str, body: bytes) -> Iterator[tuple[str, str]]:
    """Yield the fields that a request writes, each with Intercom's id of its record, empty for a new one."""
    content = json.loads(body or b"{}")
    if path == "/data_attributes":
        yield "", f"attribute {content['model']}.{content['name']}"
        return
    id_ = path.rpartition("/")[2] if method == "PUT" else ""
    yield from ((id_, name) for name in [*content.pop("custom_attributes", {}), *content])
