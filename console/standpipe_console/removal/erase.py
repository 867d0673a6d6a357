"""`erase`: one person out of ChartMogul and of everything that Standpipe keeps; Intercom and Chargebee are not ours.

https://dev.chartmogul.com/reference/contacts, https://dev.chartmogul.com/reference/customers
"""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from standpipe_console._kit.block_list import FILE, BlockList, fold_name
from standpipe_console.api.vendors import APIS, find_entries, find_sources
from standpipe_console.checks.rules import effective
from standpipe_console.errors import ConsoleError
from standpipe_console.project import stores
from standpipe_console.project.pipelines import LEADS
from standpipe_console.removal import unlink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from standpipe_console.api.vendors import Api
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

# By the table of a store that has people: what the columns of theirs are.
PEOPLE = {"contacts": "SELECT id, body FROM contacts", "customers": "SELECT id, body FROM customers"}
# The columns that name a person, by table. An id of a company may be that of a customer, and companies are no people.
COLUMNS = {
    "contacts": ("id",),
    "links": ("contact_id",),
    "sent_contacts": ("contact_id",),
    "customers": ("id", "match"),
    "subscriptions": ("customer_id",),
    "invoices": ("customer_id",),
    "ended": ("id",),
    "left_matches": ("match",),
}
STAYS = (
    "In Intercom and Chargebee nothing was changed: erase the person there too. Meltano's logs, which name ids, "
    "stay until you delete them."
)


@dataclass(frozen=True)
class Trace:
    """What is known of a person."""

    names: frozenset[str]  #: ids and e-mail addresses
    contacts: frozenset[str]  #: external ids in ChartMogul
    stores: tuple[Path, ...]  #: stores that name the person
    reports: tuple[Path, ...]  #: reports and memories of the targets that do
    remote: tuple[str, ...]  #: uuids of contacts in ChartMogul
    customers: tuple[str, ...]  #: uuids of the leads' customers in ChartMogul that show an address of the person's
    foreign: int  #: how many customers of other data sources do

    def lines(self) -> Iterator[str]:
        """Say what would go; no name of the person's is repeated."""
        yield f"contacts in ChartMogul: {len(self.remote)}"
        yield (
            f"customers in ChartMogul that show the address: {len(self.customers)}, and {self.foreign} of other data "
            "sources"
        )
        yield f"stores: {', '.join(path.name for path in self.stores) or 'none'}"
        yield f"reports: {', '.join(path.name for path in self.reports) or 'none'}"


def find_trace(project: Project, person: str) -> Trace:
    """Look for a person, by an e-mail address or an id, in every store, every report and ChartMogul.

    Raises:
        ConsoleError: nobody is named, or ChartMogul refuses.
    """
    if not person.strip():
        raise ConsoleError("Name the person to erase: an e-mail address or an id.")
    files = [path for pipeline in project.pipelines for path in stores.store_files(project, pipeline)]
    databases = sorted({path for path in files if path.suffix == ".sqlite"})
    names = _close(databases, {person.strip()})
    contacts = frozenset(one for path in databases for one in _sent_as(path, names))
    reports = {path for pipeline in project.pipelines for path in _report_files(project, pipeline)}
    own, foreign = _find_customers(project, names)
    return Trace(
        names=frozenset(names),
        contacts=contacts,
        stores=tuple(path for path in databases if _holds(path, names)),
        reports=tuple(sorted(path for path in reports if _mentions(path, _fold({*names, *contacts})))),
        remote=tuple(_find_remote(project, names, contacts)),
        customers=own,
        foreign=foreign,
    )


def erase(project: Project, trace: Trace) -> Iterator[str]:
    """Remove a person, and say what was done; the block list comes first, so that no run between brings them back.

    Raises:
        ConsoleError: ChartMogul refuses, or a run is using a store; asked again, the rest is done.
    """
    for folder in sorted({stores.store_dir(project, pipeline) for pipeline in project.pipelines}):
        try:
            BlockList(folder).add(trace.names)
        except (ValueError, OSError) as error:
            raise ConsoleError(f"The block list of {folder} cannot be written: {error}") from None
    yield f"Noted as hashes in {FILE}, so that no run brings the person back."
    if trace.remote:
        api = _chartmogul(project)
        for uuid in trace.remote:
            answer = api.ask("DELETE", f"/contacts/{uuid}")
            if not answer.ok and answer.status != HTTPStatus.NOT_FOUND:
                raise ConsoleError(f"ChartMogul does not delete a contact: {answer.reason}")
    yield f"Deleted {len(trace.remote)} contacts in ChartMogul."
    yield from _clear_customers(project, trace)
    for path in trace.reports:
        _rewrite(path, _fold({*trace.names, *trace.contacts}))
    yield f"Removed the person from {len(trace.reports)} reports."
    rows = sum(_delete_rows(path, trace.names) for path in trace.stores)
    yield f"Deleted {rows} rows of {len(trace.stores)} stores."
    yield STAYS


def _close(databases: Iterable[Path], names: set[str]) -> set[str]:
    """Return all ids and e-mail addresses of those who have one of these names, and of those who share an address."""
    people = [one for path in databases for one in _people(path)]
    while True:
        folded = _fold(names)
        found = {name for person in people if any(fold_name(one) in folded for one in person) for name in person}
        if found <= names:
            return names
        names = names | found


def _people(path: Path) -> Iterator[set[str]]:
    store = stores.Store(path)
    for table, query in PEOPLE.items():
        if store.has(table):
            for row in store.rows(query):
                email = json.loads(row["body"]).get("email")
                yield {row["id"], *([email.strip()] if isinstance(email, str) and email.strip() else [])}


def _sent_as(path: Path, names: set[str]) -> Iterator[str]:
    store = stores.Store(path)
    if not store.has("sent_contacts"):
        return
    columns = {row["name"] for row in store.rows("SELECT name FROM pragma_table_info('sent_contacts')")}
    wanted = [name for name in ("external_id", "previous") if name in columns]
    for row in store.rows(f"SELECT contact_id, {', '.join(wanted)} FROM sent_contacts"):  # noqa: S608 fixed names
        if row["contact_id"] in names:
            yield from (row[name] for name in wanted if row[name])


def _columns(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Yield the tables of a store that have people, each with a column that names one."""
    for table, columns in COLUMNS.items():
        known = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}
        yield from ((table, column) for column in columns if column in known)


def _holds(path: Path, names: Iterable[str]) -> bool:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)) as connection:
        counts = (_match(connection, "SELECT count(*)", table, column, names) for table, column in _columns(connection))
        return any(cursor.fetchone()[0] for cursors in counts for cursor in cursors)


def _match(
    connection: sqlite3.Connection, verb: str, table: str, column: str, names: Iterable[str]
) -> list[sqlite3.Cursor]:
    """Count, or delete, the rows whose column is one of these names."""
    statement = f"{verb} FROM {table} WHERE {column} IN (?, ?)"  # fixed names
    return [connection.execute(statement, (name, fold_name(name))) for name in names]


def _delete_rows(path: Path, names: Iterable[str]) -> int:
    """Delete a person's rows, and what the file still holds of them.

    Raises:
        ConsoleError: a run is using the store.
    """
    try:
        with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("BEGIN EXCLUSIVE")
            cursors = [_match(connection, "DELETE", table, column, names) for table, column in _columns(connection)]
            rows = sum(cursor.rowcount for found in cursors for cursor in found)
            connection.execute("COMMIT")
            connection.execute("VACUUM")
            return rows
    except sqlite3.Error as error:
        raise ConsoleError(
            f"The store {path.name} cannot be changed ({error}): ask again when no run uses it."
        ) from None


def _report_files(project: Project, pipeline: Pipeline) -> Iterator[Path]:
    for written in unlink.written_folders(project, pipeline):
        yield from written.files()
    for folder in unlink.unknown_folders(project, pipeline):
        yield from (path for path in folder.iterdir() if path.suffix in {".csv", ".jsonl", ".json", ".html"})


def _fold(names: Iterable[str]) -> set[str]:
    return {fold_name(name) for name in names}


def _mentions(path: Path, names: Iterable[str]) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".csv":
        return any(_is_named(cell, names) for row in csv.reader(io.StringIO(text, newline="")) for cell in row)
    if path.suffix == ".jsonl":
        return any(_is_line_of(line, names) for line in text.splitlines())
    return _is_named(text, [name for name in names if "@" in name])


def _is_named(text: str, names: Iterable[str]) -> bool:
    """Say whether a text is one of the folded names, or has one of the addresses in it: an id may be part of others."""
    folded = fold_name(text)
    return any(name == folded or ("@" in name and name in folded and _has_address(folded, name)) for name in names)


def _has_address(text: str, address: str) -> bool:
    """Say whether a text has an address in it that is not a part of a longer one."""
    return re.search(rf"(?<![\w.+-]){re.escape(address)}(?![\w-]|\.\w)", text) is not None


def _is_line_of(line: str, names: Iterable[str]) -> bool:
    try:
        return any(_is_named(text, names) for text in _walk(json.loads(line)))
    except ValueError:
        return _is_named(line, names)


def _walk(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _walk(part)


def _rewrite(path: Path, names: Iterable[str]) -> None:
    """Take the lines out that name the person; a page or a summary that does goes whole, the next run makes another."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".csv":
        kept = io.StringIO(newline="")
        rows = csv.reader(io.StringIO(text, newline=""))
        csv.writer(kept).writerows(row for row in rows if not any(_is_named(cell, names) for cell in row))
        path.write_text(kept.getvalue(), encoding="utf-8", newline="")
    elif path.suffix == ".jsonl":
        lines = [line for line in text.splitlines(keepends=True) if not _is_line_of(line, names)]
        path.write_text("".join(lines), encoding="utf-8")
    else:
        path.unlink()


def _chartmogul(project: Project) -> Api:
    return APIS["chartmogul"](project.settings(LEADS.target))


def _clear_customers(project: Project, trace: Trace) -> Iterator[str]:
    """Take the address from customers: a run leaves an address alone when there is no other to write."""
    showing = trace.foreign
    for uuid in trace.customers:
        answer = _chartmogul(project).ask("PATCH", f"/customers/{uuid}", {"email": ""})
        showing += not answer.ok or bool(answer.body.get("email"))
    cleared = len(trace.customers) + trace.foreign - showing
    yield f"Removed the address from {cleared} customers in ChartMogul."
    if cleared < len(trace.customers):
        yield f"ChartMogul kept the address on {len(trace.customers) - cleared} customers: take it out there by hand."
    if trace.foreign:
        yield (
            f"{trace.foreign} customers of other data sources in ChartMogul show the address: take it out in those "
            "sources."
        )


def _find_customers(project: Project, names: set[str]) -> tuple[tuple[str, ...], int]:
    """Return the uuids of the leads' own customers that show one of the addresses, and how many others do.

    Raises:
        ConsoleError: ChartMogul refuses.
    """
    if LEADS not in project.linked:
        return (), 0
    api, name = _chartmogul(project), effective(LEADS.target, project.settings(LEADS.target), "data_source_name")
    sources = find_sources(api, name)
    owners = {
        entry["uuid"]: entry.get("data_source_uuids") or [entry.get("data_source_uuid")]
        for address in _addresses(names)
        for entry in find_entries(api, "/customers/search", email=address)
        if fold_name(str(entry.get("email") or "")) == fold_name(address)
    }
    own = tuple(uuid for uuid, places in owners.items() if set(places) <= set(sources))
    return own, len(owners) - len(own)


def _addresses(names: Iterable[str]) -> list[str]:
    return sorted({spelt for name in names if "@" in name for spelt in (name, fold_name(name))})


def _find_remote(project: Project, names: set[str], contacts: frozenset[str]) -> Iterator[str]:
    """Yield the uuids of the contacts that have one of the addresses, or one of the external ids, each once.

    Raises:
        ConsoleError: ChartMogul refuses.
    """
    if LEADS not in project.linked:
        return
    api, seen = _chartmogul(project), set[str]()
    queries = [("email", name) for name in _addresses(names)]
    for field, value in [*queries, *(("external_id", one) for one in sorted(contacts))]:
        for entry in find_entries(api, "/contacts", **{field: value}):
            # An account that does not know a filter ignores it.
            if fold_name(str(entry.get(field) or "")) == fold_name(value) and entry["uuid"] not in seen:
                seen.add(entry["uuid"])
                yield entry["uuid"]
