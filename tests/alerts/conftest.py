"""A project whose history a test writes, and a server that receives alerts."""

from __future__ import annotations

import json
import shutil
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.history import open_history
from standpipe_console.history.store import StartedRun
from standpipe_console.project.meltano import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
KEYS = (
    "TAP_CHARGEBEE_API_KEY",
    "TARGET_INTERCOM_ACCESS_TOKEN",
    "TAP_INTERCOM_ACCESS_TOKEN",
    "TARGET_CHARTMOGUL_API_KEY",
)


@dataclass
class Sink:
    """A server that takes messages, refuses them, or never ends its answer."""

    url: str
    mode: str = "up"  #: up, down or slow
    paths: list[str] = field(default_factory=list)  #: what was asked for with GET
    messages: list[dict[str, Any]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def alert_url(self) -> str:
        """Return its address as `ALERT_URLS` has it."""
        return self.url.replace("http://", "json://")

    def list_texts(self) -> list[str]:
        """Return the texts of the messages that it took."""
        return [message["message"] for message in self.messages]


def build_handler(sink: Sink) -> type[BaseHTTPRequestHandler]:
    """Return the request handler of a sink."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if sink.mode == "up":
                sink.messages.append(json.loads(body))
            self._answer()

        def do_GET(self) -> None:
            sink.paths.append(self.path)
            self._answer()

        def _answer(self) -> None:
            self.send_response(500 if sink.mode == "down" else 200)
            if sink.mode == "slow":
                # A byte now and then, so that no timeout of a socket ends it.
                self.flush_headers()
                while not sink.closing.wait(0.05):
                    self.wfile.write(b"X-Slow: 1\r\n")
                return
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Serve a sink."""
    sink = Sink("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), build_handler(sink))
    sink.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield sink
    sink.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Past:
    """Writes the history of a project; times are hours before now."""

    project: Project
    number: int = 0

    def add(self, reason: str = "", *, hours_ago: float = 1.0, job: str = "sync") -> None:
        """Add a run that a person started, which is never late; it ended well, or for a reason."""
        self.number += 1
        at = time.time() - hours_ago * 3600
        run = StartedRun(f"run-{self.number}", job, f"target-of-{job}", "person", at)
        with open_history(self.project) as history:
            history.start_run(run)
            history.finish_run(run, at + 60, 1 if reason else 0, reason)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a project with the keys of both pipelines."""
    for name in ("ALERT_URLS", "HEARTBEAT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CRONTAB_TABLE", str(tmp_path / "table"))
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    (tmp_path / ".env").write_text("".join(f"{key}=secret_{key.lower()}\n" for key in KEYS))
    return Project(tmp_path, "prod")


@pytest.fixture
def past(project: Project) -> Past:
    """Return the writer of the project's history."""
    return Past(project)


@pytest.fixture
def alerting(project: Project, sink: Sink) -> Project:
    """Return the project with alerts to the sink."""
    project.dotenv.set_value("ALERT_URLS", sink.alert_url)
    return project
