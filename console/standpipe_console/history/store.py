"""The history, as the rest of the console uses it."""

from __future__ import annotations

import logging
import socket
import time
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from standpipe_console.errors import ConsoleError
from standpipe_console.project.jobs import find_job
from standpipe_console.runs.locks import JobLock

from .database import Database
from .loader import Loader
from .migrations import find_newer_version
from .recording import PROBLEMS
from .records import PERSONAL, RecordReader, begins_with, fold_ascii
from .rows import AlertRow, PauseRow, RunRow
from .settings import find_folder, read_url
from .statuses import decide_status
from .tables import ALERTS, CHANGES, LAST_KNOWN, PAUSES, RECORDS, REJECTS, RUNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from standpipe_console.project.meltano import Project

LOGGER = logging.getLogger(__name__)
_DAY = 86_400
#: Seconds after which an unfinished run of another machine counts as killed.
_LONGEST_RUN = _DAY


class StartedRun(msgspec.Struct, frozen=True):
    """What is known about a run at its start."""

    run_id: str
    job: str
    plugin: str  #: the target
    trigger: str
    started_at: float
    is_subset: bool = False
    mode: str = "sync"


class History(RecordReader):
    """The database of runs, records and changes; safe for several threads and processes.

    Args:
        url: the address of the database.
        folder: the folder of the console's locks and the targets' journals.
        environment: Meltano's environment, for runs that `standpipe run` did not start.
        find_job: returns the job of a target in meltano.yml, for such runs.
        schema: the schema on PostgreSQL, if not the usual one.

    Raises:
        ConsoleError: the address is wrong, its driver is missing, or a newer version wrote the tables.
        SQLAlchemyError: the database cannot be reached.
    """

    def __init__(
        self,
        url: str,
        folder: Path,
        environment: str = "prod",
        find_job: Callable[[str], str] = lambda _: "",
        schema: str = "",
    ) -> None:
        super().__init__(Database(url, schema))
        self._folder = folder
        self._environment = environment
        self._host = socket.gethostname()
        self._loader = Loader(self.database, folder / "journal", environment, self._host, find_job)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def is_newer(self) -> bool:
        """Return whether a newer version of the console has changed the tables since they were opened."""
        with self.database.read() as connection:
            return find_newer_version(connection) is not None

    # Journals

    def load_journals(self) -> None:
        """Load the journals of targets, and find the runs that were killed.

        Raises:
            SQLAlchemyError: the history cannot be written; the journals stay.
            OSError: a journal cannot be read or deleted.
        """
        alive = self._loader.load_all()
        if alive is not None:
            self._find_killed(alive)

    def try_load_journals(self) -> None:
        """Load the journals of targets. If that is impossible, log it once; the journals are loaded next time."""
        try:
            self.load_journals()
        except (SQLAlchemyError, OSError) as error:
            LOGGER.warning(
                "The history cannot be written: %s. The journals stay in %s, and are loaded later.",
                describe_error(error),
                self._folder / "journal",
            )

    def _find_killed(self, alive: set[str]) -> None:
        """Mark runs as killed that are marked as running but have no living process."""
        is_open = RUNS.c.status.in_(("running", "loading"))
        with self.database.read() as connection:
            statement = sa.select(RUNS).where(is_open, RUNS.c.environment == self._environment)
            rows = connection.execute(statement).all()
        for row in rows:
            if row.host == self._host:
                is_alive = row.run_id in alive or not JobLock(self._folder, row.job).is_free()
            else:
                is_alive = not self._is_abandoned(row)
            if not is_alive:
                self._mark_killed(RUNS.c.id == row.id)

    def _is_abandoned(self, row: sa.Row[Any]) -> bool:
        """Return whether a run on another machine was killed. Its lock cannot be seen from here.

        Each container is a machine of its own, which never comes back. If the run is still going on, it will store its
        end.
        """
        if row.started_at < time.time() - _LONGEST_RUN:
            return True
        later = sa.select(RUNS.c.id).where(
            RUNS.c.job == row.job,
            RUNS.c.environment == row.environment,
            RUNS.c.started_at > row.started_at,
            RUNS.c.is_subset.is_(sa.false()),
            RUNS.c.mode == row.mode,
            RUNS.c.status.in_(("completed", "partly_refused")),
        )
        with self.database.read() as connection:
            return connection.execute(later.limit(1)).first() is not None

    def _mark_killed(self, *which: sa.ColumnElement[bool]) -> None:
        reason = "The run was killed: nothing is lost, the next run repeats what was not confirmed."
        is_open = RUNS.c.status.in_(("running", "loading"))
        with self.database.write() as connection:
            connection.execute(sa.update(RUNS).where(*which, is_open).values(status="killed", reason=reason))

    # Runs

    def start_run(self, start: StartedRun) -> None:
        """Write that a run has started; the caller holds the lock of its job."""
        earlier = (RUNS.c.job == start.job, RUNS.c.environment == self._environment, RUNS.c.host == self._host)
        self._mark_killed(*earlier, RUNS.c.run_id != start.run_id)
        self._write_run(start, {})

    def finish_run(self, start: StartedRun, ended_at: float, exit_code: int, reason: str) -> None:
        """Write how a run has ended, whether its start was written or not."""
        with self.database.read() as connection:
            statement = sa.select(RUNS.c.target_status, RUNS.c.reason).where(RUNS.c.run_id == start.run_id)
            row = connection.execute(statement).one_or_none()
        status = decide_status(exit_code, row.target_status if row else "")
        ended = {"ended_at": ended_at, "exit_code": exit_code, "status": status}
        if reason:
            ended["reason"] = reason
        self._write_run(start, ended)

    def _write_run(self, start: StartedRun, ended: dict[str, Any]) -> None:
        values = {
            **msgspec.structs.asdict(start),
            "environment": self._environment,
            "host": self._host,
            "status": "running",
            "target_status": "",
            "reason": "",
            "counts": {},
            "plugin_version": "",
            "loaded_lines": 0,
            **ended,
        }
        statement = self.database.insert(RUNS).values(values)
        with self.database.write() as connection:
            if ended:
                statement = statement.on_conflict_do_update(index_elements=["run_id"], set_=ended)
            else:
                statement = statement.on_conflict_do_nothing()
            connection.execute(statement)

    def list_runs(  # noqa: PLR0913 each is a filter
        self,
        job: str | Sequence[str] | None = None,
        plugin: str | None = None,
        limit: int = 50,
        before: float | None = None,
        *,
        environment: str | None = None,
        is_subset: bool | None = None,
    ) -> list[RunRow]:
        """Return the last runs, the latest first.

        Args:
            job: the job, or several; all when it is None.
            plugin: the target.
            limit: how many at most.
            before: only runs that started before, in unix seconds.
            environment: Meltano's environment.
            is_subset: whether they read some records only.
        """
        statement = sa.select(RUNS).order_by(RUNS.c.started_at.desc(), RUNS.c.run_id).limit(limit)
        if job is not None:
            statement = statement.where(RUNS.c.job.in_([job] if isinstance(job, str) else list(job)))
        if plugin is not None:
            statement = statement.where(RUNS.c.plugin == plugin)
        if before is not None:
            statement = statement.where(RUNS.c.started_at < before)
        if environment is not None:
            statement = statement.where(RUNS.c.environment == environment)
        if is_subset is not None:
            statement = statement.where(RUNS.c.is_subset == is_subset)
        return self._fetch(statement, RunRow)

    def find_last_good_run(self, jobs: Sequence[str], environment: str) -> RunRow | None:
        """Return the last full run of some jobs that was completed; None when there was none."""
        statement = sa.select(RUNS).where(
            RUNS.c.job.in_(jobs),
            RUNS.c.environment == environment,
            RUNS.c.status.in_(("completed", "partly_refused")),
            RUNS.c.is_subset.is_(sa.false()),
            RUNS.c.mode == "sync",
        )
        found = self._fetch(statement.order_by(RUNS.c.started_at.desc()).limit(1), RunRow)
        return found[0] if found else None

    def note_undo(self, run_id: str, undone: str) -> None:
        """Write which run an undo has undone."""
        which = RUNS.c.run_id == run_id
        with self.database.write() as connection:
            counts = connection.execute(sa.select(RUNS.c.counts).where(which)).scalar_one_or_none()
            if counts is not None:
                connection.execute(sa.update(RUNS).where(which).values(counts={**counts, "undoes": undone}))

    def list_undos(self, run: RunRow) -> list[RunRow]:
        """Return the undos of a run, the latest first."""
        which = (RUNS.c.plugin == run.plugin, RUNS.c.started_at > run.started_at, RUNS.c.mode == "undo")
        rows = self._fetch(sa.select(RUNS).where(*which).order_by(RUNS.c.started_at.desc()), RunRow)
        return [one for one in rows if one.undoes == run.run_id]

    def find_starts(self, run_ids: Iterable[str]) -> dict[str, float]:
        """Return when some runs started."""
        which = RUNS.c.run_id.in_(sorted(run_ids))
        with self.database.read() as connection:
            rows = connection.execute(sa.select(RUNS.c.run_id, RUNS.c.started_at).where(which))
            return {row.run_id: row.started_at for row in rows}

    def get_run(self, run_id: str) -> RunRow | None:
        """Return a run; None when the history does not know it."""
        found = self._fetch(sa.select(RUNS).where(RUNS.c.run_id == run_id), RunRow)
        return found[0] if found else None

    def find_runs(self, text: str) -> list[RunRow]:
        """Return at most two runs whose id begins with a text, because people type only the first letters."""
        is_prefix = begins_with(RUNS.c.run_id, text)
        return self._fetch(sa.select(RUNS).where(is_prefix).order_by(RUNS.c.run_id).limit(2), RunRow)

    # Pauses and alerts

    def pause(self, job: str, reason: str, run_id: str = "") -> None:
        """Keep a job from running until it is resumed. The first pause of a job counts."""
        statement = self.database.insert(PAUSES).values(job=job, since=time.time(), reason=reason, run_id=run_id)
        with self.database.write() as connection:
            connection.execute(statement.on_conflict_do_nothing())

    def resume(self, job: str) -> bool:
        """Let a job run again; return whether it was paused."""
        with self.database.write() as connection:
            return connection.execute(sa.delete(PAUSES).where(PAUSES.c.job == job)).rowcount > 0

    def get_pause(self, job: str) -> PauseRow | None:
        """Return why a job is paused; None when it is not."""
        found = self._fetch(sa.select(PAUSES).where(PAUSES.c.job == job), PauseRow)
        return found[0] if found else None

    def list_alerts(self, job: str | None = None) -> list[AlertRow]:
        """Return the situations that were noted, of one job or of all."""
        statement = sa.select(ALERTS).order_by(ALERTS.c.job, ALERTS.c.situation)
        return self._fetch(statement if job is None else statement.where(ALERTS.c.job == job), AlertRow)

    def write_alert(self, alert: AlertRow) -> None:
        """Store a situation of a job in place of its earlier entry."""
        statement = self.database.insert(ALERTS).values(msgspec.structs.asdict(alert))
        update = {"since": alert.since, "sent_at": alert.sent_at}
        with self.database.write() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["job", "situation", "cause", "channel"], set_=update)
            )

    def remove_alert(self, job: str, situation: str, cause: str = "", channel: str = "") -> None:
        """Forget the alerts that a channel received about a job, because the situation has ended."""
        which = {"job": job, "situation": situation, "cause": cause, "channel": channel}
        with self.database.write() as connection:
            connection.execute(sa.delete(ALERTS).where(*(ALERTS.c[name] == value for name, value in which.items())))

    # Removal

    def prune(self, now: float, days: int) -> int:
        """Delete older runs with their records and changes; return the number of runs.

        The last problems of records and open rejects stay, because the next run is compared with them.
        """
        oldest = now - days * _DAY
        with self.database.write() as connection:
            is_old = RUNS.c.started_at < oldest
            runs = list(connection.execute(sa.select(RUNS.c.id).where(is_old)).scalars())
            for run in runs:
                _delete_records(connection, RECORDS.c.run == run)
            connection.execute(sa.delete(RUNS).where(is_old))
            settled = LAST_KNOWN.c.kind.not_in(sorted(PROBLEMS))
            connection.execute(sa.delete(LAST_KNOWN).where(LAST_KNOWN.c.at < oldest, settled))
            connection.execute(sa.delete(REJECTS).where(REJECTS.c.resolved_at < oldest))
        return len(runs)

    def erase(self, names: Iterable[str]) -> int:
        """Delete everything about a person, by ids and e-mail addresses; return the number of rows.

        Journals are loaded first, so that none of them brings the person back.

        Raises:
            ConsoleError: a run is writing its journal just now.
        """
        alive = self._loader.load_all()
        if alive is None or alive:
            raise ConsoleError(
                "A run is in progress, and its journal may name the person: erase again when it has ended."
            )
        folded = {fold_ascii(name.strip()) for name in names} - {""}
        with self.database.write() as connection:
            if self.database.dialect == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete=ON")  # what is deleted is overwritten
            is_person = sa.or_(*(sa.func.lower(LAST_KNOWN.c[name]).in_(folded) for name in PERSONAL))
            ids = list(connection.execute(sa.select(LAST_KNOWN.c.record_id).where(is_person)).scalars())
            wanted = {*ids, *(name.strip() for name in names)}
            removed = _delete_records(connection, RECORDS.c.record_id.in_(wanted))
            # This uses the lower-case index. Other spellings of an id are other records.
            is_known = sa.func.lower(LAST_KNOWN.c.record_id).in_({fold_ascii(one) for one in wanted})
            for table, which in ((LAST_KNOWN, is_known), (REJECTS, sa.true())):
                is_about = sa.and_(which, table.c.record_id.in_(wanted))
                removed += connection.execute(sa.delete(table).where(is_about)).rowcount
        self.database.rewrite_file()
        return removed

    def forget(self, plugin: str, jobs: Iterable[str]) -> int:
        """Delete everything about a target, and the pauses and alerts of its jobs; return the number of runs.

        Raises:
            ConsoleError: a run is writing its journal just now.
        """
        alive = self._loader.load_all()
        if alive is None or alive:
            raise ConsoleError("A run is under way: wait until it has ended, or stop it.")
        with self.database.write() as connection:
            _delete_records(connection, RECORDS.c.run.in_(sa.select(RUNS.c.id).where(RUNS.c.plugin == plugin)))
            runs = connection.execute(sa.delete(RUNS).where(RUNS.c.plugin == plugin)).rowcount
            for table in (LAST_KNOWN, REJECTS):
                connection.execute(sa.delete(table).where(table.c.plugin == plugin))
            for table in (PAUSES, ALERTS):
                connection.execute(sa.delete(table).where(table.c.job.in_(list(jobs))))
        self.database.rewrite_file()
        return runs


def open_history(project: Project, *, load: bool = True) -> History:
    """Open the history of a project; close it, or use it in a `with`.

    Args:
        project: the project.
        load: whether to load first what targets have written since.

    Raises:
        ConsoleError: it cannot be opened.
    """
    try:
        history = History(
            read_url(project),
            find_folder(project),
            project.environment,
            lambda plugin: find_job(project, plugin),
            project.database_schema,
        )
    except (SQLAlchemyError, OSError) as error:
        raise ConsoleError(f"The history cannot be opened: {describe_error(error)}. Check HISTORY_URL.") from None
    if load:
        history.try_load_journals()
    return history


def describe_error(error: Exception) -> str:
    """Return what a database or the disk says, in one line and without any value."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    lines = str(cause or error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _delete_records(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    ids = sa.select(RECORDS.c.id).where(which)
    changes = connection.execute(sa.delete(CHANGES).where(CHANGES.c.record.in_(ids))).rowcount
    return changes + connection.execute(sa.delete(RECORDS).where(which)).rowcount
