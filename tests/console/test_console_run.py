"""`standpipe run` allows one run of a job at a time, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from standpipe_console.checks.doctor import check_project
from standpipe_console.cli import main
from standpipe_console.errors import ConsoleError
from standpipe_console.history import open_history
from standpipe_console.history.statuses import NOT_STARTED
from standpipe_console.project.meltano import Project
from standpipe_console.runs.catalogs import find_catalog
from standpipe_console.runs.locks import JobLock
from standpipe_console.runs.meltano_database import check_database_user, create_database
from standpipe_console.runs.processes import RUN_ID, find_processes
from standpipe_console.runs.runner import JobRunner, list_logs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Replaces Meltano: it records its arguments, and files in the project decide what it starts and how it ends.
MELTANO = """#!{python} -S
import os, pathlib, signal, subprocess, sys, time
here = pathlib.Path.cwd()
if "config" in sys.argv:
    print('{{"report_dir": "output/target-intercom"}}')
    sys.exit()
with (here / "started").open("a") as file:
    file.write(" ".join(sys.argv[1:]) + " " + os.environ.get("TAP_CHARGEBEE_CUSTOMER_IDS", "-") + "\\n")
(here / "told").write_text(" ".join(os.environ[f"STANDPIPE_{{name}}"] for name in ("RUN_ID", "JOB", "TRIGGER")))
if (here / "plugin").exists():
    subprocess.Popen([sys.executable, "-c", (here / "plugin").read_text()])
    while not (here / "plugin-started").exists():
        time.sleep(0.01)
while (here / "wait").exists():
    time.sleep(0.01)
if (here / "kill-me").exists():
    os.kill(os.getpid(), signal.SIGKILL)
print("2026-11-30T12:00:00.0Z [error    ] target-intercom Intercom refused the token: run setup.")
sys.exit(int((here / "code").read_text()) if (here / "code").exists() else 0)
"""
#: On SIGTERM this target records its writes and ends, or is stuck and ignores the signal.
PLUGIN = """
import pathlib, signal, sys, time
def stop(*_):
    pathlib.Path("recorded").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, {handler})
pathlib.Path("plugin-started").touch()
time.sleep(60)
"""


@pytest.fixture
def project(project: Project) -> Project:
    """Return a project with a replacement for Meltano that follows files in the project's folder."""
    executable = project.root / ".meltano/run/bin"
    executable.parent.mkdir(parents=True)
    executable.write_text(MELTANO.format(python=sys.executable))
    executable.chmod(0o755)
    (project.shared_dir / "meltano.db").touch()
    return project


def read_starts(project: Project) -> list[str]:
    """Return the arguments and the ids of each start of Meltano."""
    path = project.root / "started"
    return path.read_text().splitlines() if path.exists() else []


def wait_until(reached: Callable[[], bool]) -> None:
    """Wait until another process or thread has done something."""
    deadline = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


CREATE = """#!/bin/sh
echo "$*" >> {root}/created
touch {root}/.meltano/meltano.db
"""


def test_first_runs_at_once_let_meltano_create_its_database_once(project: Project) -> None:
    """The others wait until it is there."""
    (project.shared_dir / "meltano.db").unlink()
    (project.shared_dir / "run/bin").write_text(CREATE.format(root=project.root))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(create_database, [Project(project.root, name) for name in ("prod", "us") * 2]))
    assert len((project.root / "created").read_text().splitlines()) == 1


SAME_NAME = (
    "The user in MELTANO_DATABASE_URI is called `standpipe`, like the schema of the history in the same database "
    "(HISTORY_URL), so Meltano would take the history's tables for its own: give Meltano a user with another name, or "
    "the history another database."
)
MELTANOS = "postgresql+psycopg://standpipe:secret@127.0.0.1:1/project"


@pytest.mark.parametrize("history", ["postgresql://other@127.0.0.1:1/project", "postgres://a@localhost:1/project"])
def test_meltanos_user_may_not_have_the_name_of_the_historys_schema(project: Project, history: str) -> None:
    """PostgreSQL would show Meltano the history's tables, so a run does not start, and doctor says why."""
    project.dotenv.set_value("MELTANO_DATABASE_URI", MELTANOS)
    project.dotenv.set_value("HISTORY_URL", history)
    with pytest.raises(ConsoleError) as error:
        JobRunner(project, "sync").run()
    assert error.value.message == SAME_NAME
    assert read_starts(project) == []
    assert [one.what for one in check_project(project) if one.check == "Meltano's database"] == [SAME_NAME]


@pytest.mark.parametrize(
    ("meltano", "history"),
    [
        pytest.param("", "postgresql://127.0.0.1:1/project", id="Meltano's file"),
        pytest.param(MELTANOS, "", id="the history's file"),
        pytest.param(MELTANOS, "postgresql://127.0.0.1:1/history", id="another database"),
        pytest.param(MELTANOS, "postgresql://127.0.0.1:2/project", id="another server"),
        pytest.param("postgresql://meltano@127.0.0.1:1/project", "postgresql://127.0.0.1:1/project", id="another user"),
        pytest.param(
            f"{MELTANOS}?options=-csearch_path%3Dmeltano", "postgresql://127.0.0.1:1/project", id="its own path"
        ),
        pytest.param("no address", "postgresql://127.0.0.1:1/project", id="no address"),
    ],
)
def test_other_users_of_meltanos_are_left_alone(project: Project, meltano: str, history: str) -> None:
    """Only in the same database does the name of the user matter."""
    project.dotenv.set_value("MELTANO_DATABASE_URI", meltano)
    project.dotenv.set_value("HISTORY_URL", history)
    check_database_user(project)


def test_a_job_is_run_with_the_settings_of_this_run(project: Project) -> None:
    """Meltano gets the project's environment and the run's settings. Only the owner may read the log."""
    outcome = JobRunner(project, "sync").run({"TAP_CHARGEBEE_CUSTOMER_IDS": '["c1"]'})
    assert (outcome.code, outcome.reason) == (0, "")
    assert read_starts(project) == ['--environment=prod run sync ["c1"]']
    (log,) = list_logs(project, "sync")
    assert log == outcome.log
    assert log.stat().st_mode & 0o777 == 0o600
    assert find_processes(outcome.run_id) == []


def test_a_run_tells_its_plugins_what_they_are_part_of(project: Project) -> None:
    """Targets note in their journals the run, its job and who started it: a person, if nothing else is known."""
    run = JobRunner(project, "sync").run()
    assert (project.root / "told").read_text() == f"{run.run_id} sync person"
    run = JobRunner(project, "sync-leads", trigger="schedule").run()
    assert (project.root / "told").read_text() == f"{run.run_id} sync-leads schedule"


def test_the_catalog_of_a_good_run_over_everything_is_kept(project: Project) -> None:
    """A run over some ids takes it instead of discovering it, until the tap's settings or installation change."""
    used = project.system_dir / "run/tap-chargebee/tap.properties.json"
    used.parent.mkdir()
    used.write_text('{"streams": [1]}')
    assert find_catalog(project, "tap-chargebee") == {}
    assert JobRunner(project, "sync").run().code == 0
    kept = project.system_dir / "standpipe/tap-chargebee.catalog.json"
    assert find_catalog(project, "tap-chargebee") == {"TAP_CHARGEBEE__CATALOG": str(kept)}

    used.write_text('{"streams": []}')
    JobRunner(project, "sync").run(is_subset=True)
    (project.root / "code").write_text("1")
    JobRunner(project, "sync").run()
    assert kept.read_text() == '{"streams": [1]}'

    project.dotenv.set_value("LIVE_CHARGEBEE_PASSWORD", "secret")
    assert find_catalog(project, "tap-chargebee") == {"TAP_CHARGEBEE__CATALOG": str(kept)}
    project.dotenv.set_value("TAP_CHARGEBEE_API_KEY", "another")
    assert find_catalog(project, "tap-chargebee") == {}
    (project.root / "code").unlink()
    JobRunner(project, "sync").run()
    assert find_catalog(project, "tap-chargebee") == {"TAP_CHARGEBEE__CATALOG": str(kept)}

    os.utime(project.root / "meltano.yml", (kept.stat().st_mtime + 1,) * 2)
    assert find_catalog(project, "tap-chargebee") == {}


def test_a_failed_run_says_why(project: Project) -> None:
    """The reason is one sentence with the log's last error."""
    (project.root / "code").write_text("1")
    outcome = JobRunner(project, "sync").run()
    assert outcome.code == 1
    assert outcome.reason == (
        f"sync failed (exit code 1): Intercom refused the token: run setup.; its log is {outcome.log}"
    )


def test_a_run_waits_for_the_one_before_it(project: Project) -> None:
    """The second run starts after the first. A third one gives up at once, as the second will read everything."""
    (project.root / "wait").touch()
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(JobRunner(project, "sync").run())) for _ in range(2)]
    threads[0].start()
    wait_until(lambda: len(read_starts(project)) == 1)
    threads[1].start()
    wait_until(lambda: not JobLock(project.system_dir / "standpipe", "sync").is_queue_free())
    third = JobRunner(project, "sync").run()
    assert (third.code, third.reason) == (
        NOT_STARTED,
        "sync was not started: another run of the job is still under way.",
    )
    (project.root / "wait").unlink()
    for thread in threads:
        thread.join(30)
    assert [one.code for one in outcomes] == [0, 0]
    assert len(read_starts(project)) == 2


def test_a_run_gives_up_waiting(project: Project) -> None:
    """After `lock_wait` seconds the run gives up. Another job is not affected."""
    with JobLock(project.system_dir / "standpipe", "sync").hold(0.5):
        assert JobRunner(project, "sync", lock_wait=0.5).run().code == NOT_STARTED
        assert JobRunner(project, "sync-leads", lock_wait=0.5).run().code == 0
    assert read_starts(project) == ["--environment=prod run sync-leads -"]


def test_a_scheduled_run_goes_before_a_live_one(tmp_path: Path) -> None:
    """Both wait for a third run, and the live one began to wait first."""
    lock = JobLock(tmp_path, "sync")
    order = []

    def take(name: str, *, gives_way: bool) -> None:
        with lock.hold(30, gives_way=gives_way) as taken:
            assert taken is not None
            order.append(name)

    live = threading.Thread(target=lambda: take("live", gives_way=True))
    scheduled = threading.Thread(target=lambda: take("scheduled", gives_way=False))
    with lock.hold(1):
        live.start()
        scheduled.start()
        wait_until(lambda: not lock.is_queue_free())
    live.join()
    scheduled.join()
    assert order == ["scheduled", "live"]


@pytest.mark.parametrize(("handler", "recorded"), [("stop", True), ("signal.SIG_IGN", False)], ids=["stops", "stuck"])
def test_nothing_of_a_killed_run_goes_on(project: Project, handler: str, *, recorded: bool) -> None:
    """After Meltano is killed, its orphaned target may record its writes. If it does not stop, it is killed."""
    (project.root / "plugin").write_text(PLUGIN.format(handler=handler))
    (project.root / "kill-me").touch()
    outcome = JobRunner(project, "sync", patience=2 if recorded else 0.2).run()
    assert outcome.code == -signal.SIGKILL
    assert outcome.reason.startswith("sync was killed by signal 9")
    assert find_processes(outcome.run_id) == []
    assert (project.root / "recorded").exists() == recorded


def test_the_run_after_a_killed_one_need_not_wait_for_meltano(project: Project) -> None:
    """Meltano would refuse runs for five minutes. `--force` is safe, as no process of the killed run is left."""
    (project.root / "kill-me").touch()
    JobRunner(project, "sync").run()
    (project.root / "kill-me").unlink()
    assert JobRunner(project, "sync").run().code == 0
    assert JobRunner(project, "sync").run().code == 0
    assert read_starts(project) == [
        "--environment=prod run sync -",
        "--environment=prod run --force sync -",
        "--environment=prod run sync -",
    ]


RUN = """
import sys
from pathlib import Path
from standpipe_console.project.meltano import Project
from standpipe_console.runs.runner import JobRunner
JobRunner(Project(Path(sys.argv[1]), "prod"), "sync").run()
"""


def test_when_all_but_the_target_are_killed_the_next_run_ends_it_first(project: Project) -> None:
    """After `kill -9` of `standpipe run` and of Meltano, two writers still never overlap."""
    (project.root / "plugin").write_text(PLUGIN.format(handler="stop"))
    (project.root / "wait").touch()
    process = subprocess.Popen([sys.executable, "-c", RUN, project.root])
    wait_until((project.root / "plugin-started").exists)
    note = project.system_dir / "standpipe/sync.run.json"
    run_id = note.read_text().split('"')[3]
    process.kill()
    process.wait()
    # Meltano, which still runs, keeps the lock.
    assert not JobLock(project.system_dir / "standpipe", "sync").is_free()
    meltano = next(one for one in find_processes(run_id) if "run" in one.cmdline())
    meltano.kill()
    wait_until(JobLock(project.system_dir / "standpipe", "sync").is_free)
    assert len(find_processes(run_id)) == 1

    (project.root / "wait").unlink()
    (project.root / "plugin").unlink()
    assert JobRunner(project, "sync").run().code == 0
    assert (project.root / "recorded").exists()
    assert find_processes(run_id) == []
    assert read_starts(project)[-1] == "--environment=prod run --force sync -"


def test_a_run_is_stopped_in_order(project: Project) -> None:
    """Meltano and its plugins get SIGTERM, and have ended when the run returns."""
    (project.root / "plugin").write_text(PLUGIN.format(handler="stop"))
    (project.root / "wait").touch()
    runner = JobRunner(project, "sync", patience=5)
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(runner.run()))
    thread.start()
    wait_until((project.root / "plugin-started").exists)
    runner.stop()
    thread.join(30)
    assert outcomes[0].code == -signal.SIGTERM
    assert (project.root / "recorded").exists()
    assert find_processes(outcomes[0].run_id) == []
    again = runner.run()
    assert (again.code, again.reason) == (NOT_STARTED, "sync was not started: it was told to stop.")


def test_logs_are_kept_in_number(project: Project) -> None:
    """The sixty newest logs of a job stay, and so do other files."""
    folder = project.root / "logs/sync"
    folder.mkdir(parents=True)
    for day in range(1, 32):
        (folder / f"2026-01-{day:02}T00-00-00Z.log").touch()
        (folder / f"2026-03-{day:02}T00-00-00Z.log").touch()
    (folder / "mine.log").touch()
    JobRunner(project, "sync").run()
    assert len(list_logs(project, "sync")) == 60
    assert list_logs(project, "sync")[0].name == "2026-01-04T00-00-00Z.log"
    assert (folder / "mine.log").exists()


def test_processes_of_others_are_left_alone() -> None:
    """Only processes with the run's id in their environment belong to the run."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env=os.environ | {RUN_ID: "other"})
    try:
        wait_until(lambda: [one.pid for one in find_processes("other")] == [other.pid])
        assert find_processes("mine") == []
    finally:
        other.kill()
        other.wait()


def test_a_command_runs_some_ids_alone(project: Project) -> None:
    """`standpipe run JOB --only customer=ID` runs the job over these ids, with Meltano's exit code."""
    done = CliRunner().invoke(
        main, ["--project", str(project.root), "run", "sync", "--only", "customer=c 1", "--only", "customer=c2"]
    )
    assert (done.exit_code, done.output) == (0, "")
    assert read_starts(project) == ['--environment=prod run sync ["c 1", "c2"]']
    (project.root / "code").write_text("3")
    failed = CliRunner().invoke(main, ["--project", str(project.root), "run", "sync"])
    assert (failed.exit_code, failed.output[:30]) == (3, "sync failed (exit code 3): Int")


WRONG = {
    "an unknown job": (
        ["snyc"],
        "meltano.yml has no job `snyc`: it has sync, validate, trial, sync-leads, resync-leads, merge-report.",
    ),
    "no equals sign": (["sync", "--only", "c1"], "`--only c1`: the job sync takes customer=ID, event=ID."),
    "no id": (["sync", "--only", "customer="], "`--only customer=`: the job sync takes customer=ID, event=ID."),
    "another kind": (
        ["sync-leads", "--only", "customer=c1"],
        "`--only customer=c1`: the job sync-leads takes company=ID, contact=ID.",
    ),
    "a job without one": (
        ["validate", "--only", "customer=c1"],
        "`--only customer=c1`: the job validate takes nothing: it has no such setting.",
    ),
}


@pytest.mark.parametrize(("arguments", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_run_is_refused(project: Project, arguments: list[str], sentence: str) -> None:
    """The error is one sentence, and nothing has started."""
    done = CliRunner().invoke(main, ["--project", str(project.root), "run", *arguments])
    assert (done.exit_code, done.output) == (1, f"Error: {sentence}\n")
    assert read_starts(project) == []


def read_runs(project: Project) -> list[tuple[str, str, str, int | None, str]]:
    """Return what the history knows of each run, the latest first."""
    with open_history(project) as history:
        return [(one.job, one.trigger, one.status, one.exit_code, one.reason) for one in history.list_runs()]


def test_the_history_has_every_run(project: Project) -> None:
    """Also one whose target never started: of its end only Meltano's log says something."""
    JobRunner(project, "sync", trigger="schedule").run()
    (project.root / "code").write_text("1")
    failed = JobRunner(project, "validate").run()
    with JobLock(project.system_dir / "standpipe", "sync").hold(0.5):
        JobRunner(project, "sync", lock_wait=0, trigger="live").run(is_subset=True)
    (project.root / "kill-me").touch()
    killed = JobRunner(project, "sync").run()
    assert read_runs(project) == [
        ("sync", "person", "killed", -9, killed.reason),
        ("sync", "live", "not_started", 75, "sync was not started: another run of the job is still under way."),
        ("validate", "person", "failed", 1, failed.reason),
        ("sync", "schedule", "completed", 0, ""),
    ]
    with open_history(project) as history:
        runs = history.list_runs()
    assert [(run.plugin, run.mode, run.is_subset) for run in runs] == [
        ("target-intercom", "sync", False),
        ("target-intercom", "sync", True),
        ("target-intercom", "validate", False),
        ("target-intercom", "sync", False),
    ]


def test_a_run_is_under_way_until_it_is_killed(project: Project) -> None:
    """Opening the history marks a run as killed when none of its processes is left."""
    (project.root / "wait").touch()
    process = subprocess.Popen([sys.executable, "-c", RUN, project.root])
    wait_until(lambda: len(read_starts(project)) == 1)
    assert [run[2] for run in read_runs(project)] == ["running"]
    run_id = (project.system_dir / "standpipe/sync.run.json").read_text().split('"')[3]
    process.kill()
    process.wait()
    assert [run[2] for run in read_runs(project)] == ["running"]
    for meltano in find_processes(run_id):
        meltano.kill()
    wait_until(lambda: find_processes(run_id) == [])
    ((_, _, status, code, reason),) = read_runs(project)
    assert (status, code) == ("killed", None)
    assert reason == "The run was killed: nothing is lost, the next run repeats what was not confirmed."


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("sqlite:///{root}/meltano.yml", "file is not a database"),
        ("sqlite:///{root}/meltano.yml/history.db", "File exists"),
        ("not an address", "HISTORY_URL is not an address of a database"),
        ("oracle://db/history", "HISTORY_URL"),
    ],
    ids=["no database", "no folder", "no address", "another database"],
)
def test_a_run_needs_no_history(
    project: Project, url: str, cause: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One that cannot be written costs one warning; the run ends as it does, and its journal stays."""
    monkeypatch.setenv("HISTORY_URL", url.format(root=project.root))
    journal = project.system_dir / "standpipe/journal/target-intercom/r1.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_text("{}\n")
    assert JobRunner(project, "sync").run().code == 0
    (warning,) = caplog.messages
    assert cause in warning
    assert journal.exists()
