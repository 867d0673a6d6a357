"""Stores what a journal says about records as rows of the history.

A record has a row in a run only if something happened: it was written, refused, or skipped for a new reason, or an
earlier problem is solved. Records that are still unchanged are only counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from .fields import pack_fields, unpack_fields
from .tables import CHANGES, LAST_KNOWN, RECORDS, REJECTS, RUNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from standpipe_console._kit.journal_lines import FieldChange

    from .database import Database

#: Outcomes that need no attention. While they repeat, they are only counted.
UNCHANGED = "unchanged"
#: Outcomes that mean that the record has a problem until it has another outcome.
PROBLEMS = frozenset({"rejected", "skipped", "held", "unknown", "not_written"})
#: Outcomes that say nothing about the record.
_SAYS_NOTHING = frozenset({"not_reached", "not_sent"})
#: Outcomes of a write that changed nothing.
_NOT_WRITTEN = PROBLEMS | _SAYS_NOTHING | {UNCHANGED}
#: If a record has several outcomes in one run, the one with the greatest rank counts. Outcomes without a write have
#: rank 0. Outcomes that are not listed, such as of attached companies, have rank 1.
_RANKS = {
    "rejected": 5,
    "unknown": 4,
    "created": 3,
    "converted": 3,
    "updated": 2,
    **dict.fromkeys(("skipped", "held"), 0),
}
#: The stream of attributes that a run creates, whose ids begin with the model of the records that they belong to.
ATTRIBUTES = "data_attributes"
_MODELS = {"contacts": "contact", "companies": "company"}
_CUSTOM = "custom_attributes."
_DONE = {"create": "created", "convert": "converted"}


@dataclass(frozen=True)
class Write:
    """A write to the vendor."""

    action: str
    fields: Mapping[str, FieldChange]


@dataclass(frozen=True)
class RecordOutcome:
    """What a run says about one record."""

    stream: str
    record_id: str
    kind: str
    reason: str
    at: float
    remote_id: str = ""
    name: str = ""
    email: str = ""
    company: str = ""
    detail: str = ""  #: the vendor's own sentence
    write: Write | None = None  #: none when the target had nothing to write

    @property
    def key(self) -> tuple[str, str]:
        """The record within its plugin."""
        return self.stream, self.record_id

    @property
    def rank(self) -> int:
        """The rank of an outcome: of several in one run, the greatest counts; of equal ones, the last."""
        return _RANKS.get(self.kind, int(self.was_written))

    @property
    def was_written(self) -> bool:
        """Whether it changed, or may have changed, a record of the vendor."""
        if self.write is None:
            return False
        # A record may be refused after a part of it was written.
        return self.kind == "unknown" or self.kind not in _NOT_WRITTEN or bool(self.write.fields)


@dataclass
class _Known:
    """What the history last knew about a record."""

    kind: str = UNCHANGED
    reason: str = ""
    run: int = 0
    rank: int = 0
    name: str = ""
    email: str = ""
    company: str = ""
    remote_id: str = ""


@dataclass
class Recorder:
    """Stores what one run says about records.

    Args:
        database: the history.
        run: the `id` of the run.
        plugin: its target.
    """

    database: Database
    run: int
    plugin: str
    _connection: sa.Connection = field(init=False)

    def record(self, connection: sa.Connection, outcomes: Sequence[RecordOutcome]) -> None:
        """Write some outcomes, in the order in which the target had them."""
        self._connection = connection
        attributes = _list_written_attributes(outcomes)
        known = self._read_known({one.record_id for one in outcomes} | attributes.keys())
        # An accepted value shows that its attribute exists, even if the run that created it was killed.
        found = [one for one in attributes.values() if known.get(one.key, _Known()).kind == "unknown"]
        outcomes = [*outcomes, *found]
        rows: dict[tuple[str, str], RecordOutcome] = {}
        changes: list[RecordOutcome] = []
        for one in outcomes:
            before = known.get(one.key, _Known())
            if before.kind == "unknown" and before.run != self.run:
                self._resolve_unknown(before.run, one)
            if not self._is_news(one, before):
                continue
            if before.run != self.run or one.rank >= before.rank:
                rows[one.key] = merged = _merge(one, before)
                known[one.key] = self._as_known(merged)
            if one.was_written:
                changes.append(one)
        ids = self._write_records(list(rows.values()), changes)
        self._write_changes(ids, changes)
        self._write_last_known(list(rows.values()))
        self._write_rejects(outcomes)

    def _is_news(self, one: RecordOutcome, before: _Known) -> bool:
        if one.kind in _SAYS_NOTHING:
            return False
        if one.was_written:
            return True
        is_problem, was_problem = one.kind in PROBLEMS, before.kind in PROBLEMS
        return (is_problem or was_problem) and (one.kind, one.reason) != (before.kind, before.reason)

    def _as_known(self, one: RecordOutcome) -> _Known:
        return _Known(one.kind, one.reason, self.run, one.rank, one.name, one.email, one.company, one.remote_id)

    def _read_known(self, record_ids: set[str]) -> dict[tuple[str, str], _Known]:
        table = LAST_KNOWN.c
        statement = sa.select(LAST_KNOWN).where(table.plugin == self.plugin, table.record_id.in_(record_ids))
        return {
            (row.stream, row.record_id): _Known(
                row.kind,
                row.reason,
                row.run,
                # Whether a write led to it is not stored. Only another write of the same run could replace it.
                _RANKS.get(row.kind, 0),
                row.name,
                row.email,
                row.company,
                row.remote_id,
            )
            for row in self._connection.execute(statement)
        }

    # Rows

    def _write_records(
        self, rows: Sequence[RecordOutcome], changes: Sequence[RecordOutcome]
    ) -> dict[tuple[str, str], int]:
        """Write a row for each record, and return the ids of the rows that changes belong to."""
        if rows:
            statement = self.database.insert(RECORDS)
            self._connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["run", "record_id", "stream"],
                    set_={name: statement.excluded[name] for name in ("remote_id", "kind", "reason", "detail", "at")},
                ),
                [
                    {
                        "run": self.run,
                        "stream": one.stream,
                        "record_id": one.record_id,
                        "remote_id": one.remote_id,
                        "kind": one.kind,
                        "reason": one.reason,
                        "detail": one.detail,
                        "at": one.at,
                    }
                    for one in rows
                ],
            )
        if not changes:
            return {}
        table = RECORDS.c
        wanted = sa.select(table.id, table.stream, table.record_id).where(
            table.run == self.run, table.record_id.in_({one.record_id for one in changes})
        )
        return {(row.stream, row.record_id): row.id for row in self._connection.execute(wanted)}

    def _write_changes(self, ids: Mapping[tuple[str, str], int], changes: Sequence[RecordOutcome]) -> None:
        values = [
            {
                "record": ids[one.key],
                "action": one.write.action,
                "remote_id": one.remote_id,
                "at": one.at,
                "fields": pack_fields(one.write.fields),
            }
            for one in changes
            if one.write
        ]
        if values:
            self._connection.execute(sa.insert(CHANGES), values)

    def _write_last_known(self, rows: Sequence[RecordOutcome]) -> None:
        if not rows:
            return
        statement = self.database.insert(LAST_KNOWN)
        names = ("remote_id", "kind", "reason", "run", "at", "name", "email", "company")
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["plugin", "stream", "record_id"],
                set_={name: statement.excluded[name] for name in names},
            ),
            [
                {
                    "plugin": self.plugin,
                    "stream": one.stream,
                    "record_id": one.record_id,
                    "remote_id": one.remote_id,
                    "kind": one.kind,
                    "reason": one.reason,
                    "run": self.run,
                    "at": one.at,
                    "name": one.name,
                    "email": one.email,
                    "company": one.company,
                }
                for one in rows
            ],
        )

    # Rejects

    def _write_rejects(self, outcomes: Sequence[RecordOutcome]) -> None:
        table = REJECTS.c
        statement = sa.select(REJECTS).where(
            table.plugin == self.plugin, table.record_id.in_({one.record_id for one in outcomes})
        )
        rejects: dict[tuple[str, str], dict[str, Any]] = {
            (row.stream, row.record_id): dict(row._mapping)  # noqa: SLF001 SQLAlchemy's documented name
            for row in self._connection.execute(statement)
        }
        touched = {}
        for one in outcomes:
            reject = rejects.get(one.key)
            if one.kind == "rejected":
                rejects[one.key] = touched[one.key] = self._count_reject(one, reject)
            elif (
                reject
                and reject["resolved_at"] is None
                and reject["last_run"] != self.run
                and one.kind not in {"unknown", *_SAYS_NOTHING}
            ):
                reject["resolved_at"] = one.at
                touched[one.key] = reject
        if touched:
            upsert = self.database.insert(REJECTS)
            names = ("reason", "detail", "first_at", "last_at", "times", "last_run", "resolved_at")
            self._connection.execute(
                upsert.on_conflict_do_update(
                    index_elements=["plugin", "stream", "record_id"],
                    set_={name: upsert.excluded[name] for name in names},
                ),
                list(touched.values()),
            )

    def _count_reject(self, one: RecordOutcome, reject: dict[str, Any] | None) -> dict[str, Any]:
        """Return the row of a refused record. It is new if the record was accepted before."""
        is_same = reject is not None and reject["resolved_at"] is None
        is_counted = reject is not None and reject["last_run"] == self.run
        return {
            "plugin": self.plugin,
            "stream": one.stream,
            "record_id": one.record_id,
            "reason": one.reason,
            "detail": one.detail,
            "first_at": reject["first_at"] if reject and is_same else one.at,
            "last_at": one.at,
            "times": reject["times"] + (not is_counted) if reject and is_same else 1,
            "last_run": self.run,
            "resolved_at": None,
        }

    # Writes of an earlier run without a known answer

    def _resolve_unknown(self, run: int, one: RecordOutcome) -> None:
        """Decide about a write whose answer a killed run did not receive, by what this run found at the vendor."""
        table = RECORDS.c
        is_it = (table.run == run, table.record_id == one.record_id, table.stream == one.stream)
        statement = (
            sa.select(RECORDS.c.id, CHANGES.c.id.label("change"), CHANGES.c.action, CHANGES.c.fields)
            .join_from(RECORDS, CHANGES, CHANGES.c.record == table.id)
            .where(*is_it, table.kind == "unknown")
            .order_by(CHANGES.c.id.desc())
            .limit(1)
        )
        row = self._connection.execute(statement).one_or_none()
        if row is None:
            return
        intended = unpack_fields(row.fields)
        was_written = _judge(row.action, intended, one)
        if was_written is None:
            return
        kind = _DONE.get(row.action, "updated") if was_written else "not_written"
        reason = "a later run found it at the vendor" if was_written else "a later run did not find it at the vendor"
        self._connection.execute(sa.update(RECORDS).where(table.id == row.id).values(kind=kind, reason=reason))
        is_change = CHANGES.c.id == row.change
        if not was_written:
            self._connection.execute(sa.delete(CHANGES).where(is_change))
        elif missing := _find_missing(intended, one):
            # A creation takes two requests when Intercom needs the record's id for a part of it.
            arrived = {name: change for name, change in intended.items() if name not in missing}
            self._connection.execute(sa.update(CHANGES).where(is_change).values(fields=pack_fields(arrived)))
        self._move_count(run, kind)

    def _move_count(self, run: int, kind: str) -> None:
        """Count a record of a run under another outcome than `unknown`."""
        counts = self._connection.execute(sa.select(RUNS.c.counts).where(RUNS.c.id == run)).scalar_one_or_none()
        if not counts or not counts.get("unknown"):
            return
        counts = {**counts, "unknown": counts["unknown"] - 1, kind: counts.get(kind, 0) + 1}
        if not counts["unknown"]:
            del counts["unknown"]
        self._connection.execute(sa.update(RUNS).where(RUNS.c.id == run).values(counts=counts))


def _list_written_attributes(outcomes: Sequence[RecordOutcome]) -> dict[str, RecordOutcome]:
    """Return the attributes whose values the vendor accepted, as existing records by their ids."""
    found = {}
    for one in outcomes:
        if one.write and one.was_written and one.kind != "unknown" and one.stream in _MODELS:
            for name in one.write.fields:
                if name.startswith(_CUSTOM):
                    record_id = f"{_MODELS[one.stream]}.{name.removeprefix(_CUSTOM)}"
                    found[record_id] = RecordOutcome(ATTRIBUTES, record_id, UNCHANGED, "", one.at)
    return found


def _merge(one: RecordOutcome, before: _Known) -> RecordOutcome:
    """Return an outcome, completed with the names in an earlier one."""
    return replace(
        one,
        remote_id=one.remote_id or before.remote_id,
        name=one.name or before.name,
        email=one.email or before.email,
        company=one.company or before.company,
    )


def _judge(action: str, intended: Mapping[str, FieldChange], found: RecordOutcome) -> bool | None:
    """Return whether a write arrived, according to a later run; None if that run does not show it."""
    if found.kind == UNCHANGED:
        return True
    if not found.write:
        return None
    if action == "create":
        # A run that creates the record again did not find it.
        return found.write.action != "create"
    return not _find_missing(intended, found)


def _find_missing(intended: Mapping[str, FieldChange], found: RecordOutcome) -> set[str]:
    """Return the intended fields that a later run found as they were before.

    A field that the later run need not write, or found as intended, was written.
    """
    later = found.write.fields if found.write else {}
    return {
        name for name in intended.keys() & later if later[name].before == intended[name].before != intended[name].after
    }
