"""Finds and deletes a person in a store: the person's ids and addresses, and the rows that contain them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import delete, func, or_, select

from standpipe_maps._kit.block_list import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Column, ColumnElement, Table

    from standpipe_maps.store import Store

PAGE = 500


class NamedRecord(msgspec.Struct):
    """The members of a record that may name a person."""

    id: Any = None
    email: Any = None
    customer_id: Any = None


NAMED_RECORD = msgspec.json.Decoder(NamedRecord)


@dataclass(frozen=True)
class PersonColumns:
    """The columns of a map's tables that name people."""

    records: Table
    """The table whose ``body`` contains a person's id and e-mail address."""
    named_by: Sequence[Column[str]]
    """Columns with an id or an address of a person. A row with one of the person's names is removed."""
    sent_as: Sequence[Column[str]] = ()
    """Columns with the ids under which a person was sent, in a table that also names the person."""
    counted_in: Table | None = None
    """A table with numbers of rows, which are counted again after an erasure."""


@dataclass(frozen=True)
class PersonTrace:
    """A store's facts about a person."""

    names: frozenset[str]
    """All ids and e-mail addresses, including the requested ones."""
    sent_as: frozenset[str]
    rows: int
    """The number of rows that name the person."""


def find_person(store: Store, columns: PersonColumns, names: Iterable[str]) -> PersonTrace:
    """Return a store's facts about the person with one of these ids or e-mail addresses.

    Records with the same address count as one person, because an erasure is usually requested by address.
    """
    table, people, known = columns.records, list[set[str]](), set(names)
    for page in store.read_pages(select(table.c.id, table.c.body), PAGE):
        for key, body in page:
            email = NAMED_RECORD.decode(body).email
            people.append({key, email.strip()} if isinstance(email, str) and email.strip() else {key})
    # An id leads to an address, and an address to other ids, so this repeats until nothing new is found.
    while True:
        folded = {fold_name(name) for name in known}
        found = {name for person in people if any(fold_name(one) in folded for one in person) for name in person}
        if found <= known:
            break
        known |= found
    rows = sum(
        store.execute(select(func.count()).select_from(table).where(named)).scalar() or 0
        for table, named in _find_rows(columns, known)
    )
    sent_as: set[str | None] = set()
    for column in columns.sent_as:
        (owner,) = (one for one in columns.named_by if one.table is column.table)
        sent_as.update(store.execute(select(column).where(owner.in_(known))).scalars())
    return PersonTrace(frozenset(known), frozenset(filter(None, sent_as)), rows)


def erase_person(store: Store, columns: PersonColumns, names: Iterable[str]) -> int:
    """Delete the rows with one of these ids or addresses in the store's transaction; return their number."""
    if columns.counted_in is not None:
        store.execute(delete(columns.counted_in))
    return sum(store.execute(delete(table).where(named)).rowcount for table, named in _find_rows(columns, names))


def _find_rows(columns: PersonColumns, names: Iterable[str]) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Yield each table that names people, with the condition for the rows with these names."""
    # A column contains a name unchanged, or in the form for comparisons.
    spellings = sorted({spelling for name in names for spelling in (name, fold_name(name))})
    for table in dict.fromkeys(column.table for column in columns.named_by):
        yield table, or_(*(column.in_(spellings) for column in columns.named_by if column.table is table))
