"""A page over a project without Meltano: settings, facts and schedules are given, and no plugin runs."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jinja2.bccache import Bucket, BytecodeCache
from plugin_answers import ask_plugin
from standpipe_console.page.actions import ActionRunner
from standpipe_console.page.app import build_app
from standpipe_console.page.background import BackgroundResults
from standpipe_console.page.history_view import HistoryView
from standpipe_console.page.project_view import ProjectView, list_plugins
from standpipe_console.page.render import build_templates
from standpipe_console.page.sessions import LoginLimiter, Password, Sessions
from standpipe_console.page.site import Site
from standpipe_console.project.meltano import Project
from standpipe_console.project.pipelines import PIPELINES
from starlette.testclient import TestClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx2 as httpx

ROOT = Path(__file__).parents[2]
ADDRESS = "http://127.0.0.1:8300"
NOW = 1_764_500_400.0  # 30 November 2025, 11:00 UTC
KEYS = {
    "TAP_CHARGEBEE_API_KEY": "the-chargebee-key",
    "TARGET_INTERCOM_ACCESS_TOKEN": "the-intercom-token",
    "TAP_INTERCOM_ACCESS_TOKEN": "the-intercom-token",
    "TARGET_CHARTMOGUL_API_KEY": "the-chartmogul-key",
}


class CompiledTemplates(BytecodeCache):
    """Keeps compiled templates for the next test, as compiling them takes longer than most tests."""

    def __init__(self) -> None:
        self._codes: dict[str, Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Use the code that an earlier test compiled."""
        bucket.code = self._codes.get(bucket.key + bucket.checksum)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code."""
        self._codes[bucket.key + bucket.checksum] = bucket.code


COMPILED = CompiledTemplates()


class LoadedView(ProjectView):
    """A view with given settings, facts and schedules."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        names = frozenset(plugin for pipeline in PIPELINES for plugin in list_plugins(project, pipeline))
        self._with_facts = self._with_settings = names
        self._loaded.set()

    def start_loading(self) -> None:
        """Load nothing."""


@dataclass
class Clock:
    """A clock that a test moves."""

    now: float = NOW

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@dataclass
class Page:
    """The page, and a browser without a window."""

    site: Site
    project: Project
    clock: Clock
    client: TestClient
    started: list[tuple[str, ...]] = field(default_factory=list)

    def get(self, address: str, **options: Any) -> httpx.Response:
        """Open an address."""
        return self.client.get(address, **options)

    def read_token(self, address: str = "/") -> str:
        """Return the token of the forms of a page."""
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.get(address).text)
        assert found, f"{address} has no form"
        return found[1]

    def post(self, address: str, origin: str | None = ADDRESS, **form: str) -> httpx.Response:
        """Send a form, with the token of the overview unless another is given."""
        headers = {} if origin is None else {"Origin": origin}
        data = {"token": self.read_token("/login" if address == "/login" else "/"), **form}
        return self.client.post(address, data=data, headers=headers, follow_redirects=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a project with both pipelines set up, which has never run."""
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    for name in ("MELTANO_PROJECT_ROOT", "MELTANO_SYS_DIR_ROOT", "SERVE_PASSWORD", "SERVE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in KEYS.items()))
    project = Project(tmp_path, "prod")
    for pipeline in PIPELINES:
        for plugin in list_plugins(project, pipeline):
            project.set_settings(plugin, {"report_dir": f"output/{plugin}"})
            if plugin in pipeline.plugins:
                project.set_facts(plugin, ask_plugin(plugin))
    for plugin, name, variable in (
        ("tap-chargebee", "api_key", "TAP_CHARGEBEE_API_KEY"),
        ("target-intercom", "access_token", "TARGET_INTERCOM_ACCESS_TOKEN"),
        ("tap-intercom", "access_token", "TAP_INTERCOM_ACCESS_TOKEN"),
        ("target-chartmogul", "api_key", "TARGET_CHARTMOGUL_API_KEY"),
    ):
        project.set_setting(plugin, name, KEYS[variable])
    return project


@pytest.fixture
def open_page(project: Project) -> Iterator[Callable[..., Page]]:
    """`open_page(password=…, address=…)`: the page, opened in a browser without a window."""
    opened: list[Page] = []

    def open_one(password: str = "", address: str = ADDRESS) -> Page:
        clock = Clock()
        templates = build_templates(clock)
        templates.bytecode_cache = COMPILED
        site = Site(
            view=LoadedView(project),
            history=HistoryView(project, clock, patience=60),
            sessions=Sessions(clock, Password(password) if password else None),
            limiter=LoginLimiter(clock),
            actions=ActionRunner(project, clock),
            results=BackgroundResults(clock),
            templates=templates,
            clock=clock,
        )
        app = build_app(site, frozenset({address}), is_secure=address.startswith("https://"))
        page = Page(site, project, clock, TestClient(app, base_url=address))
        opened.append(page)
        return page

    yield open_one
    for page in opened:
        page.client.close()
        page.site.results.close()
        page.site.history.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """Return the page on this machine itself, without a password."""
    return open_page()
