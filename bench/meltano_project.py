"""A Meltano project with all plugins, and a sandbox in a separate process, for the benchmarks of live."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox
from standpipe_console.live.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

ROOT = Path(__file__).parents[1]
MELTANO = Path(sys.executable).with_name("meltano")
#: The files and folders that a project shares with the repository.
PARTS = ("constraints.txt", "console", "tap-chargebee", "tap-intercom", "target-chartmogul", "target-intercom")
ENVIRONMENTS = ("extractors", "loaders", "mappers", "utilities")
USERNAME, PASSWORD, SECRET = "standpipe", "bench-password", "bench-secret"


@dataclass(frozen=True)
class BenchProject:
    """A folder in which Meltano runs, its environment variables, and the address of its sandbox."""

    root: Path
    env: dict[str, str]
    sandbox: str

    @property
    def live_log(self) -> Path:
        """The log of the live that was started last."""
        return self.root / "live.log"

    def run_meltano(self, *args: str, **env: str) -> float:
        """Run Meltano, and return its duration in seconds."""
        began = time.monotonic()
        self._run([str(MELTANO), *args], env)
        return time.monotonic() - began

    def run_standpipe(self, *args: str, typed: str = "") -> None:
        """Run a command of the console."""
        self._run([*self.console, *args], {}, typed)

    @property
    def console(self) -> list[str]:
        """The console's command that `meltano install` installed."""
        executable = self.root / ".meltano/utilities/standpipe/venv/bin/standpipe"
        return [str(executable), f"--project={self.root}", "--environment=prod"]

    @contextmanager
    def start_live(self, *args: str, **env: str) -> Iterator[tuple[subprocess.Popen[bytes], Inbox]]:
        """Start live; once it works, yield its process and its inbox."""
        with self.live_log.open("wb") as log:
            process = subprocess.Popen(
                [*self.console, "live", *args], cwd=self.root, env=self.env | env, stdout=log, stderr=log
            )
        inbox = None
        try:
            path = self.root / ".meltano/standpipe/inbox.sqlite"
            wait_until(path.exists, 60)
            inbox = Inbox(f"sqlite:///{path}")
            opened = inbox

            def is_working() -> bool:
                if process.poll() is not None:
                    raise SystemExit(self.live_log.read_text())
                live: Any = opened.read_fact("live")
                return bool(live) and live["pid"] == process.pid

            wait_until(is_working, 60)
            yield process, inbox
        finally:
            process.terminate()
            process.wait(120)
            if inbox:
                inbox.close()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Call the sandbox."""
        headers = {"Authorization": "Bearer sandbox_token", "Intercom-Version": "2.14"}
        answer = requests.request(method, f"{self.sandbox}{path}", json=body, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _run(self, command: list[str], env: dict[str, str], typed: str = "") -> None:
        ended = subprocess.run(
            command, cwd=self.root, env=self.env | env, input=typed, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            raise SystemExit(f"{command[0]} failed:\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")


@contextmanager
def open_project(**settings: Any) -> Iterator[BenchProject]:
    """Yield a separate project with the repository's installed plugins. `settings` are those of the sandbox."""
    with tempfile.TemporaryDirectory() as temporary, serve_sandbox(settings) as sandbox:
        folder = Path(temporary)
        env = {name: value for name, value in os.environ.items() if not name.startswith(("TAP_", "TARGET_", "MELTANO"))}
        install_plugins(env | {"MELTANO_DATABASE_URI": f"sqlite:///{folder}/install.db"})
        root = folder / "project"
        (root / ".meltano").mkdir(parents=True)
        for part in PARTS:
            (root / part).symlink_to(ROOT / part)
        (root / "transforms").symlink_to(ROOT / "transforms")
        for kind in ENVIRONMENTS:
            (root / ".meltano" / kind).symlink_to(ROOT / ".meltano" / kind)
        shutil.copy(ROOT / "meltano.yml", root)
        yield BenchProject(root, env | build_variables(sandbox), sandbox)


def build_variables(sandbox: str) -> dict[str, str]:
    """Return the variables of a project with both pipelines and the receiver."""
    return {
        "NO_COLOR": "1",
        "PATH": f"{MELTANO.parent}:{os.environ.get('PATH', os.defpath)}",
        "TAP_CHARGEBEE_SITE": "sandbox",
        "TAP_CHARGEBEE_API_KEY": "sandbox_key",
        "TAP_CHARGEBEE_API_URL": f"{sandbox}/chargebee/api/v2",
        "TARGET_INTERCOM_ACCESS_TOKEN": "sandbox_token",
        "TARGET_INTERCOM_API_URL": f"{sandbox}/intercom",
        "TARGET_INTERCOM_ON_NO_MATCH": "create",
        "LIVE_CHARGEBEE_USERNAME": USERNAME,
        "LIVE_CHARGEBEE_PASSWORD": PASSWORD,
        "LIVE_INTERCOM_CLIENT_SECRET": SECRET,
    }


def install_plugins(env: dict[str, str]) -> None:
    """Install the plugins into the repository's own folder, where the demo also installs them."""
    ended = subprocess.run([str(MELTANO), "install"], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"`meltano install` failed:\n{ended.stderr[-2000:]}")


@contextmanager
def serve_sandbox(settings: dict[str, Any]) -> Iterator[str]:
    """Serve a sandbox in a separate process; yield its address."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, json.dumps(settings)), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        here.send(None)
        process.join()


def _serve(pipe: Connection, settings: str) -> None:
    with RunningSandbox(Settings(**json.loads(settings))) as sandbox:
        pipe.send(sandbox.url)
        pipe.recv()


def wait_until(reached: Callable[[], bool], seconds: float) -> None:
    """Wait until another process has done something."""
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            raise SystemExit(f"This did not happen within {seconds:.0f} seconds.")
        time.sleep(0.2)
