"""The project for the pages. Meltano's answers are cached until a file changes."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import LEADS, SYNC
from standpipe_console.project.plugin_facts import PluginFacts

from .own_attributes import describe_own_attribute

if TYPE_CHECKING:
    from pathlib import Path

    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

#: Plugins that write only reports: the validation, and the comparison of leads with customers.
VALIDATION, MERGE_REPORT = SYNC.dry_run_target, "target-chartmogul-merge-report"
#: The plugins that write attributes into Intercom, and the setting with the prefix of their names.
_PREFIXES = {SYNC.map: "attribute_prefix", SYNC.target: "owned_prefix"}
_REPORTING = {SYNC.job: (VALIDATION,), LEADS.job: (MERGE_REPORT,)}


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
        self._with_facts: frozenset[str] = frozenset()
        self._with_settings: frozenset[str] = frozenset()

    def start_loading(self) -> None:
        """Load in the background what is missing or has changed."""
        with self._lock:
            stamp = self._read_stamp()
            if stamp != self._stamp:
                self._stamp = stamp
                self._loaded = threading.Event()
                self._error = None
                threading.Thread(target=self._load, args=(self._loaded,), daemon=True).start()

    def is_ready(self, patience: float = 0.5) -> bool:
        """Return whether everything is loaded.

        Raises:
            ConsoleError: Meltano or a plugin refuses, in its own words.
        """
        if not self._loaded.wait(patience):
            return False
        if self._error:
            raise self._error
        return True

    @property
    def problem(self) -> str:
        """Why the project could not be loaded, in one sentence; empty when nothing is known to be wrong."""
        return self._error.message if self._error else ""

    def find_facts(self, plugin: str) -> PluginFacts:
        """Return what a plugin says about itself; nothing while that is being loaded."""
        return self.project.get_facts(plugin) if plugin in self._with_facts else PluginFacts()

    def find_settings(self, plugin: str) -> JsonObject:
        """Return the settings of a plugin; none while they are being loaded."""
        return self.project.get_settings(plugin) if plugin in self._with_settings else {}

    def describe_field(self, name: str) -> str:
        """Return the description of an attribute; empty for other fields, and while descriptions are being loaded."""
        attribute = name.removeprefix("custom_attributes.")
        if own_words := self._describe_own_attribute(attribute):
            return own_words
        for plugin, setting in _PREFIXES.items():
            facts = self.find_facts(plugin)
            prefix = facts.defaults.get(setting) or ""
            settings = self.find_settings(plugin)
            for own in (prefix, settings.get(setting), settings.get("company_prefix")):
                if own and attribute.startswith(str(own)):
                    words = facts.attribute_descriptions.get(prefix + attribute.removeprefix(str(own)))
                    if words:
                        return words.removesuffix(".")
        return ""

    def _describe_own_attribute(self, attribute: str) -> str:
        """Return what an attribute says that the setting `attributes` renames or computes; empty for others."""
        settings, target = self.find_settings(SYNC.map), self.find_settings(SYNC.target)
        table = settings.get("attributes")
        if not table or not isinstance(table, dict):
            return ""
        facts = self.find_facts(SYNC.map)
        default = str(facts.defaults.get("attribute_prefix") or "")
        prefix = str(settings.get("attribute_prefix") or default)
        described = {
            name.removeprefix(default): words.removesuffix(".") for name, words in facts.attribute_descriptions.items()
        }
        for own in dict.fromkeys((prefix, target.get("owned_prefix"), target.get("company_prefix"))):
            if own and attribute.startswith(str(own)):
                words = describe_own_attribute(attribute.removeprefix(str(own)), table, described, prefix)
                if words:
                    return words
        return ""

    def find_report_dir(self, plugin: str) -> Path:
        """Return the folder of a target's reports."""
        return self.project.root / str(self.project.get_settings(plugin).get("report_dir") or f"output/{plugin}")

    def _load(self, loaded: threading.Event) -> None:
        project = self.project
        self._with_facts = self._with_settings = frozenset()
        try:
            project.refresh()
            pipelines = project.ready_pipelines
            # Most pages need the words of the targets, and nothing else.
            for plugins in ([one.target for one in pipelines], [name for one in pipelines for name in one.plugins]):
                project.load_facts(plugins)
                self._with_facts = frozenset(plugins)
            names = [name for one in pipelines for name in list_plugins(project, one)]
            project.load_settings(names)
            self._with_settings = frozenset(names)
        except ConsoleError as error:
            self._error = error
        finally:
            loaded.set()

    def _read_stamp(self) -> tuple[float, ...]:
        times = []
        for path in (self.project.root / "meltano.yml", self.project.dotenv.path):
            times.append(0.0)
            with suppress(FileNotFoundError):
                times[-1] = path.stat().st_mtime
        return tuple(times)


def list_plugins(project: Project, pipeline: Pipeline) -> list[str]:
    """Return the plugins of a pipeline, including those with reports of their own, if meltano.yml has them."""
    return [
        name
        for name in dict.fromkeys((*pipeline.plugins, *_REPORTING.get(pipeline.job, ())))
        if name in project.plugins
    ]
