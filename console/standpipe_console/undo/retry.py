"""`retry`: runs a job again over the records that the vendor refused, and reports the outcome of each."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from standpipe_console.api.vendors import connect_intercom
from standpipe_console.errors import ConsoleError
from standpipe_console.history import open_history
from standpipe_console.live.obstacles import find_obstacle
from standpipe_console.project.pipelines import LEADS, SYNC
from standpipe_console.runs.command import build_subset
from standpipe_console.runs.subset_folders import build_subset_folders

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from standpipe_console.history import History, RejectRow
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline
    from standpipe_console.runs.runner import JobRunner, Outcome

#: The most records for a subset. For more of them, a full run is as cheap.
MOST = 500


@dataclass(frozen=True)
class Retry:
    """The records of one pipeline that a retry reads again."""

    pipeline: Pipeline
    rejects: list[RejectRow]
    subset: dict[str, str]  #: the settings that limit the run, as variables


@dataclass(frozen=True)
class Retried:
    """The outcome of one record."""

    reject: RejectRow
    outcome: str  #: the outcome in the run; `not read` if the run did not mention it
    reason: str = ""


def find_pipelines(project: Project, job: str | None) -> list[Pipeline]:
    """Return the pipelines to retry: the job's, or all that are set up.

    Raises:
        ConsoleError: there is no such job.
    """
    if job is None:
        return project.ready_pipelines
    found = [one for one in project.pipelines if job in {one.job, one.job.removeprefix("sync-")}]
    if not found:
        names = ", ".join(one.job for one in project.pipelines)
        raise ConsoleError(f"`{job}` is not a job that can be retried: name one of {names}.")
    return found


def check_obstacle(project: Project, pipeline: Pipeline) -> None:
    """Refuse a retry while the next run must read everything.

    Raises:
        ConsoleError: it must, or the pipeline is paused.
    """
    if obstacle := find_obstacle(project, pipeline):
        helps = f" Run `standpipe run {pipeline.job}` first." if obstacle.plain_run_helps else ""
        raise ConsoleError(f"Nothing was retried. {obstacle.sentence}{helps}")


def plan_retries(project: Project, pipelines: Iterable[Pipeline], records: Collection[str]) -> list[Retry]:
    """Find the refused records, and the records that must be read again for them.

    Args:
        project: the project.
        pipelines: the pipelines to search.
        records: ids; all refused records if there are none.

    Raises:
        ConsoleError: a record is not refused, or there are too many for a subset.
    """
    with open_history(project) as history:
        found = [(one, _list_rejects(history, one, records)) for one in pipelines]
    known = {name for _, rows in found for row in rows for name in (row.record_id, row.remote_id)}
    if missing := set(records) - known:
        raise ConsoleError(f"`{min(missing)}` is not a refused record: `standpipe history` shows which records are.")
    for pipeline, rows in found:
        if len(rows) > MOST:
            raise ConsoleError(
                f"{len(rows)} records of {pipeline.job} were refused: run the job itself, `standpipe run "
                f"{pipeline.job}`, which reads them all, or name those to retry."
            )
    return [
        Retry(pipeline, rows, build_subset(pipeline.job, tuple(_list_subjects(project, pipeline, rows))))
        for pipeline, rows in found
        if rows
    ]


def _list_rejects(history: History, pipeline: Pipeline, records: Collection[str]) -> list[RejectRow]:
    rows = history.list_rejects(pipeline.target, names=records or None)
    return [one for one in rows if one.record_id]


def run_retry(project: Project, retry: Retry, runner: JobRunner) -> tuple[Outcome, list[Retried]]:
    """Run the job over the records, and return the outcome of each."""
    pipeline = retry.pipeline
    folders = build_subset_folders(project, pipeline, "retry")
    outcome = runner.run({**retry.subset, **folders}, is_subset=True)
    if not outcome.was_started:
        return outcome, []
    with open_history(project) as history:
        return outcome, [_find_outcome(history, outcome.run_id, reject) for reject in retry.rejects]


def _find_outcome(history: History, run_id: str, reject: RejectRow) -> Retried:
    latest = history.list_record_history(reject.record_id, reject.plugin, limit=1)
    if latest and latest[0].run_id == run_id:
        return Retried(reject, latest[0].kind, latest[0].reason)
    rejects = history.list_rejects(reject.plugin, names=[reject.record_id])
    still_open = any((one.stream, one.record_id) == (reject.stream, reject.record_id) for one in rejects)
    # An unchanged record has no row. A reject that was read is either resolved or was refused again.
    return Retried(reject, "not read" if still_open else "unchanged")


def _list_subjects(project: Project, pipeline: Pipeline, rejects: Sequence[RejectRow]) -> Iterator[str]:
    """Yield the records for the tap to read again, in the form of `--only`."""
    if pipeline == SYNC:
        # A refused event belongs to no row of a customer, so it is read by its own id.
        subjects = {"events": "event"}
        yield from dict.fromkeys(f"{subjects.get(one.stream, 'customer')}={one.record_id}" for one in rejects)
        return
    # A contact in ChartMogul stands for an Intercom contact at one company, see map-leads.
    yield from dict.fromkeys(
        f"contact={one.record_id.partition(':')[0]}" for one in rejects if one.stream == "contacts"
    )
    companies = [one.record_id for one in rejects if one.stream == "customers"]
    yield from (f"company={id_}" for id_ in _find_companies(project, companies))


def _find_companies(project: Project, external_ids: list[str]) -> Iterator[str]:
    """Yield Intercom's ids of existing companies, from the external ids in ChartMogul.

    Raises:
        ConsoleError: Intercom refuses.
    """
    if project.get_effective_settings(LEADS.map)["customer_id_field"] == "id":
        yield from external_ids
        return
    api = connect_intercom(project.get_effective_settings(LEADS.tap), project.get_facts(LEADS.tap))
    for external_id in external_ids:
        response = api.call("GET", "/companies", company_id=external_id)
        if response.ok:
            yield str(response.body["id"])
        elif response.status != HTTPStatus.NOT_FOUND:
            raise ConsoleError(f"Intercom does not show the company {external_id}: {response.reason}")
