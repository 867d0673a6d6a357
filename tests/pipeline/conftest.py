"""A Meltano project for the tests, made from this repository's meltano.yml, against the sandbox."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest
import requests
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox
from standpipe_demo.project import describe_failed_install
from warm_commands import run_command
from warm_plugins import VARIABLE, WarmPlugins, install_launcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ROOT = Path(__file__).parents[2]
MELTANO = Path(sys.executable).with_name("meltano")
PLUGINS = ["console", "tap-chargebee", "tap-intercom", "target-chartmogul", "target-intercom", "transforms"]
PARTS = ["meltano.yml", "constraints.txt", *PLUGINS]
STATE_IDS = {
    "target-intercom": "prod:tap-chargebee-to-target-intercom",
    "target-chartmogul": "prod:tap-intercom-to-target-chartmogul",
}


@dataclass
class Ran:
    """What a Meltano command left: its exit code, its log, and the Singer messages of each plugin."""

    code: int
    log: str
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def of(self, plugin: str, kind: str) -> list[dict[str, Any]]:
        """Return a plugin's messages of one type, in order."""
        return [message for message in self.messages.get(plugin, []) if message["type"] == kind]

    def said(self, text: str) -> bool:
        """Return whether the log contains a text."""
        return text in self.log


@dataclass
class Project:
    """A folder in which Meltano runs, and its environment variables."""

    root: Path
    env: dict[str, str]
    warm: dict[str, str] = field(default_factory=dict)
    """The variable that makes plugins start warm, in commands that run to their end."""

    @property
    def log_file(self) -> Path:
        """The log of the last command."""
        return self.root / "meltano.log"

    def command(self, *args: str, typed: str = "") -> tuple[int, str, str]:
        """Run a plugin's command with some input. Return its exit code, its output and its log."""
        done = run_command([MELTANO, "invoke", *args], cwd=self.root, env=self.env, text=typed)
        return done.returncode, done.stdout, done.stderr

    def start(self, *args: str, **env: str) -> subprocess.Popen[str]:
        """Start a Meltano command that logs one JSON object per line to a file, as an unread pipe would block it."""
        with self.log_file.open("w") as log:
            return subprocess.Popen(
                [str(MELTANO), "--log-level=debug", "--log-format=json", *args],
                cwd=self.root,
                env=self.env | env,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )

    @property
    def console_log(self) -> Path:
        """The path of the log of the console's commands."""
        return self.root / "console.log"

    def start_console(self, *args: str, **env: str) -> subprocess.Popen[str]:
        """Start a command of the installed console itself, with its log in a file."""
        executable = self.root / ".meltano/utilities/standpipe/venv/bin/standpipe"
        with self.console_log.open("a") as log:
            return subprocess.Popen(
                [str(executable), f"--project={self.root}", "--environment=prod", *args],
                cwd=self.root,
                env=self.env | env,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def finish(self, process: subprocess.Popen[str]) -> Ran:
        """Wait for the end of a command, and return what it left."""
        process.wait(timeout=120)
        log = self.log_file.read_text()
        return Ran(process.returncode, log, singer_messages(log))

    def meltano(self, *args: str, **env: str) -> Ran:
        """Run a Meltano command to its end."""
        command = [str(MELTANO), "--log-level=debug", "--log-format=json", *args]
        done = run_command(command, cwd=self.root, env=self.env | self.warm | env, log=self.log_file)
        log = self.log_file.read_text()
        return Ran(done.returncode, log, singer_messages(log))

    def sync(self, **env: str) -> Ran:
        """Run the main job by naming its plugins."""
        return self.meltano("run", "tap-chargebee", "map", "target-intercom", **env)

    def leads(self, **env: str) -> Ran:
        """Run the leads' job by naming its plugins."""
        return self.meltano("run", "tap-intercom", "leads", "target-chartmogul", **env)

    def state(self, target: str = "target-intercom") -> dict[str, Any]:
        """Return the state that Meltano passes to the tap next time; {} when no run confirmed one."""
        with contextlib.closing(sqlite3.connect(self.root / ".meltano/meltano.db")) as database:
            # `meltano state get` takes longer than a second.
            query = "SELECT completed_state, partial_state FROM state WHERE state_id = ?"
            completed, partial = database.execute(query, [STATE_IDS[target]]).fetchone() or ("{}", None)
        assert json.loads(partial or "{}") == {}
        state: dict[str, Any] = json.loads(completed).get("singer_state", {})
        return state

    def summary(self, target: str = "target-intercom") -> dict[str, Any]:
        """Return the target's summary of its last run."""
        summary: dict[str, Any] = self.report("summary.json", target)
        return summary

    def report(self, name: str, target: str = "target-intercom") -> Any:
        """Return a target's JSON report."""
        return json.loads((self.root / "output" / target / name).read_text())

    def stores(self) -> list[Path]:
        """Return the files of the map's stores."""
        return sorted((self.root / ".meltano/transforms").glob("*.sqlite"))

    def renew(self) -> None:
        """Delete the state, stores, reports and inbox of all runs. Installed plugins stay."""
        kept_by_meltano = (self.root / ".meltano" / name for name in ("transforms", "run", "logs", "standpipe"))
        for path in [self.root / "output", self.root / "logs", *kept_by_meltano]:
            shutil.rmtree(path, ignore_errors=True)
        self.console_log.unlink(missing_ok=True)
        for path in (self.root / ".meltano").glob("meltano.db*"):
            path.unlink()
        # Meltano takes a second to make its tables, one migration after the other.
        shutil.copy(self.root / ".meltano/empty.db", self.root / ".meltano/meltano.db")


class RecordedSandbox(RunningSandbox):
    """A sandbox that records the writes to Intercom, so that they can be repeated without a run."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.writes: list[tuple[str, str, bytes]] = []
        self.spans: list[tuple[float, float]] = []
        """When each of the writes arrived and was answered, in unix seconds."""
        self._app = cast("ASGIApp", self._server.config.app)
        self._server.config.app, self._server.config.interface = self._record, "asgi3"

    async def _record(self, scope: Scope, receive: Receive, send: Send) -> None:
        read: list[Message] = []

        async def keep() -> Message:
            read.append(await receive())
            if not read[-1].get("more_body") and is_write(scope["method"], scope["path"]):
                body = b"".join(message.get("body", b"") for message in read)
                self.writes.append((scope["method"], scope["path"].removeprefix("/intercom"), body))
            return read[-1]

        async def answer(message: Message) -> None:
            # Noted before the client can have the answer and go on.
            if message["type"] == "http.response.start" and is_write(scope["method"], scope["path"]):
                self.spans.append((begin, time.time()))
            await send(message)

        begin = time.time()
        await self._app(scope, keep, answer)


def is_write(method: str, path: str) -> bool:
    """Return whether a request changes Intercom's data."""
    return path.startswith("/intercom/") and method != "GET" and path.removeprefix("/intercom") not in Intercom.READING


@dataclass
class FirstRun:
    """What the first run of the main job left: files of the project, and its writes to Intercom."""

    KEPT: ClassVar = ("output", ".meltano/transforms", ".meltano/standpipe", ".meltano/meltano.db")
    folder: Path
    writes: list[tuple[str, str, bytes]] = field(default_factory=list)

    def keep(self, project: Project, writes: list[tuple[str, str, bytes]]) -> None:
        """Store the files and writes of a successful run."""
        self.writes += writes
        self._copy(project.root, self.folder)

    def put_back(self, project: Project, intercom: Intercom) -> None:
        """Restore the files in a new project, and repeat the writes in a new sandbox."""
        self._copy(self.folder, project.root)
        for method, path, body in self.writes:
            intercom.ask(method, path, data=body)

    def _copy(self, source: Path, target: Path) -> None:
        for path in filter(Path.exists, (source / name for name in self.KEPT)):
            place = target / path.relative_to(source)
            if path.is_dir():
                shutil.copytree(path, place, dirs_exist_ok=True)
            else:
                shutil.copy(path, place)


@dataclass
class ChartMogul:
    """Reads the sandbox's ChartMogul through its API, and counts the writes to it."""

    sandbox: RunningSandbox

    def writes(self) -> int:
        """Count the calls other than GET that the sandbox received."""
        calls = self.sandbox.calls()["calls"]
        return sum(row["count"] for row in calls if row["api"] == "chartmogul" and row["method"] != "GET")

    def sources(self) -> dict[str, str]:
        """Return the uuids of the data sources, by name."""
        return {one["name"]: one["uuid"] for one in self._ask("data_sources")["data_sources"]}

    def held(self, kind: str, source: str = "Intercom leads") -> list[str]:
        """Return the sorted external ids of all customers or contacts of a data source."""
        query: dict[str, Any] = {"data_source_uuid": self.sources()[source], "per_page": 200}
        page: dict[str, Any] = {"has_more": True}
        found: list[str] = []
        while page["has_more"]:
            page = self._ask(kind, query)
            found += [entry["external_id"] for entry in page["entries"]]
            query["cursor"] = page["cursor"]
        return sorted(found)

    def _ask(self, path: str, query: dict[str, Any] | None = None) -> Any:
        url = f"{self.sandbox.chartmogul_url}/{path}"
        return requests.get(url, auth=("sandbox_key", ""), params=query, timeout=10).json()


@dataclass
class Intercom:
    """Reads the sandbox's Intercom through its API, and counts the writes to it."""

    sandbox: RunningSandbox

    READING: ClassVar = {"/contacts/search", "/companies/list"}

    def ask(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Call the API."""
        headers = {"Authorization": "Bearer sandbox_token", "Intercom-Version": "2.14"}
        return requests.request(method, f"{self.sandbox.intercom_url}{path}", headers=headers, timeout=10, **kwargs)

    def writes(self) -> int:
        """Count the writing calls that the sandbox received."""
        return sum(
            row["count"]
            for row in self.sandbox.calls()["calls"]
            if row["api"] == "intercom" and row["method"] != "GET" and row["path"] not in self.READING
        )

    def contacts(self) -> list[dict[str, Any]]:
        """Return all users and leads."""
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {"pages": {"next": {"starting_after": None}}}
        while following := page["pages"].get("next"):
            page = self.ask("GET", "/contacts", params={"per_page": 150, **given(following)}).json()
            found += page["data"]
        return found

    def linked(self) -> dict[str, dict[str, Any]]:
        """Return the contacts with a Chargebee customer's id, by that id. No two contacts may have the same id."""
        holders = [contact for contact in self.contacts() if contact["custom_attributes"].get("cb_cust_id")]
        by_customer = {contact["custom_attributes"]["cb_cust_id"]: contact for contact in holders}
        assert len(by_customer) == len(holders)
        return by_customer

    def users_by_email(self) -> Counter[str]:
        """Count the users per e-mail address, without regard to letter case."""
        held = (contact["email"] for contact in self.contacts() if contact["role"] == "user")
        return Counter(email.lower() for email in held if email)


def given(following: dict[str, Any]) -> dict[str, str]:
    """Return the query parameter of a next page, and nothing for the first page."""
    return {"starting_after": following["starting_after"]} if following["starting_after"] else {}


def singer_messages(log: str) -> dict[str, list[dict[str, Any]]]:
    """Return the Singer messages in a debug log, by plugin."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in log.splitlines():
        try:
            entry = json.loads(line)
            message = json.loads(entry["event"])
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(message, dict) and "type" in message and entry.get("stdio") == "stdout":
            found.setdefault(entry["name"], []).append(message)
    return found


#: Folders of the plugins' environments, which all projects of a test run share.
ENVIRONMENTS = ("extractors", "loaders", "mappers", "utilities")
#: Seconds that `meltano install` may take, as a package index may be slow.
PATIENCE = 1800


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project in which `meltano install` ran once for all workers and files of a test run.

    The first worker installs while the others wait. If that fails, all of them report the same sentence.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    root, result = shared / "installation", shared / "installation.txt"
    with (shared / "installation.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not result.exists():
            result.write_text(install(make_project(root)))
    if problem := result.read_text():
        pytest.fail(problem, pytrace=False)
    return root


def make_project(root: Path) -> Project:
    """Return a project with this repository's plugins and meltano.yml, and an environment without any keys."""
    root.mkdir()
    for part in PARTS:
        (root / part).symlink_to(ROOT / part)
    (root / "meltano.yml").unlink()
    shutil.copy(ROOT / "meltano.yml", root)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("TAP_", "TARGET_", "MELTANO"))}
    # Only a tenth of the installed files is ever imported, so compiling all of them would cost more time.
    env.pop("UV_COMPILE_BYTECODE", None)
    return Project(root, env | {"NO_COLOR": "1"})


def install(project: Project) -> str:
    """Install the plugins. Return a sentence about the failure, or an empty text."""
    process = project.start("install")
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return f"`meltano install` had not ended after {PATIENCE // 60} minutes: is the package index slow?"
    if process.returncode == 0:
        # The first command that needs the database makes it.
        project.meltano("state", "list")
        share_bytecode(project)
        for executable in find_executables(project.root):
            install_launcher(executable, executable.with_name("python"))
        return ""
    return f"`meltano install` failed. {describe_failed_install(project.log_file.read_text())}"


def find_executables(root: Path) -> list[Path]:
    """Return the executables of the taps, maps and targets of an installation."""
    kinds = ("extractors", "loaders", "mappers")
    return [one / "venv/bin" / one.name for kind in kinds for one in (root / ".meltano" / kind).iterdir()]


def share_bytecode(project: Project) -> None:
    """Give the plugins what this Python has compiled, as uv installs the same files everywhere."""
    compiled = Path(pytest.__file__).parents[1]
    for packages in project.root.glob(".meltano/*/*/venv/lib/python*/site-packages"):
        for folder in [path for path in packages.rglob("*") if path.is_dir()]:
            own = compiled / folder.relative_to(packages) / "__pycache__"
            if own.exists():
                shutil.copytree(own, folder / "__pycache__", dirs_exist_ok=True)


@pytest.fixture(scope="session")
def warm_plugins(installation: Path) -> Iterator[WarmPlugins]:
    """Yield the warm processes of this worker."""
    plugins = WarmPlugins({one.name: one.with_name("python") for one in find_executables(installation)})
    yield plugins
    plugins.stop()


@pytest.fixture(scope="session")
def installed_project(
    installation: Path, warm_plugins: WarmPlugins, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """Return this worker's own project over the shared installation."""
    project = make_project(tmp_path_factory.mktemp("project") / "root")
    (project.root / ".meltano").mkdir()
    for kind in ENVIRONMENTS:
        (project.root / ".meltano" / kind).symlink_to(installation / ".meltano" / kind)
    shutil.copy(installation / ".meltano/meltano.db", project.root / ".meltano/empty.db")
    project.warm = {VARIABLE: str(warm_plugins.folder)}
    return project


@pytest.fixture
def project(installed_project: Project, sandbox: RunningSandbox) -> Iterator[Project]:
    """Return a project without any runs, with a new sandbox of sixty customers. Missing contacts are created."""
    installed_project.renew()
    env = installed_project.env | {
        "TAP_CHARGEBEE_SITE": "sandbox",
        "TAP_CHARGEBEE_API_KEY": "sandbox_key",
        "TAP_CHARGEBEE_API_URL": sandbox.chargebee_url,
        "TARGET_INTERCOM_ACCESS_TOKEN": "sandbox_token",
        "TARGET_INTERCOM_API_URL": sandbox.intercom_url,
        "TARGET_INTERCOM_ON_NO_MATCH": "create",
        "TAP_INTERCOM_ACCESS_TOKEN": "sandbox_token",
        "TAP_INTERCOM_API_URL": sandbox.intercom_url,
        "TARGET_CHARTMOGUL_API_KEY": "sandbox_key",
        "TARGET_CHARTMOGUL_API_URL": sandbox.chartmogul_url,
    }
    yield Project(installed_project.root, env, installed_project.warm)
    sandbox.clear_faults()


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[RunningSandbox]:
    """One sandbox server for all files of this folder."""
    with RecordedSandbox(Settings(customers=60)) as server:
        yield server


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    """Return the first run of the main job, which a test fills."""
    folder = tmp_path_factory.mktemp("first_run")
    (folder / ".meltano").mkdir()
    return FirstRun(folder)


@pytest.fixture
def synced(project: Project, sandbox: RecordedSandbox, first_run: FirstRun) -> Project:
    """Return a project after one successful run of the main job. Only the first test really makes this run."""
    if first_run.writes:
        first_run.put_back(project, Intercom(sandbox))
        return project
    sandbox.writes.clear()
    assert project.sync().code == 0
    first_run.keep(project, sandbox.writes)
    return project


@pytest.fixture
def intercom(sandbox: RunningSandbox) -> Intercom:
    """Return the sandbox's Intercom."""
    return Intercom(sandbox)


@pytest.fixture
def chartmogul(sandbox: RunningSandbox) -> ChartMogul:
    """Return the sandbox's ChartMogul."""
    return ChartMogul(sandbox)
