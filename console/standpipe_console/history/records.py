"""Reads records from the history: their outcomes, their changes, and which are refused."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import sqlalchemy as sa

from .fields import unpack_fields
from .rows import ChangeRow, Page, RecordGroup, RecordRow, RejectRow
from .tables import CHANGES, LAST_KNOWN, RECORDS, REJECTS, RUNS, SEARCHED

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from .database import Database

Row = TypeVar("Row", bound=msgspec.Struct)

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
#: What a page of rejects can be sorted by.
REJECT_SORTS = frozenset({"record_id", "name", "plugin", "reason", "first_at", "last_at", "times"})
#: The greatest character. Every text with a certain prefix lies between the prefix and the prefix followed by this
#: character.
_GREATEST = "\U0010ffff"
#: The number of ids per statement.
_CHUNK = 500
_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
#: Columns that an outer join leaves empty for forgotten records.
_TEXTS = frozenset({"run_id", "remote_id", "name", "email", "company"})
#: What names a person.
PERSONAL = ("record_id", "remote_id", "email")
_NAMES = (LAST_KNOWN.c.name, LAST_KNOWN.c.email, LAST_KNOWN.c.company)


class RecordReader:
    """Reads records; safe for several threads.

    Args:
        database: the history.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

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
        """Return some records of a run: those that were written, refused, or skipped for a new reason.

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
        which += _contains(search, RECORDS.c.record_id, RECORDS.c.remote_id, *_NAMES)
        statement = _select_records().where(*which)
        count = sa.select(sa.func.count()).select_from(_JOINED if search.strip() else RECORDS).where(*which)
        order = (_sort_by(SORTS, sort), RECORDS.c.record_id, RECORDS.c.stream)
        return self._fetch_page(statement.order_by(*order).offset(offset).limit(limit), count, RecordRow)

    def count_records(self, run_id: str) -> list[RecordGroup]:
        """Return how many records of a run are listed, by outcome and reason, the most frequent first."""
        statement = _count_groups(RECORDS.c.reason, RECORDS.c.kind, kind=RECORDS.c.kind)
        return self._fetch(statement.where(RECORDS.c.run == _find_number(run_id)), RecordGroup)

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

        Each record appears once, with its last outcome. Exact matches come first.
        """
        # In both databases `lower` only converts ASCII, so other letters are searched for in the usual spellings.
        spellings = {fold_ascii(one) for one in (text.strip(), text.strip().lower(), text.strip().title())} - {""}
        parts = [
            sa.select(LAST_KNOWN, RUNS.c.run_id)
            .select_from(LAST_KNOWN.outerjoin(RUNS, RUNS.c.id == LAST_KNOWN.c.run))
            .where(begins_with(sa.func.lower(column), spelling))
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

    def list_rejects(
        self,
        plugin: str | None = None,
        *,
        open_only: bool = True,
        names: Iterable[str] | None = None,
        limit: int | None = None,
    ) -> list[RejectRow]:
        """Return the refused records, the longest-waiting first.

        Args:
            plugin: only this target's.
            open_only: only those that were not accepted since.
            names: only the records with one of these ids, of the source or of the vendor.
            limit: how many at most; all of them without one.
        """
        statement = _select_rejects(REJECTS)
        if open_only:
            statement = statement.where(_IS_OPEN)
        if plugin is not None:
            statement = statement.where(REJECTS.c.plugin == plugin)
        if names is not None:
            wanted = list(names)
            statement = statement.where(REJECTS.c.record_id.in_(wanted) | LAST_KNOWN.c.remote_id.in_(wanted))
        return self._fetch(statement.order_by(REJECTS.c.first_at, REJECTS.c.record_id).limit(limit), RejectRow)

    def page_rejects(
        self, *, search: str = "", sort: str = "first_at", offset: int = 0, limit: int = 100
    ) -> Page[RejectRow]:
        """Return some of the records that are refused now.

        Args:
            search: only records with this text in an id, a name, an e-mail address, a company or the reason.
            sort: one of `REJECT_SORTS`; with `-` before it, the greatest first.
            offset: how many to leave out.
            limit: how many at most.
        """
        columns = (REJECTS.c.record_id, LAST_KNOWN.c.remote_id, *_NAMES, REJECTS.c.reason, REJECTS.c.detail)
        which = [_IS_OPEN, *_contains(search, *columns)]
        # Names are looked up for the rows of the page only, unless the choice of these rows depends on names.
        needs_names = bool(search.strip()) or sort.removeprefix("-") == LAST_KNOWN.c.name.name
        source = _join_names(REJECTS) if needs_names else REJECTS
        order = _order_rejects(REJECTS, sort)
        chosen = sa.select(REJECTS).select_from(source).where(*which).order_by(*order).offset(offset).limit(limit)
        page = chosen.subquery()
        statement = _select_rejects(page).order_by(*_order_rejects(page, sort))
        count = sa.select(sa.func.count()).select_from(source).where(*which)
        return self._fetch_page(statement, count, RejectRow)

    def count_rejects(self, plugin: str | None = None) -> list[RecordGroup]:
        """Return how many records are refused now, by reason, the most frequent first."""
        which = [_IS_OPEN] if plugin is None else [_IS_OPEN, REJECTS.c.plugin == plugin]
        statement = _count_groups(REJECTS.c.reason, kind=sa.literal("rejected").label("kind")).where(*which)
        return self._fetch(statement, RecordGroup)

    def list_person(self, names: Iterable[str]) -> list[RecordRow]:
        """Return the records that carry one of these ids or e-mail addresses."""
        folded = {fold_ascii(name.strip()) for name in names} - {""}
        is_person = sa.or_(*(sa.func.lower(LAST_KNOWN.c[name]).in_(folded) for name in PERSONAL))
        runs = LAST_KNOWN.outerjoin(RUNS, RUNS.c.id == LAST_KNOWN.c.run)
        return self._fetch(sa.select(LAST_KNOWN, RUNS.c.run_id).select_from(runs).where(is_person), RecordRow)

    def _fetch(self, statement: sa.Executable, kind: type[Row]) -> list[Row]:
        with self.database.read() as connection:
            return [_build(kind, row) for row in connection.execute(statement)]

    def _fetch_page(self, statement: sa.Executable, count: sa.Select[Any], kind: type[Row]) -> Page[Row]:
        with self.database.read() as connection:
            total: int = connection.execute(count).scalar_one()
            return Page([_build(kind, row) for row in connection.execute(statement)], total)


_IS_OPEN = REJECTS.c.resolved_at.is_(None)
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
    """Return the number by which other tables refer to a run."""
    return sa.select(RUNS.c.id).where(RUNS.c.run_id == run_id).scalar_subquery()


def _select_records() -> sa.Select[Any]:
    return sa.select(RECORDS, RUNS.c.run_id, RUNS.c.plugin, *_NAMES).select_from(_JOINED)


def _join_names(rejects: sa.FromClause) -> sa.FromClause:
    """Return refused records beside what is known of them; what was forgotten is left empty."""
    same = (rejects.c[name] == LAST_KNOWN.c[name] for name in ("plugin", "stream", "record_id"))
    return rejects.outerjoin(LAST_KNOWN, sa.and_(*same))


def _select_rejects(rejects: sa.FromClause) -> sa.Select[Any]:
    return sa.select(rejects, LAST_KNOWN.c.remote_id, *_NAMES).select_from(_join_names(rejects))


def _order_rejects(rejects: sa.FromClause, sort: str) -> tuple[sa.ColumnElement[Any], ...]:
    columns = {**{column.name: column for column in rejects.c}, "name": LAST_KNOWN.c.name}
    return _sort_by(columns, sort), rejects.c.plugin, rejects.c.record_id, rejects.c.stream


def _sort_by(columns: Mapping[str, sa.ColumnElement[Any]], sort: str) -> sa.ColumnElement[Any]:
    """Return the order by a column; with `-` before its name, the greatest comes first."""
    column = columns[sort.removeprefix("-")]
    return column.desc() if sort.startswith("-") else column


def _contains(text: str, *columns: sa.ColumnElement[str]) -> list[sa.ColumnElement[bool]]:
    """Return the condition that one of the columns contains a text; none for an empty text."""
    text = text.strip()
    return [sa.or_(*(column.icontains(text, autoescape=True) for column in columns))] if text else []


def _count_groups(*columns: sa.Column[str], kind: sa.ColumnElement[str]) -> sa.Select[Any]:
    """Return the statement that counts rows by some columns, the reason first, with the most frequent ones first."""
    table, count = columns[0].table, sa.func.count().label("count")
    # The vendor may word one reason in several ways. One of them is shown as an example.
    example, sentences = sa.func.max(table.c.detail), sa.func.count(table.c.detail.distinct())
    found = (kind, columns[0], count, example.label("detail"), sentences.label("details"))
    return sa.select(*found).group_by(*columns).order_by(count.desc(), *reversed(columns))


def _build(kind: type[Row], row: sa.Row[Any]) -> Row:
    """Return a row as a struct; columns that it does not have are left out, and missing names are empty."""
    found = row._mapping  # noqa: SLF001 SQLAlchemy's documented name
    values = {name: found[name] for name in kind.__struct_fields__ if name in found}
    return kind(**{name: "" if value is None and name in _TEXTS else value for name, value in values.items()})


def _build_change(row: sa.Row[Any]) -> ChangeRow:
    return ChangeRow(
        row.run_id, row.stream, row.record_id, row.remote_id, row.action, row.kind, row.at, unpack_fields(row.fields)
    )


def begins_with(column: sa.ColumnElement[str], text: str) -> sa.ColumnElement[bool]:
    """Return the condition that a column begins with a text, in a form that an index serves."""
    return sa.and_(column >= text, column < text + _GREATEST)


def _is_named(row: RecordRow, spellings: set[str]) -> bool:
    return any(fold_ascii(getattr(row, column.name)) in spellings for column in SEARCHED)


def fold_ascii(text: str) -> str:
    """Return a text in lower case as the databases do, which only convert ASCII letters."""
    return text.translate(_SMALL)
