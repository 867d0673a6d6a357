"""Actions that a person starts. Each has a form with a token, and a page that shows its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import LEADS
from standpipe_console.runs.runner import list_logs

from .progress import estimate_seconds_left, read_progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from .actions import Action
    from .site import Site

#: The jobs that a form may start, with the title of the page that shows them.
JOBS = {
    "sync": "Sync: Chargebee to Intercom",
    "sync-leads": "Sync: Intercom to ChartMogul",
    "validate": "Validation",
    "merge-report": "Comparison of leads with billing customers",
}
#: Ids do not look like options of a command, and are no longer than any vendor's ids.
_LONGEST = 255


def start_action(site: Site, request: Request, form: Mapping[str, str]) -> Response:
    """Start the action of a form, and redirect to its page."""
    action = _start(site, request.path_params["name"], form)
    return RedirectResponse(f"/action?id={action.id}", 303)


def _start(site: Site, name: str, form: Mapping[str, str]) -> Action:
    """Start an action.

    Raises:
        ConsoleError: there is no such action, or it cannot be started.
    """
    known = {one["name"] for one in site.project.meltano_yml.get("jobs") or []}
    job = form.get("job", "") if name in {"sync", "resume"} else name
    if name in {"sync", "validate", "merge-report"} and job in JOBS and job in known:
        return site.actions.start(JOBS[job], ("run", job), job=job)
    if name == "resume" and job in JOBS and job in known:
        return site.actions.start(f"Resume {job}", ("resume", job))
    if name == "retry":
        records = [_read_id(form["record"])] if form.get("record") else []
        only = ("--job", form["job"]) if form.get("job") in JOBS else ()
        return site.actions.start("Try again what was refused", ("retry", "--yes", *only, "--", *records))
    if name == "undo":
        run = site.history.open().get_run(form.get("run", ""))
        if run:
            return site.actions.start("Undo a run", ("undo", "--yes", "--", run.run_id))
    if name == "review" and LEADS in site.project.ready_pipelines:
        return site.actions.start("List what ChartMogul holds", ("invoke", f"{LEADS.target}:review"), program="meltano")
    raise ConsoleError("There is no such action.")


def _read_id(text: str) -> str:
    if len(text) > _LONGEST or not text.isprintable():
        raise ConsoleError("There is no such record.")
    return text


def show_action(site: Site, request: Request) -> Response:
    """Show the progress of an action. While it runs, the page reloads itself unless the user has stopped that."""
    action = site.actions.get(request.query_params.get("id", ""))
    if action is None:
        sentence = "This page was restarted and no longer knows the action. The run itself continues: see Runs."
        return site.show_message(request, "Not found", sentence, status=404)
    still = "still" in request.query_params
    log = read_log(site, action)
    progress = read_progress(log)
    steps = list(progress.steps.values())
    seconds = (action.ended_at or site.clock()) - action.started_at
    left = estimate_seconds_left(steps[-1], seconds) if steps and action.is_running else None
    context = {
        "action": action,
        "seconds": seconds,
        "phase": "" if log or not action.job else "It is waiting for another action, or is about to start.",
        "steps": steps,
        "left": left,
        "figures": list(progress.figures.items()),
        "output": action.read_output().strip(),
        "run_id": "" if action.is_running else _find_run(site, action),
        "still": still,
    }
    renews = action.is_running and not still
    return site.render(request, "action.html", action.title, context, section="Overview", renews=renews)


def read_log(site: Site, action: Action) -> list[str]:
    """Return the lines that the run of an action has logged so far; none before it starts."""
    if not action.job:
        return []
    logs = [path for path in list_logs(site.project, action.job) if path.stat().st_mtime >= int(action.started_at)]
    return logs[-1].read_text(encoding="utf-8", errors="replace").splitlines() if logs else []


def _find_run(site: Site, action: Action) -> str:
    """Return the id of the run that an action has started; empty when the history does not know one."""
    if not action.job:
        return ""
    runs = site.history.open().list_runs(job=action.job, limit=5)
    return next((run.run_id for run in runs if run.trigger == "page" and run.started_at >= action.started_at - 1), "")
