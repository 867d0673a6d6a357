"""The console through real Meltano, in the order in which a new user would use it, including the removal.

All tests share one project and one sandbox: each test continues where the one before it ended.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import psutil
import pytest
import yaml
from rich.console import Console as Rich
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox
from standpipe_console import output
from standpipe_console.checks import explain_text
from warm_commands import run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.pipeline.conftest import Project

pytestmark = pytest.mark.pipeline

ROOT = Path(__file__).parents[2]
JOBS = [job["name"] for job in yaml.safe_load((ROOT / "meltano.yml").read_text())["jobs"]]
EXPLAINED = "q8UNWBVZSGCnfepQ"
KEYS = {"TAP_CHARGEBEE_API_KEY": "sandbox_key", "TARGET_INTERCOM_ACCESS_TOKEN": "sandbox_token"}
MELTANO = Path(sys.executable).with_name("meltano")
SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin"
CRON, CRONTAB = shutil.which("cron", path=SYSTEM), shutil.which("crontab", path=SYSTEM)


class Console:
    """The project, the sandbox, a crontab for the tests, and a record of all command lines on this machine."""

    def __init__(self, root: Path, env: dict[str, str], sandbox: RunningSandbox) -> None:
        self.root, self.env, self.sandbox = root, env, sandbox
        self.seen: set[str] = set()

    def meltano(self, *args: str, code: int = 0, **env: str) -> str:
        """Run a Meltano command at log level debug, and return its output."""
        command = [str(MELTANO), "--log-level=debug", *args]
        done = run_command(command, cwd=self.root, env=self.env | env)
        said = done.stdout + done.stderr
        with (self.root.parent / "said.log").open("a") as log:
            log.write(said)
        assert done.returncode == code, said
        return done.stdout

    def standpipe(self, command: str, *args: str, code: int = 0, **env: str) -> str:
        """Run a console command as Meltano's utility."""
        return self.meltano("invoke", f"standpipe:{command}", *args, code=code, **env)

    def json(self, command: str, *args: str, code: int = 0) -> Any:
        """Run a console command with `--json`, as cron does without Meltano, and return the parsed output."""
        executable = self.root / ".meltano/utilities/standpipe/venv/bin/standpipe"
        words = [str(executable), f"--project={self.root}", command, *args, "--json"]
        done = subprocess.run(words, env=self.env, capture_output=True, text=True, check=False)
        with (self.root.parent / "said.log").open("a") as log:
            log.write(done.stdout + done.stderr)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def watch(self, ended: threading.Event) -> None:
        """Record every command line, as any user of the machine could."""
        while not ended.wait(0.25):
            for process in psutil.process_iter(["cmdline"]):
                self.seen.add(" ".join(process.info["cmdline"] or []))

    @property
    def crontab(self) -> str:
        """The crontab of the tests."""
        path = self.root.parent / "crontab"
        return path.read_text() if path.exists() else ""


@pytest.fixture(scope="module")
def console(installed_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Return a project that was never set up, with a `crontab` command that keeps its table in a file."""
    installed_project.renew()
    folder = tmp_path_factory.mktemp("machine")
    root = folder / "stand pipe 100%"
    shutil.copytree(installed_project.root, root, symlinks=True, ignore=shutil.ignore_patterns("*.log", ".env"))
    (root / ".meltano/utilities").unlink()  # its scripts contain the path of the folder in which they were installed
    own = {"CRONTAB_TABLE": str(folder / "crontab"), "XDG_STATE_HOME": str(folder / "state"), "HOME": str(folder)}
    env = installed_project.env | own
    ended = threading.Event()
    with RunningSandbox(Settings(customers=60)) as sandbox:
        made = Console(root, env, sandbox)
        watcher = threading.Thread(target=made.watch, args=(ended,), daemon=True)
        watcher.start()
        made.meltano("install", "utility", "standpipe")
        yield made
        ended.set()
        watcher.join()


def addresses(console: Console) -> list[str]:
    """Return options that replace the vendors' addresses with the sandbox's."""
    return ["--chargebee-url", console.sandbox.chargebee_url, "--intercom-url", console.sandbox.intercom_url]


def test_ctrl_c_says_what_was_kept(console: Console) -> None:
    """Setup lists what it wrote. Keys typed while it works are neither shown nor used as an answer."""
    with (
        asked(console, "standpipe:setup", *addresses(console), ends_well=False) as terminal,
        said_in(console, terminal),
    ):
        answer(terminal, "Chargebee site", "sandbox")
        answer(terminal, "Chargebee API key", "sandbox_key\rtyped too early")
        terminal.expect("Connected to Chargebee at http.*: site sandbox, Product Catalog 2.0.")
        terminal.expect("Intercom access token")
        terminal.send("\x03")
        terminal.expect(
            "Stopped. These settings stay in .env: TAP_CHARGEBEE_API_KEY, tap-chargebee site: sandbox, "
            "tap-chargebee api_url: http"
        )
    assert "typed too early" not in (console.root.parent / "terminal.log").read_text()
    assert set(settings_in(console.root / ".env")) == {
        "TAP_CHARGEBEE_API_KEY", "TAP_CHARGEBEE_SITE", "TAP_CHARGEBEE_API_URL",
    }  # fmt: skip
    (console.root / ".env").unlink()


def test_setup_asks_at_a_terminal_and_shows_no_key(console: Console) -> None:
    """Setup repeats the question after a wrong key. Only the owner can read `.env`, which has the keys."""
    with asked(console, "standpipe:setup", *addresses(console)) as terminal, said_in(console, terminal):
        answer(terminal, "Chargebee site", "localhost:1/x?")
        answer(terminal, r"is its name alone, not a URL.*Chargebee site", "sandbox")
        answer(terminal, "Chargebee API key", "wrong-key-77")
        answer(terminal, r"refuses TAP_CHARGEBEE_API_KEY.*Chargebee site", "")
        answer(terminal, "Chargebee API key", "sandbox_key")
        answer(terminal, "Intercom access token", "sandbox_token")
        for question in ("What are your customers", "recognise a user", "When a record matches"):
            answer(terminal, question, "")
        answer(terminal, "When no record matches", "")
        answer(terminal, "only as a lead", "")
        answer(terminal, "more fields of the customer.*cf_Account_Manager", " ")
        answer(terminal, "more fields of the subscription", "")
        answer(terminal, "Which customers take part", "")
        answer(terminal, "Leave out any of the attributes", "")
        terminal.expect("(?s)customers in Intercom. +users .B2C.*is set up. The keys are in")
    shown = (console.root.parent / "terminal.log").read_text()
    lines = block("meltano invoke standpipe:setup").splitlines()
    assert len([line for line in lines if line.startswith("? ")]) == 12
    seen = normal(console, plain(shown))
    assert [line for line in lines if line not in seen] == []
    assert not [key for key in (*KEYS.values(), "wrong-key-77") if key in shown]
    assert (console.root / ".env").stat().st_mode & 0o777 == 0o600
    assert settings_in(console.root / ".env") == {
        **KEYS,
        "TAP_CHARGEBEE_SITE": "sandbox",
        "TAP_CHARGEBEE_API_URL": console.sandbox.chargebee_url,
        "TARGET_INTERCOM_API_URL": console.sandbox.intercom_url,
        "MAP_SUBSCRIPTIONS_EXTRA_CUSTOMER_FIELDS": '["cf_Account_Manager"]',
    }


def answer(terminal: pexpect.spawn[str], question: str, typed: str) -> None:
    """Wait for a question and type the answer."""
    terminal.expect(f"(?s){question}")
    terminal.send(f"{typed}\r")


@contextlib.contextmanager
def said_in(console: Console, terminal: pexpect.spawn[str]) -> Iterator[None]:
    """Write all output of a terminal to a file, which must never contain a key."""
    with (console.root.parent / "terminal.log").open("w") as terminal.logfile_read:
        yield
        terminal.expect(pexpect.EOF)


@contextlib.contextmanager
def asked(console: Console, *args: str, ends_well: bool = True) -> Iterator[pexpect.spawn[str]]:
    """Run a command in a terminal until it ends."""
    command = [str(MELTANO), "--log-level=warning", "invoke", *args]
    terminal = pexpect.spawn(
        shlex.join(command), cwd=str(console.root), env=console.env, encoding="utf-8", timeout=90, dimensions=(50, 140)
    )
    yield terminal
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert (terminal.exitstatus == 0) is ends_well


def settings_in(path: Path) -> dict[str, str]:
    """Return the variables of a `.env` file."""
    pairs = (line.partition("=") for line in path.read_text().splitlines())
    return {name: value.strip("'") for name, _, value in pairs}


def plain(shown: str) -> str:
    """Return a terminal's output without colours and cursor movements."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


def block(command: str) -> str:
    """Return the output that docs/operations.md shows for a command."""
    found = re.search(
        rf"```console\n\$ {re.escape(command)}\n(.*?)```", (ROOT / "docs/operations.md").read_text(), re.DOTALL
    )
    assert found is not None, command
    return found[1]


def check_shown_output(console: Console, command: str, printed: str) -> None:
    """Compare a command's output with docs/operations.md. If README_INTO is set, update the page first."""
    known = normal(console, printed)
    if os.environ.get("README_INTO"):
        text = (ROOT / "docs/operations.md").read_text()
        shown = f"$ {command}\n{block(command)}```"
        (ROOT / "docs/operations.md").write_text(text.replace(shown, f"$ {command}\n{known}\n```"))
    assert block(command).rstrip() == known


def normal(console: Console, printed: str) -> str:
    """Return an output with fixed text for what differs between runs: folder, port, times and durations."""
    for pattern, instead in (
        (re.escape(shlex.quote(str(console.root)).replace("%", r"\%")[1:-1]), "/srv/standpipe"),
        (re.escape(str(console.root)), "/srv/standpipe"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:8100"),
        (r"'(/srv/standpipe[^' ]*)'", r"\g<1>"),
        (rf"{datetime.now(UTC):%Y-%m}-\d\d[T ]\d\d:\d\d(:\d\d)?", lambda found: "2026-01-15 12:00:00"[: len(found[0])]),
        (r"completed +[\d.]+ +", "completed  9.5      "),
        (r"status +seconds", "status     seconds"),
        (r"run [0-9a-f]{8}:", "run 5d1f6c0e:"),
        (r"in \d+ min\b", "in 1 min"),
        (r"Scheduled, but no cron .*", "Next run: 2026-01-15 12:00 by this machine's clock, in 1 min."),
        (r"\d+ (seconds|minutes) ago", "50 seconds ago"),
        (r"\b[0-9a-f]{32}\b", "5d1f6c0e7a3b4c2d9e8f1a2b3c4d5e6f"),
    ):
        printed = re.sub(pattern, instead, printed)
    return "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())


def printed(tell: Callable[[Rich], None]) -> str:
    """Return what a function prints on a terminal as text."""
    out = Rich(width=output.WIDTH, file=io.StringIO(), record=True, highlight=False)
    tell(out)
    return out.export_text()


def test_setup_without_a_terminal_begins_with_what_is_set(console: Console) -> None:
    """Options change only the settings that they name. Keys come through standard input."""
    keys = "".join(f"{name}={value}\n" for name, value in KEYS.items())
    done = subprocess.run(
        [MELTANO, "invoke", "standpipe:setup", "--keys-from-stdin", "--on-no-match", "create"],
        cwd=console.root, env=console.env, input=keys, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [line for line in done.stdout.splitlines() if line.startswith("set ")] == [
        "set target-intercom on_no_match: create"
    ]
    assert settings_in(console.root / ".env")["TARGET_INTERCOM_ON_NO_MATCH"] == "create"


def test_the_doctor_says_that_all_is_well(console: Console) -> None:
    """After setup the doctor finds no failure, and prints what docs/operations.md shows."""
    shown = console.standpipe("doctor")
    check_shown_output(console, "meltano invoke standpipe:doctor", shown)
    assert " fail " not in shown


def test_validate_trial_and_sync_run_as_set_up(console: Console) -> None:
    """The jobs need no setting besides those of setup. The field that setup added becomes an attribute."""
    console.meltano("run", "validate")
    console.meltano("run", "trial")
    console.meltano("run", "sync")
    summary = json.loads((console.root / "output/target-intercom/summary.json").read_text())
    assert (summary["status"], summary["records"]) == ("completed", 58)
    held = [contact.document["custom_attributes"] for contact in console.sandbox.world.intercom.contacts.live()]
    assert any(attributes.get("cb_cust_cf_Account_Manager") for attributes in held)


def test_explain_tells_rows_values_match_decision_and_write(console: Console) -> None:
    """The values come from the map, and Intercom shows what the last run wrote."""
    changes = (console.root / "output/target-intercom/changes.jsonl").read_text().splitlines()
    (change,) = [one for one in map(json.loads, changes) if one["id"] == EXPLAINED]
    told = json.loads(console.standpipe("explain", EXPLAINED, "--json"))
    assert told["customer_id"] == told["chargebee"]["customers"][0]["id"] == EXPLAINED
    assert told["derived"]["custom_attributes"]["cb_cust_cf_Account_Manager"] is not None
    assert told["decision"]["intercom_ids"] == [change["intercom_id"]] == [told["intercom"]["id"]]
    assert (told["decision"]["outcome"], told["decision"]["fields"]) == ("unchanged", [])
    (run,) = told["runs"]
    assert [(one["intercom_id"], one["fields"]) for one in run["wrote"]] == [(change["intercom_id"], change["fields"])]
    shown = printed(lambda out: explain_text.print_explanation(out, told))
    check_shown_output(console, f"meltano invoke standpipe:explain {EXPLAINED}", shown)


def test_the_line_of_the_crontab_runs_the_job(console: Console) -> None:
    """The line works with cron's small environment and in another folder. Only the owner can read the log."""
    subprocess.run(["crontab", "-"], env=console.env, input="0 1 * * * backup\n", text=True, check=True)
    console.meltano("schedule", "set", "sync-every-6h", "--interval=* * * * *")
    shown = console.standpipe("schedule", "install")
    check_shown_output(console, "meltano invoke standpipe:schedule install", shown.replace("* * * * *", "0 */6 * * *"))
    first = console.crontab
    console.standpipe("schedule", "install")
    assert console.crontab == first
    (line,) = [line for line in first.splitlines() if line.startswith("* * * * *")]
    ran = as_cron(console, line)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    (log,) = (console.root / "logs/sync").glob("*.log")
    assert "Run completed" in log.read_text()
    assert log.stat().st_mode & 0o077 == log.parent.stat().st_mode & 0o077 == 0


def as_cron(console: Console, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a crontab as cron does, see crontab(5)."""
    command = re.sub(r"(\S+ ){5}", "", line, count=1).replace(r"\%", "%")
    poor = {"HOME": str(console.root.parent), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "somebody"}
    poor |= {"XDG_STATE_HOME": console.env["XDG_STATE_HOME"]}
    return subprocess.run(["/bin/sh", "-c", command], cwd="/", env=poor, capture_output=True, text=True, check=False)


def test_a_run_that_lasts_keeps_the_next_from_starting(console: Console) -> None:
    """A run that does not get the job's lock within `--lock-wait` seconds starts nothing, and says so."""
    lock = console.root / ".meltano/standpipe/sync.lock"
    with subprocess.Popen(["flock", "-n", lock, "cat"], stdin=subprocess.PIPE) as holder:
        time.sleep(0.3)
        (line,) = [line for line in console.crontab.splitlines() if line.startswith("* * * * *")]
        ran = as_cron(console, f"{line} --lock-wait 0.5")
        holder.communicate()
    assert (ran.returncode, ran.stderr) == (75, "sync was not started: another run of the job is still under way.\n")
    assert len(list((console.root / "logs/sync").glob("*.log"))) == 1


def why_without_cron() -> str:
    """Return why the tests cannot use the real cron here, or an empty text."""
    if CRON is None or CRONTAB is None or os.geteuid() != 0:
        return "needs a cron daemon, and the right to start it"
    listed = subprocess.run([CRONTAB, "-l"], env={"LC_ALL": "C"}, capture_output=True, text=True, check=False)
    if listed.returncode == 0 or not listed.stderr.startswith("no crontab"):
        return "this user has a crontab, which no test may touch or start"
    return ""


@pytest.mark.skipif(bool(why_without_cron()), reason=why_without_cron())
def test_cron_itself_runs_the_line(console: Console) -> None:
    """A real cron daemon runs the line from a user's real crontab, which was empty before."""
    lines = console.crontab.replace("0 1 * * * backup\n", "")
    subprocess.run([str(CRONTAB), "-"], input=lines, text=True, check=True)
    logs = console.root / "logs/sync"
    had = len(list(logs.glob("*.log")))
    daemon = subprocess.Popen([str(CRON), "-f"])
    try:
        deadline = time.monotonic() + 130
        while not any("Run completed" in log.read_text() for log in sorted(logs.glob("*.log"))[had:]):
            assert time.monotonic() < deadline, "cron did not run the line within two minutes"
            time.sleep(0.5)
    finally:
        subprocess.run([str(CRONTAB), "-r"], check=True)
        daemon.terminate()
        daemon.wait()


def test_status_tells_of_every_run(console: Console) -> None:
    """The counts are those of the runs' summaries, and the next run comes from the crontab."""
    (told,) = console.json("status")
    assert (told["job"], told["killed"]) == ("sync", False)
    *later, first = [run for run in told["runs"] if run["status"] != "not_started"]
    assert (first["status"], first["totals"]["records"], first["totals"]["rejected"]) == ("completed", 58, 0)
    assert first["totals"]["written"] > 30
    assert [run["totals"]["written"] for run in later] == [0] * len(later)
    assert len(later) == len(list((console.root / "logs/sync").glob("*.log")))
    assert told["next_run"] is not None
    assert told["state_age_seconds"] < 600


def test_status_reads_as_the_page_shows_it(console: Console) -> None:
    """docs/operations.md shows the first run. Status prints one line per run."""
    shown = console.standpipe("status")
    lines = shown.splitlines()
    runs = [line for line in lines if " completed " in line]
    others = [line for line in lines if "not started" in line or "not_started" in line]
    first = "\n".join(line for line in lines if line not in (*runs[:-1], *others))
    check_shown_output(console, "meltano invoke standpipe:status", first)


def test_the_history_has_every_run_and_no_dry_run(console: Console) -> None:
    """Bare runs of Meltano with the jobs that write with their targets; what doctor and explain try out is no run."""
    runs = console.json("history", "--limit", "100")[::-1]
    assert [(run["job"], run["trigger"], run["mode"], run["status"]) for run in runs[:4]] == [
        ("validate", "meltano", "validate", "completed"),
        ("trial", "meltano", "sync", "completed"),
        ("sync", "meltano", "sync", "completed"),
        ("sync", "schedule", "sync", "completed"),
    ]
    assert {(run["job"], run["trigger"]) for run in runs[4:]} == {("sync", "schedule")}
    assert list((console.root / ".meltano/standpipe/journal").rglob("*.jsonl")) == []
    (first,) = console.json("history", runs[2]["run_id"], "--record", EXPLAINED)["records"]
    changes = (console.root / "output/target-intercom/changes.jsonl").read_text()
    assert (first["kind"], changes) == ("updated", "")


def test_no_key_was_to_be_seen_anywhere(console: Console) -> None:
    """Even at log level debug, no log, report, command line or file except `.env` contains a key."""
    places = [console.root, Path(console.env["XDG_STATE_HOME"])]
    files = [path for place in places for path in place.rglob("*") if path.is_file() and "venv" not in path.parts]
    ours = [path for path in files if not path.is_symlink() and path != console.root / ".env"]
    logs = {path.parent.parent.parent.name for path in ours if path.name == "elt.log"}
    assert "elt" in logs | {path.parent.parent.name for path in ours}
    said = [console.root.parent / "said.log", console.root.parent / "terminal.log"]
    for path in (*ours, *said):
        found = [key for key in KEYS.values() if key.encode() in path.read_bytes()]
        assert found == [], path
    assert any("standpipe:setup" in line for line in console.seen)
    assert any("--dump=catalog" in line for line in console.seen)
    assert [line for line in console.seen if any(key in line for key in KEYS.values())] == []
    assert (console.root / ".meltano").stat().st_mode & 0o077 == 0


def test_clean_removes_what_no_state_names(console: Console) -> None:
    """A store in a state stays at any age. Other old stores are removed with their summaries."""
    stores = console.root / ".meltano/transforms"
    (named,) = stores.glob("*.sqlite")
    for name, days in (("old", 31), ("young", 29)):
        for suffix in (".sqlite", ".summary.json"):
            path = stores / f"{name}{suffix}"
            path.touch()
            os.utime(path, (time.time() - days * 86_400,) * 2)
    os.utime(named, (0, 0))
    left = console.root / ".meltano/run/tap-chargebee/tap.1234.config.json"
    left.write_text("{}")
    found = {Path(one["path"]).name for one in console.json("clean")}
    assert found == {"old.sqlite", "old.summary.json", left.name}
    with asked(console, "standpipe:clean") as terminal:
        terminal.expect("(?s)old.sqlite.*Remove these 3 files\\? Type y for yes, anything else for no:\r\n")
        terminal.send("n\r")
        terminal.expect("Nothing was removed")
    assert left.exists()
    console.standpipe("clean", "--yes")
    assert sorted(path.name for path in stores.glob("*.sqlite")) == sorted([named.name, "young.sqlite"])
    assert not left.exists()
    for path in stores.glob("young.*"):
        path.unlink()


@pytest.mark.skipif("sync-leads" not in JOBS, reason="meltano.yml has no pipeline to ChartMogul")
def test_a_second_pipeline_comes_and_goes_by_itself(console: Console) -> None:
    """Setup with the sandbox's address, a run, its figures and `unlink` leave the other pipeline unchanged."""
    before = settings_in(console.root / ".env")
    stores = set((console.root / ".meltano/transforms").glob("*.sqlite"))
    url = f"http://127.0.0.1:{console.sandbox.port}"
    said = console.standpipe("setup", "chartmogul", "--sandbox", url, "--company-attributes", "*", "--no-input")
    assert "Connected to ChartMogul at http" in said
    assert "Intercom to ChartMogul is set up" in said
    console.meltano("run", "sync-leads")
    sync, leads = console.json("status")
    assert (sync["job"], leads["job"], leads["runs"][0]["status"]) == ("sync", "sync-leads", "completed")
    assert leads["runs"][0]["totals"]["written"] > 0
    console.standpipe("unlink", "chartmogul", "--yes")
    assert settings_in(console.root / ".env") == before
    assert set((console.root / ".meltano/transforms").glob("*.sqlite")) == stores
    assert not (console.root / "output/target-chartmogul").exists()
    assert (console.root / "output/target-intercom/summary.json").exists()
    states = console.meltano("--log-level=error", "state", "list").split()
    assert states == ["prod:tap-chargebee-to-target-intercom"]


def test_unlink_leaves_nothing_but_logs(console: Console) -> None:
    """It clears attributes first, then schedule, state, store, reports, settings and keys. Others' cron lines stay."""
    with asked(console, "standpipe:unlink", "intercom", "--clear-attributes") as terminal:
        terminal.expect("(?s)schedule: sync-every-6h.*Remove all this of Chargebee to Intercom\\? Type y.*:\r\n")
        terminal.send("n\r")
        terminal.expect("Nothing was removed")
    assert "schedule run sync-every-6h" in console.crontab
    said = console.standpipe("unlink", "intercom", "--clear-attributes", "--yes")
    cleared = [line for line in said.splitlines() if line.endswith("contacts: cleared.")]
    assert len(cleared) == 1
    check_shown_output(
        console,
        "meltano invoke standpipe:unlink intercom --yes",
        "\n".join(line for line in said.splitlines() if line not in cleared),
    )
    held = [contact.document["custom_attributes"] for contact in console.sandbox.world.intercom.contacts.live()]
    owned = [name for attributes in held for name, value in attributes.items() if value is not None]
    assert [name for name in owned if name.startswith("cb_")] == []
    assert console.crontab == "0 1 * * * backup\n"
    assert not (console.root / ".env").exists()
    assert not (console.root / "output").exists()
    assert not (console.root / ".meltano/transforms").exists()
    assert console.meltano("--log-level=error", "state", "list").split() == []
    left = {path.name for path in console.root.iterdir()} - {path.name for path in PARTS}
    assert left - {".meltano", "meltano.yml", "logs", "plugins"} == set()
    assert list((console.root / "logs/sync").glob("*.log")) != []
    with contextlib.suppress(FileNotFoundError):
        assert [p.name for p in (console.root / ".meltano/run").iterdir() if "tap" in p.name or "map" in p.name] == []


PARTS = [path for path in Path(__file__).parents[2].iterdir() if not path.name.startswith(".")]
