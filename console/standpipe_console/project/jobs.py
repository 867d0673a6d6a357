"""The jobs of meltano.yml, and the target of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standpipe_console.project.meltano import Project


def find_loader(project: Project, job: str) -> str:
    """Return the first target of a job, with its name in meltano.yml; empty if there is none."""
    return next((loader for name, loader in _list_loaders(project) if name == job), "")


def find_job(project: Project, loader: str) -> str:
    """Return the first job with a target; empty if there is none."""
    return next((job for job, name in _list_loaders(project) if name == loader), "")


def list_jobs(project: Project, loader: str) -> list[str]:
    """Return the jobs with a target."""
    return [job for job, name in _list_loaders(project) if name == loader]


def find_base(project: Project, plugin: str) -> str:
    """Return the plugin from which a plugin of meltano.yml inherits; the plugin itself if it inherits from none."""
    while parent := project.plugins.get(plugin, {}).get("inherit_from"):
        plugin = parent
    return plugin


def _list_loaders(project: Project) -> Iterator[tuple[str, str]]:
    """Yield each job with each of its targets."""
    plugins = project.plugins
    for job in project.meltano_yml.get("jobs") or []:
        for task in job.get("tasks") or []:
            words = task.split() if isinstance(task, str) else task
            for word in words:
                if plugins.get(word, {}).get("kind") == "loaders":
                    yield job["name"], word
