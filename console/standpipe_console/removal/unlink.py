"""`unlink`: takes a pipeline off this machine, and says what stays elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from standpipe_console._kit import folders
from standpipe_console.api import vendors
from standpipe_console.checks.rules import effective
from standpipe_console.errors import ConsoleError
from standpipe_console.project import stores
from standpipe_console.project.pipelines import SYNC
from standpipe_console.removal import owned_attributes
from standpipe_console.schedules import schedules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from standpipe_console._kit.folders import OwnFolder
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

#: What is left in the other systems, by the system that is unlinked.
STAYS = {
    "intercom": (
        "In Intercom stay the attributes and, unless they were cleared, their values; users and companies that were "
        "created; the access token, which you can revoke in the Developer Hub. In Chargebee nothing was ever written."
    ),
    "chartmogul": (
        "In ChartMogul stays the data source with its customers and contacts: before its key is gone, `meltano invoke "
        "target-chartmogul:delete-source` takes them away. In Intercom nothing was ever written."
    ),
}


def plan(project: Project, pipeline: Pipeline) -> list[str]:
    """What will go, in lines for a person."""
    files = [path.name for path in stores.store_files(project, pipeline)]
    names = [name for name in project.dotenv.values() if name.startswith(pipeline.prefixes)]
    parts = {
        "schedule": [one for one in schedules.installed(project) if _is_of(project, one, pipeline)],
        "state": [name for name in project.state_ids() if pipeline.owns(name)],
        "store": files,
        "settings and keys": names,
        "reports": [one.folder for one in written_folders(project, pipeline)],
    }
    return [f"{part}: {', '.join(things) or 'none'}" for part, things in parts.items()]


def _is_of(project: Project, name: str, pipeline: Pipeline) -> bool:
    return any(one.name == name and one.pipeline == pipeline for one in schedules.schedules(project))


def written_folders(project: Project, pipeline: Pipeline) -> list[OwnFolder]:
    """List the folders that the target has written to, earlier ones too: its reports hold personal data."""
    noted = folders.read_folders(project.system_dir / folders.REGISTRY)
    mine = [one for one in noted if one.plugin == pipeline.target and Path(one.folder).is_dir()]
    return sorted(mine, key=lambda one: one.folder)


def unknown_folders(project: Project, pipeline: Pipeline) -> list[Path]:
    """List the folders of today's `report_dir` of which no run has noted what in them is the target's own."""
    heirs = [one for one in pipeline.inherited if one.startswith(f"{pipeline.target}-") and one in project.plugins]
    project.learn([*pipeline.plugins, *heirs])
    named = [project.settings(target).get("report_dir") for target in (pipeline.target, *heirs)]
    present = [project.root / str(name) for name in named if name and (project.root / str(name)).is_dir()]
    noted = {one.folder for one in written_folders(project, pipeline)}
    return [folder for folder in present if str(folder.resolve()) not in noted]


def unlink(project: Project, pipeline: Pipeline) -> Iterator[str]:
    """Take everything of a pipeline away, keys last; tell each step."""
    for step in STEPS:
        if done := step(project, pipeline):
            yield done
    yield STAYS[pipeline.system]


def stop(project: Project, pipeline: Pipeline) -> str:
    """Let no run begin any more.

    Raises:
        ConsoleError: one is under way.
    """
    gone = schedules.without(project, pipeline)
    if project.running():
        raise ConsoleError("A run is under way: wait until it has ended, or stop it, and unlink again.")
    return f"The schedule {', '.join(gone)} is taken out of the crontab." if gone else "No schedule was installed."


def _state(project: Project, pipeline: Pipeline) -> str:
    named = [name for name in project.state_ids() if pipeline.owns(name)]
    for state_id in named:
        project.meltano("state", "clear", "--force", state_id)
    return f"The state {', '.join(named)} is cleared." if named else ""


def _store(project: Project, pipeline: Pipeline) -> str:
    files, folder = stores.store_files(project, pipeline), stores.store_dir(project, pipeline)
    for path in files:
        path.unlink()
    _tidy(folder)
    return f"{len(files)} files of its store are removed." if files else ""


def _tidy(folder: Path) -> None:
    """Remove a folder that has become empty."""
    if folder.exists() and not any(folder.iterdir()):
        folder.rmdir()


def _reports(project: Project, pipeline: Pipeline) -> str:
    """Remove the target's own files, and the folders that hold nothing else; whose the rest is, nobody knows here."""
    written, unknown = written_folders(project, pipeline), unknown_folders(project, pipeline)
    told = []
    # A folder within another goes first.
    for one in sorted(written, key=lambda one: len(one.folder), reverse=True):
        for path in one.files():
            path.unlink()
        _tidy(Path(one.folder))
        if Path(one.folder).exists():
            told.append(f"Its own files are removed from {one.folder}; others stay there.")
    _tidy(project.root / "output")
    folders.forget_folders(project.system_dir / folders.REGISTRY, pipeline.target)
    if gone := len(written) - len(told):
        told.insert(0, f"{gone} folders of reports are removed." if gone > 1 else "1 folder of reports is removed.")
    told += [f"{path} stays: no run has noted which files there are its own." for path in unknown]
    return "\n".join(told)


def _run_files(project: Project, pipeline: Pipeline) -> str:
    """What Meltano prepares for a run: a catalog with the site's fields, and the console's own lock."""
    for plugin in (*pipeline.plugins, *pipeline.inherited):
        shutil.rmtree(project.system_dir / "run" / plugin, ignore_errors=True)
    locks = project.system_dir / "standpipe"
    (locks / f"{pipeline.job}.lock").unlink(missing_ok=True)
    _tidy(locks)
    return ""


def _settings(project: Project, pipeline: Pipeline) -> str:
    gone = project.dotenv.remove(lambda name: name.startswith(pipeline.prefixes))
    project.forget_settings()
    return f"{len(gone)} settings are taken out of .env." if gone else ""


def _file_settings(project: Project, pipeline: Pipeline) -> str:
    """What was set in meltano.yml, for all environments or for this one."""
    gone = [
        (plugin, name)
        for plugin in pipeline.plugins
        for name in project.plugins[plugin].get("config") or {}
        if name not in pipeline.shipped.get(plugin, ())
    ]
    for plugin, name in gone:
        project.meltano("--no-environment", "config", "unset", "--store=meltano-yml", plugin, name)
    project.forget_settings()
    told = ", ".join(f"{plugin} {name}" for plugin, name in gone)
    return f"{len(gone)} settings are taken out of meltano.yml: {told}." if gone else ""


def _elsewhere(project: Project, pipeline: Pipeline) -> str:
    """Keys that came from the shell, which the console cannot take away."""
    left = [key.variable for key in pipeline.keys if project.value(key.variable)]
    return f"Still set outside of .env, in the shell: {', '.join(left)}." if left else ""


STEPS: tuple[Callable[[Project, Pipeline], str], ...] = (
    _state,
    _store,
    _reports,
    _run_files,
    _settings,
    _file_settings,
    _elsewhere,
)


def owned_kind(project: Project) -> tuple[str, str]:
    """Which of Intercom's records the pipeline writes to, and the prefix of what it owns on them."""
    project.learn(SYNC.plugins)
    match_on = str(effective(SYNC.map, project.settings(SYNC.map), "match_on"))
    kind = "companies" if match_on.startswith("company") else "contacts"
    return kind, str(effective(SYNC.target, project.settings(SYNC.target), "owned_prefix"))


def clear_attributes(project: Project, agreed: Callable[[str], bool]) -> Iterator[str]:
    """Set the owned attributes in Intercom to null, if that is agreed to."""
    kind, prefix = owned_kind(project)
    api = vendors.intercom(project.settings(SYNC.target))
    found = owned_attributes.holders(api, kind, prefix)
    if not found:
        yield f"No record of Intercom's {kind} holds a value under {prefix}."
    elif agreed(f"Set every {prefix}* attribute of {len(found)} {kind} in Intercom to null?"):
        for what, count in owned_attributes.clear(api, kind, found).items():
            yield f"{count} {kind}: {what}."
