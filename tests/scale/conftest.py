"""Airflow with PostgreSQL, Redis and two Celery workers, all on loopback and in one folder."""

from __future__ import annotations

import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
import pytest
import requests
from postgres import find_programs
from psycopg.rows import dict_row

from tests.pipeline.conftest import make_project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.testing import RunningSandbox

    from tests.pipeline.conftest import Project

ROOT = Path(__file__).parents[2]
#: The environment of Airflow, which `make scale` makes.
AIRFLOW = ROOT / ".venv-airflow/bin"
#: Seconds for a server to start, on a machine with other work.
PATIENCE = 600.0
#: Below the ports that Linux gives to connections, so that nobody takes one before its server listens on it.
PORTS = range(15_000, 30_000)
#: The workers of Celery.
WORKERS = ("one", "two")
#: The environments with a site each, which Airflow runs.
SITES = ("prod", "us")
#: The other processes of Airflow.
SERVERS = ("api-server", "scheduler", "dag-processor")
#: Only the check for alerts starts by the clock, as this day does not come before 2028.
NEVER = "0 0 29 2 *"


def find_free_port() -> int:
    """Return a free port."""
    while True:
        with suppress(OSError), socket.create_server(("127.0.0.1", port := random.choice(PORTS))):  # noqa: S311
            return port


def has_user(name: str) -> bool:
    """Return whether this machine has a user."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def wait_until(reached: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until another process has done something."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} seconds"
        time.sleep(0.5)


@dataclass
class Postgres:
    """A private PostgreSQL server of Debian."""

    folder: Path
    programs: Path
    port: int = field(default_factory=find_free_port)

    def control(self, *args: str) -> None:
        """Run a command of the server; as root, it runs as its own user."""
        owner: Any = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        tool, *rest = args
        log = (self.folder.parent / "postgres.log").open("a")
        with log:
            subprocess.run([self.programs / tool, *rest], cwd="/", stdout=log, stderr=log, check=True, **owner)

    def start(self) -> None:
        """Make the server, with a database for Airflow and one for the project."""
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.control("initdb", "--pgdata", str(self.folder), "--auth=trust", "--username=scale", "--no-sync")
        self._start_server()
        for name in ("airflow", "standpipe"):
            self._make_database(name)

    def _start_server(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder} -c fsync=off -c max_connections=200"
        self.control("pg_ctl", "-D", str(self.folder), "-w", "-o", options, "start")

    def restart(self) -> None:
        """End all connections, and restart."""
        self.stop()
        self._start_server()

    def stop(self) -> None:
        """Stop the server."""
        self.control("pg_ctl", "-D", str(self.folder), "-w", "-m", "fast", "stop")

    def build_url(self, database: str, driver: str = "postgresql") -> str:
        """Return the address of a database."""
        return f"{driver}://scale@127.0.0.1:{self.port}/{database}"

    def query(self, database: str, statement: str) -> list[dict[str, Any]]:
        """Return the rows of a query, by column."""
        with psycopg.connect(self.build_url(database), row_factory=dict_row) as connection:
            return connection.execute(statement.encode()).fetchall()

    def _make_database(self, name: str) -> None:
        with psycopg.connect(self.build_url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())


def list_tree(pid: int) -> list[psutil.Process]:
    """Return a process with all that it has started; none when it has ended."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@dataclass
class Receiver:
    """Takes alerts."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    @contextmanager
    def listen(self) -> Iterator[Receiver]:
        """Serve until the end of the block."""
        messages = self.messages

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


@dataclass(frozen=True)
class Task:
    """What became of a task."""

    run_state: str  #: of the run of its DAG
    state: str
    tries: int
    seconds: float  #: of the last try


@dataclass
class Airflow:
    """The processes of Airflow."""

    folder: Path
    env: dict[str, str]
    postgres: Postgres
    url: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def call(self, *args: str) -> None:
        """Run a command of Airflow to its end."""
        with (self.folder / "commands.log").open("a") as log:
            subprocess.run([AIRFLOW / "airflow", *args], env=self.env, stdout=log, stderr=log, check=True)

    def start(self, name: str, *args: str, **env: str) -> None:
        """Start a process of Airflow, with its log in the folder."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [AIRFLOW / "airflow", *args], env=self.env | env, stdout=log, stderr=log, start_new_session=True
            )

    def start_worker(self, name: str) -> None:
        """Start a worker of Celery, and wait until it takes tasks."""
        port = str(find_free_port())
        pid = str(self.folder / f"{name}.pid")
        command = ("celery", "worker", "-H", f"{name}@%h", "--pid", pid, "--concurrency=2")
        self.start(name, *command, AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=port)

    def is_healthy(self) -> bool:
        """Return whether the scheduler works."""
        try:
            health = requests.get(f"{self.url}/api/v2/monitor/health", timeout=10).json()
        except (requests.RequestException, ValueError):
            return False
        return bool(health["scheduler"]["status"] == "healthy")

    def trigger(self, dag: str, run_id: str) -> None:
        """Ask for a run of a DAG, until Airflow has it: its database may just have been away."""
        wait_until(lambda: self._ask_for_run(dag, run_id), f"the run {run_id} of {dag}")

    def _ask_for_run(self, dag: str, run_id: str) -> bool:
        self.revive()
        try:
            token = requests.get(f"{self.url}/auth/token", timeout=60).json()["access_token"]
            answer = requests.post(
                f"{self.url}/api/v2/dags/{dag}/dagRuns",
                headers={"Authorization": f"Bearer {token}"},
                json={"dag_run_id": run_id, "logical_date": None},
                timeout=60,
            )
        except (requests.RequestException, ValueError, KeyError):
            return False
        # A run of this name is there when the answer to the first request was lost.
        return answer.ok or answer.status_code == HTTPStatus.CONFLICT

    def read_tasks(self, run_id: str) -> dict[str, Task]:
        """Return the tasks of the runs with this name, by the environment."""
        rows = self.postgres.query(
            "airflow",
            "SELECT t.dag_id, t.run_id, t.state, t.try_number, t.duration, r.state AS run_state FROM task_instance t "
            "JOIN dag_run r ON r.dag_id = t.dag_id AND r.run_id = t.run_id",
        )
        return {
            row["dag_id"].split("_")[1]: Task(row["run_state"], row["state"], row["try_number"], row["duration"] or 0.0)
            for row in rows
            if row["run_id"] == run_id
        }

    def revive(self) -> None:
        """Start the servers that have ended, as a service manager does: not every one outlives its database."""
        for name in SERVERS:
            if self.processes[name].poll() is not None:
                self.start(name, name)

    def measure_memory(self) -> dict[str, float]:
        """Return the memory of each part with all its processes, in MB; shared pages count in part."""
        sizes = dict.fromkeys(self.processes, 0.0)
        for name, process in self.processes.items():
            for one in list_tree(process.pid):
                with suppress(psutil.NoSuchProcess):
                    sizes[name] += one.memory_full_info().pss / 1e6
        return sizes

    def stop(self) -> None:
        """End all processes, then any that remain."""
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Yield a server that receives alerts."""
    with Receiver().listen() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Yield a folder that other users may enter, as PostgreSQL does not run as root. It stays after a failure."""
    path = Path(tempfile.mkdtemp(prefix="standpipe-scale-"))
    path.chmod(0o755)
    yield path
    if not os.environ.get("KEEP"):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(folder: Path) -> Iterator[Postgres]:
    """Yield a running PostgreSQL."""
    programs = find_programs()
    if not programs or (os.geteuid() == 0 and not has_user("postgres")):
        pytest.skip("needs PostgreSQL's own programs: `apt-get install postgresql`")
    server = Postgres(folder / "postgres", programs)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis(folder: Path) -> Iterator[str]:
    """Yield the address of a running Redis."""
    if not shutil.which("redis-server"):
        pytest.skip("needs Redis: `apt-get install redis-server`")
    port = find_free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (folder / "redis.log").open("wb") as log, subprocess.Popen(["redis-server", *options], stdout=log) as server:
        yield f"redis://127.0.0.1:{port}/0"
        server.terminate()


@pytest.fixture(scope="session")
def project(folder: Path, postgres: Postgres) -> Project:
    """Install the project once, with everything that it shares in PostgreSQL, and with three environments."""
    meltano = folder / "meltano"
    for command in (
        ["uv", "venv", "--quiet", str(meltano)],
        ["uv", "pip", "install", "--quiet", "--python", str(meltano), "meltano[postgres]~=4.4"],
    ):
        subprocess.run(command, check=True)
    project = make_project(folder / "project")
    path = project.root / "meltano.yml"
    text = path.read_text().replace("- name: demo\n", "- name: us\n- name: months\n")
    text = text.replace("    - invoices.*\n", "    - invoices.*\n    - events.*\n")
    text = text.replace("0 */6 * * *", NEVER).replace("'*/15 * * * *'", NEVER)
    for name in ("console", "transforms"):
        text = text.replace(f"-e ./{name} ", f"-e ./{name}[postgres] ")
    path.write_text(text)
    project.env |= {
        "PATH": f"{meltano}/bin:{project.env['PATH']}",
        "MELTANO_DATABASE_URI": postgres.build_url("standpipe", "postgresql+psycopg"),
        "HISTORY_URL": postgres.build_url("standpipe"),
        "MAP_SUBSCRIPTIONS_STORE_URL": postgres.build_url("standpipe"),
    }
    for words in (["install"], ["state", "list"]):
        subprocess.run([meltano / "bin/meltano", *words], cwd=project.root, env=project.env, check=True)
    return project


def build_keys(site: RunningSandbox, workspace: RunningSandbox) -> dict[str, str]:
    """Return the settings of an environment that brings a site to a workspace."""
    return {
        "TAP_CHARGEBEE_SITE": "sandbox",
        "TAP_CHARGEBEE_API_KEY": "sandbox_key",
        "TAP_CHARGEBEE_API_URL": site.chargebee_url,
        "TARGET_INTERCOM_ACCESS_TOKEN": "sandbox_token",
        "TARGET_INTERCOM_API_URL": workspace.intercom_url,
        "TARGET_INTERCOM_ON_NO_MATCH": "create",
        "TARGET_INTERCOM_ON_MOVED": "clear",
    }


@contextmanager
def start_airflow(
    folder: Path, postgres: Postgres, redis: str, project: Project, env: dict[str, str]
) -> Iterator[Airflow]:
    """Run Airflow with two workers over a project; `env` has the variables of its tasks."""
    port = find_free_port()
    variables = {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "deploy/airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.build_url("airflow", "postgresql+psycopg2"),
        "AIRFLOW__CELERY__BROKER_URL": redis,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{postgres.build_url('airflow', 'postgresql+psycopg2')}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of this test alone, of which no other server knows anything at all",
        # A missing worker is noticed after a minute instead of five.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "STANDPIPE_ENVIRONMENTS": " ".join(SITES),
        "STANDPIPE_PROJECT": str(project.root),
        "PATH": f"{AIRFLOW}:{os.environ['PATH']}",
    }
    kept = {name: value for name, value in project.env.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    airflow = Airflow(folder, kept | variables | env, postgres, f"http://127.0.0.1:{port}")
    with ExitStack() as stack:
        airflow.call("db", "migrate")
        (folder / "pools.json").write_text(make_pools(project))
        airflow.call("pools", "import", str(folder / "pools.json"))
        stack.callback(airflow.stop)
        for name in SERVERS:
            airflow.start(name, name)
        for name in WORKERS:
            airflow.start_worker(name)
        wait_until(airflow.is_healthy, "a healthy scheduler")
        for name in WORKERS:
            wait_until(lambda name=name: "ready." in (folder / f"{name}.log").read_text(), f"the worker {name}")  # type: ignore[misc]
        yield airflow


def make_pools(project: Project) -> str:
    """Return the pools, as the README says to make them."""
    command = [str(AIRFLOW / "python"), str(ROOT / "deploy/airflow/make_pools.py"), str(project.root)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
