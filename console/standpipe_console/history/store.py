"""The history, as the rest of the console uses it."""

from __future__ import annotations

import logging
import socket
import string
import time
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from standpipe_console.errors import ConsoleError
from standpipe_console.project.jobs import find_job
from standpipe_console.runs.locks import JobLock

from .database import Database
from .fields import unpack_fields
from .loader import Loader
from .recording import PROBLEMS
from .rows import AlertRow, ChangeRow, Page, PauseRow, RecordGroup, RecordRow, RejectRow, RunRow
from .settings import find_folder, read_url
from .statuses import decide_status
from .tables import ALERTS, CHANGES, LAST_KNOWN, PAUSES, RECORDS, REJECTS, RUNS, SEARCHED

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from standpipe_console.project.meltano import Project

Row = TypeVar("Row", bound=msgspec.Struct)

LOGGER = logging.getLogger(__name__)
#: What a page of records can be sorted by; with `-` before it, the greatest first.
SORTS = {
    "record_id": RECORDS.c.record_id,
    "remote_id": RECORDS.c.remote_id,
    "kind": RECORDS.c.kind,
    "reason": RECORDS.c.reason,
    "at": RECORDS.c.at,
    "name": LAST_KNOWN.c.name,
    "email": LAST_KNOWN.c.email,
    "company": LAST_KNOWN.c.company,
}
#: The greatest character: what begins with a text lies between that text and the text with this one behind it.
_GREATEST = "\U0010ffff"
#: How many ids stand in one statement.
_CHUNK = 500
_DAY = 86_400
#: Seconds after which a run of another machine that has not ended is taken for killed.
_LONGEST_RUN = _DAY
_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
#: Columns that an outer join leaves empty for what is forgotten.
_TEXTS = frozenset({"run_id", "remote_id", "name", "email", "company"})
#: What names a person.
_PERSONAL = ("record_id", "remote_id", "email")
_NAMES = (LAST_KNOWN.c.name, LAST_KNOWN.c.email, LAST_KNOWN.c.company)


class StartedRun(msgspec.Struct, frozen=True):
    """What is known of a run when it starts."""

    run_id: str
    job: str
    plugin: str  #: the target
    trigger: str
    started_at: float
    is_subset: bool = False
    mode: str = "sync"


class History:
    """The database of runs, records and changes; safe for several threads and processes.

    Args:
        url: the address of the database.
        folder: where the console keeps locks, and targets their journals.
        environment: Meltano's environment, for runs that `standpipe run` did not start.
        find_job: gives the job of a target of meltano.yml, for such runs.

    Raises:
        ConsoleError: the address is wrong, its driver is missing, or a newer version wrote the tables.
        SQLAlchemyError: the database cannot be reached.
    """

    def __init__(
        self, url: str, folder: Path, environment: str = "prod", find_job: Callable[[str], str] = lambda _: ""
    ) -> None:
        self.database = Database(url)
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

    # Journals

    def load_journals(self) -> None:
        """Load what targets have written, and find the runs that were killed.

        Raises:
            SQLAlchemyError: the history cannot be written; the journals stay.
            OSError: a journal cannot be read or deleted.
        """
        alive = self._loader.load_all()
        if alive is not None:
            self._find_killed(alive)

    def try_load_journals(self) -> None:
        """Load what targets have written; when that is impossible, say so once: the journals stay for the next time."""
        try:
            self.load_journals()
        except (SQLAlchemyError, OSError) as error:
            LOGGER.warning(
                "The history cannot be written: %s. The journals stay in %s, and are loaded later.",
                describe_error(error),
                self._folder / "journal",
            )

    def _find_killed(self, alive: set[str]) -> None:
        """Mark the runs that say that they are under way, and of which nothing lives."""
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
        """Return whether a run of another machine, whose lock cannot be seen from here, has been killed.

        Each container is a machine of its own, which never comes back. A run that goes on after all writes its end.
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
        """Return the last run of some jobs over everything that went to its end; None when there was none."""
        statement = sa.select(RUNS).where(
            RUNS.c.job.in_(jobs),
            RUNS.c.environment == environment,
            RUNS.c.status.in_(("completed", "partly_refused")),
            RUNS.c.is_subset.is_(sa.false()),
            RUNS.c.mode == "sync",
        )
        found = self._fetch(statement.order_by(RUNS.c.started_at.desc()).limit(1), RunRow)
        return found[0] if found else None

    def get_run(self, run_id: str) -> RunRow | None:
        """Return a run; None when the history does not know it."""
        found = self._fetch(sa.select(RUNS).where(RUNS.c.run_id == run_id), RunRow)
        return found[0] if found else None

    def find_runs(self, text: str) -> list[RunRow]:
        """Return the runs whose id begins with a text, two at most: a person types the first letters only."""
        is_prefix = _begins_with(RUNS.c.run_id, text)
        return self._fetch(sa.select(RUNS).where(is_prefix).order_by(RUNS.c.run_id).limit(2), RunRow)

    # Records and changes

    def list_records(  # noqa: PLR0913 each is a control of a page
        self,
        run_id: str,
        *,
        record_id: str | None = None,
        kind: str | Sequence[str] | None = None,
        reason: str | None = None,
        search: str = "",
        sort: str = "record_id",
        offset: int = 0,
        limit: int = 100,
    ) -> Page[RecordRow]:
        """Return some records of a run: those that were written, refused or skipped anew.

        Args:
            run_id: the run.
            record_id: only this record.
            kind: only this outcome, or these.
            reason: only this reason.
            search: only records with this text in an id, a name, an e-mail address or a company.
            sort: one of `SORTS`; with `-` before it, the greatest first.
            offset: how many to leave out.
            limit: how many at most.
        """
        which = [RECORDS.c.run == _find_number(run_id)]
        which += [] if record_id is None else [RECORDS.c.record_id == record_id]
        which += [] if kind is None else [RECORDS.c.kind.in_([kind] if isinstance(kind, str) else list(kind))]
        which += [] if reason is None else [RECORDS.c.reason == reason]
        if text := search.strip():
            columns = (RECORDS.c.record_id, RECORDS.c.remote_id, *_NAMES)
            which.append(sa.or_(*(column.icontains(text, autoescape=True) for column in columns)))
        column = SORTS[sort.removeprefix("-")]
        order = column.desc() if sort.startswith("-") else column
        statement = _select_records().where(*which).order_by(order, RECORDS.c.record_id, RECORDS.c.stream)
        count = sa.select(sa.func.count()).select_from(_JOINED if text else RECORDS).where(*which)
        with self.database.read() as connection:
            total: int = connection.execute(count).scalar_one()
            rows = [_build(RecordRow, row) for row in connection.execute(statement.offset(offset).limit(limit))]
        return Page(rows, total)

    def count_records(self, run_id: str) -> list[RecordGroup]:
        """Return how many records of a run are listed, by outcome and reason, the most frequent first."""
        count = sa.func.count().label("count")
        # The vendor may give one reason in several sentences, of which one is shown as an example.
        example, sentences = sa.func.max(RECORDS.c.detail), sa.func.count(RECORDS.c.detail.distinct())
        statement = (
            sa.select(RECORDS.c.kind, RECORDS.c.reason, count, example.label("detail"), sentences.label("details"))
            .where(RECORDS.c.run == _find_number(run_id))
            .group_by(RECORDS.c.kind, RECORDS.c.reason)
            .order_by(count.desc(), RECORDS.c.kind)
        )
        return self._fetch(statement, RecordGroup)

    def list_changes_of(self, run_id: str, record_ids: Sequence[str]) -> list[ChangeRow]:
        """Return the writes of a run to some records, in the order of the writes."""
        which = (RECORDS.c.run == _find_number(run_id), RECORDS.c.record_id.in_(record_ids))
        with self.database.read() as connection:
            rows = connection.execute(_SELECT_CHANGES.where(*which).order_by(CHANGES.c.id))
            return [_build_change(row) for row in rows]

    def list_changes(self, run_id: str, record_id: str | None = None) -> Generator[ChangeRow]:
        """Yield every write of a run with the values before and after, by record, in the order of the writes."""
        statement = _SELECT_CHANGES.where(RECORDS.c.run == _find_number(run_id)).order_by(
            RECORDS.c.record_id, CHANGES.c.id
        )
        if record_id is not None:
            statement = statement.where(RECORDS.c.record_id == record_id)
        with self.database.read() as connection:
            for row in connection.execution_options(yield_per=_CHUNK).execute(statement):
                yield _build_change(row)

    def find_customer(self, text: str, limit: int = 50) -> list[RecordRow]:
        """Return the records whose id, remote id, e-mail address, name or company begins with a text.

        Each record comes once, with its last outcome; those that are equal to the text come first.
        """
        # On both databases `lower` knows ASCII only: other letters are looked for in the usual spellings.
        spellings = {_lower(one) for one in (text.strip(), text.strip().lower(), text.strip().title())} - {""}
        parts = [
            sa.select(LAST_KNOWN, RUNS.c.run_id)
            .select_from(LAST_KNOWN.outerjoin(RUNS, RUNS.c.id == LAST_KNOWN.c.run))
            .where(_begins_with(sa.func.lower(column), spelling))
            .order_by(sa.func.lower(column))
            .limit(limit)
            .subquery()
            .select()
            for column in SEARCHED
            for spelling in sorted(spellings)
        ]
        if not parts:
            return []
        found = dict.fromkeys(self._fetch(sa.union_all(*parts), RecordRow))
        return sorted(found, key=lambda row: (not _is_named(row, spellings), -row.at, row.record_id))[:limit]

    def list_record_history(self, record_id: str, plugin: str | None = None, limit: int = 200) -> list[RecordRow]:
        """Return what runs did with a record, the latest first, each with its changes."""
        statement = _select_records().where(RECORDS.c.record_id == record_id)
        if plugin is not None:
            statement = statement.where(RUNS.c.plugin == plugin)
        statement = statement.order_by(RECORDS.c.at.desc(), RECORDS.c.id.desc()).limit(limit)
        changes = _SELECT_CHANGES.where(RECORDS.c.record_id == record_id).order_by(CHANGES.c.id)
        with self.database.read() as connection:
            rows = [_build(RecordRow, row) for row in connection.execute(statement)]
            by_row: dict[tuple[str, str], list[ChangeRow]] = {}
            for change in map(_build_change, connection.execute(changes)):
                by_row.setdefault((change.run_id, change.stream), []).append(change)
        return [msgspec.structs.replace(row, changes=tuple(by_row.get((row.run_id, row.stream), ()))) for row in rows]

    def list_rejects(self, plugin: str | None = None, *, open_only: bool = True, limit: int = 1000) -> list[RejectRow]:
        """Return the records that were refused, those that have waited longest first.

        Args:
            plugin: only this target's.
            open_only: only those that were not taken since.
            limit: how many at most.
        """
        of_record = [REJECTS.c[name] == LAST_KNOWN.c[name] for name in ("plugin", "stream", "record_id")]
        statement = sa.select(REJECTS, LAST_KNOWN.c.remote_id, *_NAMES).select_from(
            REJECTS.outerjoin(LAST_KNOWN, sa.and_(*of_record))
        )
        if open_only:
            statement = statement.where(REJECTS.c.resolved_at.is_(None))
        if plugin is not None:
            statement = statement.where(REJECTS.c.plugin == plugin)
        return self._fetch(statement.order_by(REJECTS.c.first_at, REJECTS.c.record_id).limit(limit), RejectRow)

    # Pauses and alerts

    def pause(self, job: str, reason: str, run_id: str = "") -> None:
        """Keep a job from running until it is resumed; the first pause of a job stands."""
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
        """Note a situation of a job, in the place of what was noted of it before."""
        statement = self.database.insert(ALERTS).values(msgspec.structs.asdict(alert))
        update = {"since": alert.since, "sent_at": alert.sent_at}
        with self.database.write() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["job", "situation", "cause", "channel"], set_=update)
            )

    def remove_alert(self, job: str, situation: str, cause: str = "", channel: str = "") -> None:
        """Delete what a channel was told about a job, because the situation has ended."""
        which = {"job": job, "situation": situation, "cause": cause, "channel": channel}
        with self.database.write() as connection:
            connection.execute(sa.delete(ALERTS).where(*(ALERTS.c[name] == value for name, value in which.items())))

    # Removal

    def prune(self, now: float, days: int) -> int:
        """Delete the runs that are older, with their records and changes; return how many runs there were.

        What a record's last problem was, and open rejects, stay: the next run is compared with them.
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
        """Delete everything about a person, by ids and e-mail addresses; return how many rows there were.

        Waiting journals are loaded first, so that none brings the person back.

        Raises:
            ConsoleError: a run is writing its journal just now.
        """
        alive = self._loader.load_all()
        if alive is None or alive:
            raise ConsoleError("A run is under way, whose journal may name the person: erase again when it has ended.")
        folded = {_lower(name.strip()) for name in names} - {""}
        with self.database.write() as connection:
            if self.database.dialect == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete=ON")  # what is deleted is overwritten
            is_person = sa.or_(*(sa.func.lower(LAST_KNOWN.c[name]).in_(folded) for name in _PERSONAL))
            ids = list(connection.execute(sa.select(LAST_KNOWN.c.record_id).where(is_person)).scalars())
            wanted = {*ids, *(name.strip() for name in names)}
            removed = _delete_records(connection, RECORDS.c.record_id.in_(wanted))
            # By the index over small letters; other spellings of an id are other records.
            is_known = sa.func.lower(LAST_KNOWN.c.record_id).in_({_lower(one) for one in wanted})
            for table, which in ((LAST_KNOWN, is_known), (REJECTS, sa.true())):
                is_about = sa.and_(which, table.c.record_id.in_(wanted))
                removed += connection.execute(sa.delete(table).where(is_about)).rowcount
        self.database.rewrite_file()
        return removed

    def list_person(self, names: Iterable[str]) -> list[RecordRow]:
        """Return the records that carry one of these ids or e-mail addresses."""
        folded = {_lower(name.strip()) for name in names} - {""}
        is_person = sa.or_(*(sa.func.lower(LAST_KNOWN.c[name]).in_(folded) for name in _PERSONAL))
        runs = LAST_KNOWN.outerjoin(RUNS, RUNS.c.id == LAST_KNOWN.c.run)
        return self._fetch(sa.select(LAST_KNOWN, RUNS.c.run_id).select_from(runs).where(is_person), RecordRow)

    def forget(self, plugin: str, jobs: Iterable[str]) -> int:
        """Delete everything about a target, and the pauses and alerts of its jobs; return how many runs there were.

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

    def _fetch(self, statement: sa.Executable, kind: type[Row]) -> list[Row]:
        with self.database.read() as connection:
            return [_build(kind, row) for row in connection.execute(statement)]


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
            read_url(project), find_folder(project), project.environment, lambda plugin: find_job(project, plugin)
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


_JOINED = RECORDS.join(RUNS, RUNS.c.id == RECORDS.c.run).outerjoin(
    LAST_KNOWN,
    sa.and_(
        LAST_KNOWN.c.plugin == RUNS.c.plugin,
        LAST_KNOWN.c.stream == RECORDS.c.stream,
        LAST_KNOWN.c.record_id == RECORDS.c.record_id,
    ),
)
_SELECT_CHANGES = (
    sa.select(RUNS.c.run_id, RECORDS.c.stream, RECORDS.c.record_id, RECORDS.c.kind, CHANGES)
    .join_from(RECORDS, CHANGES, CHANGES.c.record == RECORDS.c.id)
    .join(RUNS, RUNS.c.id == RECORDS.c.run)
)


def _find_number(run_id: str) -> sa.ScalarSelect[Any]:
    """Return the number that stands for a run in other tables."""
    return sa.select(RUNS.c.id).where(RUNS.c.run_id == run_id).scalar_subquery()


def _select_records() -> sa.Select[Any]:
    return sa.select(RECORDS, RUNS.c.run_id, RUNS.c.plugin, *_NAMES).select_from(_JOINED)


def _build(kind: type[Row], row: sa.Row[Any]) -> Row:
    """Return a row as a struct; columns that it does not have are left out, and missing names are empty."""
    found = row._mapping  # noqa: SLF001 SQLAlchemy's documented name
    values = {name: found[name] for name in kind.__struct_fields__ if name in found}
    return kind(**{name: "" if value is None and name in _TEXTS else value for name, value in values.items()})


def _build_change(row: sa.Row[Any]) -> ChangeRow:
    return ChangeRow(
        row.run_id, row.stream, row.record_id, row.remote_id, row.action, row.kind, row.at, unpack_fields(row.fields)
    )


def _begins_with(column: sa.ColumnElement[str], text: str) -> sa.ColumnElement[bool]:
    return sa.and_(column >= text, column < text + _GREATEST)


def _is_named(row: RecordRow, spellings: set[str]) -> bool:
    return any(_lower(getattr(row, column.name)) in spellings for column in SEARCHED)


def _lower(text: str) -> str:
    """Return a text in small letters as the databases do: they know ASCII only."""
    return text.translate(_SMALL)


def _delete_records(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    ids = sa.select(RECORDS.c.id).where(which)
    changes = connection.execute(sa.delete(CHANGES).where(CHANGES.c.record.in_(ids))).rowcount
    return changes + connection.execute(sa.delete(RECORDS).where(which)).rowcount
