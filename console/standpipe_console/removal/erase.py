"""`erase`: removes one person from ChartMogul and from all local files, and prevents the person's return.

Intercom and Chargebee are the sources, and the user has to erase the person there.

https://dev.chartmogul.com/reference/contacts, https://dev.chartmogul.com/reference/customers
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from standpipe_console._kit.block_list import fold_name
from standpipe_console.api.vendors import connect_chartmogul, fetch_entries, fetch_sources
from standpipe_console.errors import ConsoleError
from standpipe_console.history import open_history
from standpipe_console.history.settings import find_journals
from standpipe_console.live.settings import open_inbox
from standpipe_console.project.pipelines import LEADS
from standpipe_console.project.stores import block_person, erase_person, find_person, find_store_dir
from standpipe_console.removal.report_lines import mentions_person, remove_lines
from standpipe_console.removal.unlink import find_report_folders, find_unregistered_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from standpipe_console.api.client import Api
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

WHAT_STAYS = "Nothing was changed in Intercom and Chargebee: erase the person there too."


@dataclass
class StoredPerson:
    """What the stores contain about a person."""

    names: set[str]  #: ids and e-mail addresses
    sent_as: set[str] = field(default_factory=set)  #: external ids in ChartMogul
    stores: dict[str, set[str]] = field(default_factory=dict)  #: stores that name the person, by map


@dataclass(frozen=True)
class Trace:
    """Everything found about a person."""

    stored: StoredPerson
    aliases: frozenset[str]  #: ids of the person in Intercom and ChartMogul that only the history knows
    records: int  #: records of the history that are about the person
    reports: tuple[Path, ...]  #: files of the targets that name the person
    logs: tuple[Path, ...]  #: logs and journals that name the person
    contacts: tuple[str, ...]  #: uuids of contacts in ChartMogul
    customers: tuple[str, ...]  #: uuids of the leads' customers in ChartMogul with an address of the person
    foreign_customers: int  #: the number of customers of other data sources with one

    def describe(self) -> Iterator[str]:
        """Yield what would be removed, without repeating any name of the person."""
        stores = sorted({Path(path).name for paths in self.stored.stores.values() for path in paths})
        yield f"contacts in ChartMogul: {len(self.contacts)}"
        yield (
            f"customers in ChartMogul that show the address: {len(self.customers)}, "
            f"and {self.foreign_customers} of other data sources"
        )
        yield f"stores: {', '.join(stores) or 'none'}"
        yield f"reports: {', '.join(path.name for path in self.reports) or 'none'}"
        yield f"history: {self.records} records"
        yield f"logs: {len(self.logs)}"

    @property
    def folded_names(self) -> set[str]:
        """Every name of the person, in the form for comparisons."""
        return {fold_name(name) for name in (*self.stored.names, *self.stored.sent_as, *self.aliases)}


def find_trace(project: Project, person: str) -> Trace:
    """Search for a person, by an e-mail address or an id, in every store, every report and ChartMogul.

    Raises:
        ConsoleError: the name is empty, or ChartMogul refuses.
    """
    if not person.strip():
        raise ConsoleError("Name the person to erase: an e-mail address or an id.")
    stored = _find_in_stores(project, person.strip())
    with open_history(project) as history:
        records = history.list_person({*stored.names, *stored.sent_as})
    # A company of ChartMogul may show the address of a person: its own ids are not the person's.
    people = [one for one in records if one.stream == "contacts"]
    aliases = frozenset({name for one in people for name in (one.record_id, one.remote_id, one.email) if name})
    customers, foreign_customers = _find_customers(project, stored.names)
    trace = Trace(
        stored,
        aliases,
        len(records),
        reports=(),
        logs=(),
        contacts=tuple(_find_contacts(project, stored)),
        customers=customers,
        foreign_customers=foreign_customers,
    )
    reports = {path for pipeline in project.pipelines for path in _list_report_files(project, pipeline)}
    return replace(
        trace,
        reports=tuple(path for path in sorted(reports) if mentions_person(path, trace.folded_names)),
        logs=tuple(path for path in _list_logs(project) if mentions_person(path, trace.folded_names)),
    )


def erase(project: Project, trace: Trace) -> Iterator[str]:
    """Remove a person, and yield a line for each step.

    Raises:
        ConsoleError: ChartMogul refuses, or a run is using a store. Another call then removes the rest.
    """
    # The block list comes first, so that no run meanwhile brings the person back.
    for pipeline in project.pipelines:
        block_person(project, pipeline, trace.stored.names)
    yield "Noted as hashes in the block list, so that no run adds the person again."
    if trace.contacts:
        api = _connect_chartmogul(project)
        for uuid in trace.contacts:
            response = api.call("DELETE", f"/contacts/{uuid}")
            if not response.ok and response.status != HTTPStatus.NOT_FOUND:
                raise ConsoleError(f"ChartMogul does not delete a contact: {response.reason}")
    yield f"Deleted {len(trace.contacts)} contacts in ChartMogul."
    yield from _clear_customers(project, trace)
    with open_history(project) as history:
        # It loads the journals first, so that none brings the person back.
        removed = history.erase({*trace.stored.names, *trace.stored.sent_as, *trace.aliases})
    yield f"Deleted {removed} rows of the history."
    yield f"Deleted {_erase_waiting(project, trace)} waiting ids of live."
    for path in (*trace.reports, *trace.logs):
        if path.exists():
            remove_lines(path, trace.folded_names)
    yield f"Removed the person from {len(trace.reports)} reports and {len(trace.logs)} logs."
    stores = trace.stored.stores
    maps = [pipeline for pipeline in project.pipelines if stores.get(pipeline.map)]
    rows = sum(erase_person(project, pipeline, trace.stored.names) for pipeline in maps)
    yield f"Deleted {rows} rows of {sum(len(paths) for paths in stores.values())} stores."
    for name in project.other_environments:
        yield f"The environment {name} has a history and reports of its own: erase the person there too."
    yield WHAT_STAYS


def _find_in_stores(project: Project, person: str) -> StoredPerson:
    """Return all ids and addresses of a person, and of everybody with the same address."""
    stored = StoredPerson({person})
    # One map's name may lead to more names in another map, so this repeats until every map has all of them.
    seen: dict[str, int] = {}
    while waiting := [one for one in project.pipelines if seen.get(one.map) != len(stored.names)]:
        pipeline = waiting[0]
        found = find_person(project, pipeline, stored.names)
        stored.names |= set(found.names)
        stored.sent_as |= set(found.sent_as)
        stored.stores[pipeline.map] = {one.path for one in found.stores}
        seen[pipeline.map] = len(stored.names)
    return stored


def _list_report_files(project: Project, pipeline: Pipeline) -> Iterator[Path]:
    for own in find_report_folders(project, pipeline):
        yield from own.list_files()
    for folder in find_unregistered_folders(project, pipeline):
        yield from (path for path in folder.rglob("*") if path.suffix in {".csv", ".jsonl", ".json", ".html"})
    # The summaries of the map's runs name odd records.
    yield from find_store_dir(project, pipeline).glob("*.summary.json")


def _list_logs(project: Project) -> Iterator[Path]:
    """Yield the logs of runs, the console's and Meltano's, and journals that could not be loaded."""
    yield from sorted((project.root / "logs").rglob("*.log"))
    yield from sorted((project.system_dir / "logs").rglob("*.log"))
    yield from sorted(find_journals(project).rglob("*.jsonl*"))


def _erase_waiting(project: Project, trace: Trace) -> int:
    """Delete the person from live's inbox, and return the number of ids that waited."""
    with open_inbox(project) as inbox:
        return inbox.erase({*trace.stored.names, *trace.aliases}) if inbox else 0


def _list_addresses(names: Iterable[str]) -> list[str]:
    """Return the addresses unchanged and in the form for comparisons, as ChartMogul may compare exactly."""
    return sorted({spelling for name in names if "@" in name for spelling in (name, fold_name(name))})


def _connect_chartmogul(project: Project) -> Api:
    return connect_chartmogul(project.get_settings(LEADS.target), project.get_facts(LEADS.target))


def _clear_customers(project: Project, trace: Trace) -> Iterator[str]:
    """Remove the address from customers, as a run keeps an address when it has no other one."""
    cleared = 0
    for uuid in trace.customers:
        response = _connect_chartmogul(project).call("PATCH", f"/customers/{uuid}", {"email": ""})
        cleared += response.ok and not response.body.get("email")
    yield f"Removed the address from {cleared} customers in ChartMogul."
    if cleared < len(trace.customers):
        kept = len(trace.customers) - cleared
        yield f"ChartMogul kept the address on {kept} customers: remove it there by hand."
    if trace.foreign_customers:
        yield (
            f"{trace.foreign_customers} customers of other data sources in ChartMogul show the address: remove it in "
            "those sources."
        )


def _find_customers(project: Project, names: Iterable[str]) -> tuple[tuple[str, ...], int]:
    """Return the uuids of the leads' own customers with one of the addresses, and the number of the others.

    Raises:
        ConsoleError: ChartMogul refuses.
    """
    if LEADS not in project.ready_pipelines:
        return (), 0
    api = _connect_chartmogul(project)
    name = project.get_effective_settings(LEADS.target)["data_source_name"]
    own_sources = {source.uuid for source in fetch_sources(api, name=name) if source.name == name}
    sources_by_customer = {
        entry["uuid"]: set(entry.get("data_source_uuids") or [entry.get("data_source_uuid")])
        for address in _list_addresses(names)
        for entry in fetch_entries(api, "/customers/search", email=address)
        if fold_name(str(entry.get("email") or "")) == fold_name(address)
    }
    # A customer that was merged with another source's customer belongs to that source too.
    own = tuple(uuid for uuid, sources in sources_by_customer.items() if sources <= own_sources)
    return own, len(sources_by_customer) - len(own)


def _find_contacts(project: Project, stored: StoredPerson) -> Iterator[str]:
    """Yield each uuid of the contacts with one of the addresses or external ids once.

    Raises:
        ConsoleError: ChartMogul refuses.
    """
    if LEADS not in project.ready_pipelines:
        return
    api, yielded = _connect_chartmogul(project), set[str]()
    queries = [("email", address) for address in _list_addresses(stored.names)]
    queries += [("external_id", one) for one in sorted(stored.sent_as)]
    for name, value in queries:
        for entry in fetch_entries(api, "/contacts", **{name: value}):
            # ChartMogul may ignore a filter, so every entry is checked.
            if fold_name(str(entry.get(name) or "")) == fold_name(value) and entry["uuid"] not in yielded:
                yielded.add(entry["uuid"])
                yield entry["uuid"]
