"""`unlink`: removes a pipeline from this machine, and says what stays elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from standpipe_console._kit import folders, kept_reports
from standpipe_console.api.vendors import connect_intercom
from standpipe_console.errors import ConsoleError
from standpipe_console.history import open_history
from standpipe_console.history.settings import find_folder, find_journals
from standpipe_console.live.settings import open_inbox
from standpipe_console.project.jobs import list_jobs
from standpipe_console.project.meltano import LIST_SCHEDULES, LIST_STATES, build_settings_command
from standpipe_console.project.pipelines import SYNC
from standpipe_console.project.stores import (
    build_state_command,
    find_store_dir,
    list_remote_stores,
    list_store_files,
    parse_state,
    remove_store,
)
from standpipe_console.removal.owned_attributes import clear_attributes, find_owners
from standpipe_console.schedules import schedules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from standpipe_console._kit.folders import OwnFolder
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline
    from standpipe_console.project.stores import Store

#: By unlinked system, what stays in the other systems.
WHAT_STAYS = {
    "intercom": (
        "In Intercom these stay: the attributes and, unless they were cleared, their values; the users and companies "
        "that were created; the access token, which you can revoke in the Developer Hub. Nothing was ever written to "
        "Chargebee."
    ),
    "chartmogul": (
        "In ChartMogul the data source stays, with its customers and contacts: to delete it, run `meltano invoke "
        "target-chartmogul:delete-source` before you unlink. Nothing was ever written to Intercom."
    ),
}


def describe_plan(project: Project, pipeline: Pipeline) -> list[str]:
    """Return a line for each kind of thing that would be removed."""
    project.run_ahead([LIST_SCHEDULES, LIST_STATES, build_settings_command(pipeline.map)])
    variables = project.dotenv.read_values()
    state_ids = project.list_state_ids()
    files, remote = _list_stores(project, pipeline, state_ids)
    parts = {
        "schedule": schedules.find_installed(project, pipeline),
        "state": [state_id for state_id in state_ids if pipeline.owns_state(state_id, project.environment)],
        "store": [path.name for path in files] + [store.path for store in remote],
        "settings and keys": [name for name in variables if name.startswith(pipeline.prefixes)],
        "reports": [one.folder for one in find_report_folders(project, pipeline)],
    }
    return [f"{part}: {', '.join(things) or 'none'}" for part, things in parts.items()]


def find_report_folders(project: Project, pipeline: Pipeline) -> list[OwnFolder]:
    """Return all folders that the target wrote to, including earlier ones, as its reports contain personal data."""
    registered = folders.read_folders(project.system_dir / folders.REGISTRY)
    present = [one for one in registered if one.plugin == pipeline.target and Path(one.folder).is_dir()]
    return sorted(present, key=lambda one: one.folder)


def find_unregistered_folders(project: Project, pipeline: Pipeline) -> list[Path]:
    """Return the present report folders without a run that registered its files there."""
    heirs = [one for one in pipeline.inherited if one.startswith(f"{pipeline.target}-") and one in project.plugins]
    targets = (pipeline.target, *heirs)
    project.load_settings(targets)
    names = [project.get_settings(target).get("report_dir") for target in targets]
    paths = [project.root / str(name) for name in names if name]
    registered = {one.folder for one in find_report_folders(project, pipeline)}
    return [path for path in paths if path.is_dir() and str(path.resolve()) not in registered]


def stop_schedules(project: Project, pipeline: Pipeline) -> str:
    """Remove the pipeline from the crontab, so that no run starts.

    Raises:
        ConsoleError: a run is in progress.
    """
    removed = schedules.remove_pipeline(project, pipeline)
    if project.find_running():
        raise ConsoleError("A run is under way: wait until it has ended, or stop it, and unlink again.")
    return f"Removed from the crontab: {', '.join(removed)}." if removed else "No schedule was installed."


def unlink_pipeline(project: Project, pipeline: Pipeline) -> Iterator[str]:
    """Remove everything of a pipeline, its keys last. Yield a line for each step that removed something."""
    for step in STEPS:
        if line := step(project, pipeline):
            yield line
    yield WHAT_STAYS[pipeline.system]


def _list_stores(project: Project, pipeline: Pipeline, state_ids: Sequence[str]) -> tuple[list[Path], list[Store]]:
    """Return the pipeline's files and remote stores, without those that a state of another environment names."""
    environments = {state_id.partition(":")[0] for state_id in state_ids} - {project.environment}
    foreign = [one for one in state_ids if any(pipeline.owns_state(one, name) for name in environments)]
    kept = {parse_state(one, project.read_json(*build_state_command(one)) or {}).store for one in foreign}
    files = [path for path in list_store_files(project, pipeline) if path.name.partition(".")[0] not in kept]
    return files, [store for store in list_remote_stores(project, pipeline) if store.name not in kept]


def _remove_state(project: Project, pipeline: Pipeline) -> str:
    state_ids = [one for one in project.list_state_ids() if pipeline.owns_state(one, project.environment)]
    for state_id in state_ids:
        project.run_meltano("state", "clear", "--force", state_id)
    return f"Removed the state: {', '.join(state_ids)}." if state_ids else ""


def _remove_stores(project: Project, pipeline: Pipeline) -> str:
    files, remote = _list_stores(project, pipeline, project.list_state_ids())
    for store in remote:
        remove_store(project, pipeline, store.name)
    for path in files:
        path.unlink()
    _remove_if_empty(find_store_dir(project, pipeline))
    removed = [f"{_count(len(files), 'file')} of its store"] if files else []
    removed += [f"{_count(len(remote), 'store')} in the database"] if remote else []
    return f"Removed {' and '.join(removed)}." if removed else ""


def _remove_if_empty(folder: Path) -> None:
    if folder.exists() and not any(folder.iterdir()):
        folder.resolve().rmdir()


def remove_reports(project: Project, pipeline: Pipeline) -> str:
    """Remove the target's own report files, and folders that contain nothing else."""
    registered, unregistered = find_report_folders(project, pipeline), find_unregistered_folders(project, pipeline)
    lines = []
    # An inner folder is removed before the outer one.
    for one in sorted(registered, key=lambda one: len(one.folder), reverse=True):
        for path in one.list_files():
            path.unlink()
        kept_reports.remove_empty_runs(Path(one.folder))
        _remove_if_empty(Path(one.folder))
        if Path(one.folder).exists():
            lines.append(f"Removed its own files from {one.folder}; other files stay there.")
    _remove_if_empty(project.output_dir)
    folders.forget_folders(project.system_dir / folders.REGISTRY, pipeline.target)
    if removed := len(registered) - len(lines):
        lines.insert(0, f"Removed {_count(removed, 'folder')} of reports.")
    lines += [f"{path} stays: no run has registered which files there are its own." for path in unregistered]
    return "\n".join(lines)


def remove_run_files(project: Project, pipeline: Pipeline) -> str:
    """Remove what a run leaves: Meltano's catalog with the site's fields, and the console's locks and notes."""
    for plugin in (*pipeline.plugins, *pipeline.inherited):
        shutil.rmtree(project.system_dir / "run" / plugin, ignore_errors=True)
    own = find_folder(project)
    for job in _list_jobs(project, pipeline):
        for suffix in ("lock", "next", "last.json", "run.json"):
            (own / f"{job}.{suffix}").unlink(missing_ok=True)
    _remove_if_empty(own)
    return ""


def _list_jobs(project: Project, pipeline: Pipeline) -> list[str]:
    """Return the jobs that write with the pipeline's target, its trial and its validation included."""
    targets = [pipeline.target, *(one for one in pipeline.inherited if one.startswith(f"{pipeline.target}-"))]
    return [pipeline.job, *(job for target in targets for job in list_jobs(project, target))]


def remove_history(project: Project, pipeline: Pipeline) -> str:
    """Remove the pipeline from the history, the journals and live's inbox; with the last pipeline, the files too."""
    with open_history(project) as history:
        runs = history.forget(pipeline.target, _list_jobs(project, pipeline))
    with open_inbox(project) as inbox:
        if inbox:
            inbox.forget(pipeline.job)
    for folder in find_journals(project).glob(f"{pipeline.target}*"):
        shutil.rmtree(folder, ignore_errors=True)
    _remove_if_empty(find_journals(project))
    if project.ready_pipelines in ([], [pipeline]):
        for name in ("history.db", "inbox.sqlite"):
            for path in find_folder(project).glob(f"{name}*"):
                path.unlink()
        (find_folder(project) / "live.lock").unlink(missing_ok=True)
        (find_folder(project) / "live.next").unlink(missing_ok=True)
    return f"Removed {_count(runs, 'run')} from the history." if runs else ""


def _remove_settings(project: Project, pipeline: Pipeline) -> str:
    removed = project.dotenv.remove_values(lambda name: name.startswith(pipeline.prefixes))
    project.clear_settings()
    return f"Removed {_count(len(removed), 'setting')} from {project.dotenv.path.name}." if removed else ""


def _remove_file_settings(project: Project, pipeline: Pipeline) -> str:
    """Remove the settings that a user added to meltano.yml, but not the original ones.

    They are those of all environments, so only the default one removes them.
    """
    if not project.is_default:
        return ""
    removed = [
        (plugin, name)
        for plugin in pipeline.plugins
        for name in project.plugins[plugin].get("config") or {}
        if name not in pipeline.shipped_settings.get(plugin, ())
    ]
    for plugin, name in removed:
        project.run_meltano("--no-environment", "config", "unset", "--store=meltano-yml", plugin, name)
    project.clear_settings()
    names = ", ".join(f"{plugin} {name}" for plugin, name in removed)
    return f"Removed {_count(len(removed), 'setting')} from meltano.yml: {names}." if removed else ""


def _report_shell_keys(project: Project, pipeline: Pipeline) -> str:
    """List the keys that the shell still has, as the console cannot remove them."""
    left = [key.variable for key in pipeline.keys if project.get_variable(key.variable)]
    return f"Still set in the shell, outside of .env: {', '.join(left)}." if left else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


STEPS: tuple[Callable[[Project, Pipeline], str], ...] = (
    _remove_state,
    _remove_stores,
    remove_reports,
    remove_history,
    remove_run_files,
    _remove_settings,
    _remove_file_settings,
    _report_shell_keys,
)


def clear_owned_attributes(project: Project, confirm: Callable[[str], bool]) -> Iterator[str]:
    """Set Standpipe's own attributes in Intercom to null, if the user agrees. Yield a line for each step."""
    project.load_settings(SYNC.plugins)
    match_on = str(project.get_effective_settings(SYNC.map)["match_on"])
    kind = "companies" if match_on.startswith("company") else "contacts"
    settings = project.get_effective_settings(SYNC.target)
    prefix, api = settings["owned_prefix"], connect_intercom(settings, project.get_facts(SYNC.target))
    owners = find_owners(api, kind, prefix)
    if not owners:
        yield f"No record among Intercom's {kind} has a value under {prefix}."
    elif confirm(f"Set every {prefix}* attribute of {len(owners)} {kind} in Intercom to null?"):
        for result, count in clear_attributes(api, kind, owners).items():
            yield f"{count} {kind}: {result}."
