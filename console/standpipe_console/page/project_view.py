"""The project as the pages read it: Meltano is asked once, and again when a file has changed."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from pathlib import Path

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline


class ProjectView:
    """Loads settings, plugins' facts and schedules in the background, so that no page waits for Meltano.

    Args:
        project: the project.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self._lock = threading.Lock()
        self._stamp: tuple[float, ...] | None = None
        self._loaded = threading.Event()
        self._error: ConsoleError | None = None

    def is_ready(self, patience: float = 0.5) -> bool:
        """Return whether everything is loaded; start to load what changed.

        Raises:
            ConsoleError: Meltano or a plugin refuses, in its own words.
        """
        with self._lock:
            stamp = self._read_stamp()
            if stamp != self._stamp:
                self._stamp = stamp
                self._loaded = threading.Event()
                self._error = None
                threading.Thread(target=self._load, args=(self._loaded,), daemon=True).start()
            loaded = self._loaded
        if not loaded.wait(patience):
            return False
        if self._error:
            raise self._error
        return True

    def find_report_dir(self, plugin: str) -> Path:
        """Return the folder of a target's reports."""
        return self.project.root / str(self.project.get_settings(plugin).get("report_dir") or f"output/{plugin}")

    def _load(self, loaded: threading.Event) -> None:
        project = self.project
        try:
            project.refresh()
            pipelines = project.ready_pipelines
            project.load_facts(plugin for one in pipelines for plugin in one.plugins)
            project.load_settings(plugin for one in pipelines for plugin in list_plugins(project, one))
        except ConsoleError as error:
            self._error = error
        finally:
            loaded.set()

    def _read_stamp(self) -> tuple[float, ...]:
        times = []
        for name in ("meltano.yml", ".env"):
            times.append(0.0)
            with suppress(FileNotFoundError):
                times[-1] = (self.project.root / name).stat().st_mtime
        return tuple(times)


def list_plugins(project: Project, pipeline: Pipeline) -> list[str]:
    """Return the plugins of a pipeline and those that inherit their settings, as far as meltano.yml has them."""
    return [one for one in dict.fromkeys((*pipeline.plugins, *pipeline.inherited)) if one in project.plugins]
