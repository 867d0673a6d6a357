"""The commands `review`, `sources`, `unmerge` and `delete-source`.

https://help.chartmogul.com/hc/en-us/articles/203299462
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from singer_sdk.exceptions import ConfigurationError
from singer_sdk.plugin_base import _ConfigInput

from target_chartmogul._kit.csv_files import CsvWriter
from target_chartmogul._kit.errors import UserError, explain_errors
from target_chartmogul._kit.plugin import explain_config_file_errors
from target_chartmogul._kit.private_files import make_folder, open_private
from target_chartmogul._kit.target_run import open_command_journal
from target_chartmogul.api.client import create_client
from target_chartmogul.api.sources import find_source, find_writable_source
from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.merge.merge_log import MergeLog
from target_chartmogul.merge.unmerger import Unmerger, settle_refusal
from target_chartmogul.records.object_types import CONTACT, CUSTOMER, SOURCES
from target_chartmogul.reporting.files import OWN_FILES, REVIEW_CONTACTS, REVIEW_CUSTOMERS
from target_chartmogul.target import TargetChartmogul

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from target_chartmogul._kit.journal import JournalWriter
    from target_chartmogul._kit.json_types import JsonObject, JsonValue
    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.api.shapes import DataSource
    from target_chartmogul.merge.unmerger import ActiveMerge
    from target_chartmogul.records.remote import RemoteContact, RemoteCustomer
    from target_chartmogul.settings import Settings

    Row = Sequence[JsonValue]

_SHOWN = 20  # rows of a table on the terminal
_SOURCE = ("name", "system", "status", "processed", "failed", "pending", "created_at", "uuid")
_CUSTOMER = (
    "external_id",
    "name",
    "status",
    "lead_created_at",
    "contacts",
    "attributes",
    "sources",
    "last_change",
    "uuid",
)
_CONTACT = ("external_id", "customer_external_id", "first_name", "last_name", "email", "attributes", "uuid")
_MERGE = ("external_id", "into", "name", "matched_by", "merged_at", "uuid")
_HISTORY = ("name", "email", "company", "website_url", "lead_created_at", "free_trial_started_at")

_DELETED = """{} is deleted. Its name becomes free when ChartMogul has removed everything.
To fill it again, send everything once: meltano run resync-leads. A run may bring only what changed."""

_UNMERGED = """{} customers are unmerged; this target will not merge them again.
To restore the values that stayed with the billing system's customers: meltano run resync-leads."""


class Administration:
    """The commands for one account.

    Args:
        client: the connection.
        settings: the target's settings.
        source: the name of the data source; by default the one in `data_source_name`.
    """

    def __init__(self, client: ChartMogulClient, settings: Settings, source: str | None = None) -> None:
        self._client, self._settings = client, settings
        self._name = source or settings.data_source_name

    def list_sources(self) -> None:
        """Print all data sources with the progress of their imports."""
        rows = []
        for source in self._client.list_sources(with_progress=True):
            figures = {**(source.processing_status or {}), **msgspec.structs.asdict(source)}
            rows.append(tuple("" if (value := figures.get(name, "")) is None else value for name in _SOURCE))
        _print_table(_SOURCE, rows, limit=len(rows))

    def review_source(self, *, last_change: bool = False) -> None:
        """List the imported data: all of it as CSV, the first rows and the figures on the terminal.

        Args:
            last_change: show when every customer last changed, at one call each.
        """
        uuid = self._find_source().uuid
        contacts = list(self._client.read_all(CONTACT, uuid))
        people = Counter(one.customer_uuid for one in contacts)
        customers = list(self._client.read_all(CUSTOMER, uuid))
        rows = [
            _build_customer_row(one, uuid, people[one.uuid], self._find_last_change(one) if last_change else "")
            for one in customers
        ]
        _print_table(_CUSTOMER, rows)
        _print_table(("status", "customers"), Counter(row[2] for row in rows).most_common())
        print(f"\n{self._name}: customers: {len(customers)}, contacts: {len(contacts)}")  # noqa: T201 - a command
        make_folder(self._settings.report_dir, "report_dir", OWN_FILES["report_dir"])
        _write_csv(self._settings.report_dir / REVIEW_CUSTOMERS, _CUSTOMER, rows)
        _write_csv(self._settings.report_dir / REVIEW_CONTACTS, _CONTACT, map(_build_contact_row, contacts))

    def delete_source(self, *, confirmed: bool) -> None:
        """Delete a data source after the user has read what will be lost and typed its name.

        Raises:
            ConfigurationError: the source does not exist, it belongs to an integration, or the user has not confirmed.
        """
        uuid = self._find_source().uuid
        print(self._describe_losses(uuid))  # noqa: T201 - a command
        if not confirmed and _ask("Type the name of the data source to delete it:") != self._name:
            raise ConfigurationError("That is not its name: nothing was deleted.")
        with self._open_journal("delete-source") as journal:
            entry = journal.begin_write(SOURCES, self._name, "delete")
            entry.announce(uuid, {})
            with settle_refusal(entry, uuid):
                self._client.delete_source(uuid)
            entry.settle("deleted", remote_id=uuid)
        print(_DELETED.format(self._name))  # noqa: T201 - a command

    def unmerge_customers(self, external_ids: Sequence[str], *, confirmed: bool) -> None:
        """Undo merges of this target after the user has read the list and agreed.

        Args:
            external_ids: the leads' external ids; all merged leads if empty.
            confirmed: do not ask.

        Raises:
            ConfigurationError: the user has not agreed.
        """
        unmerger = Unmerger(self._client, MergeLog(self._settings.memory_dir))
        merges = list(unmerger.find_merges(external_ids))
        if not merges:
            print("There is nothing to unmerge: no such customer is merged now.")  # noqa: T201 - a command
            return
        _print_table(_MERGE, [_build_merge_row(one) for one in merges], limit=len(merges))
        if not confirmed and _ask(f"Type {len(merges)} to unmerge this many customers:") != str(len(merges)):
            raise ConfigurationError("Nothing was unmerged.")
        with self._open_journal("unmerge") as journal:
            results = [unmerger.unmerge(one, journal) for one in merges]
        print(_UNMERGED.format(sum(results)))  # noqa: T201 - a command
        if not all(results):
            print(f"ChartMogul is still processing {results.count(False)} of them.")  # noqa: T201 - a command

    def _open_journal(self, command: str) -> AbstractContextManager[JournalWriter]:
        """Keep a journal and hold the lock of the target: no run writes beside a command that does."""
        make_folder(self._settings.memory_dir, "memory_dir", OWN_FILES["memory_dir"])
        return open_command_journal(self._settings, command)

    def _find_source(self) -> DataSource:
        sources = self._client.list_sources()
        if find_source(sources, self._name) and (source := find_writable_source(sources, self._name)):
            return source
        names = ", ".join(sorted(one.name for one in sources)) or "none"
        raise ConfigurationError(f"ChartMogul has no data source named `{self._name}`: there is {names}.")

    def _describe_losses(self, uuid: str) -> str:
        """Return what the deletion of a data source removes."""
        customers = list(self._client.read_all(CUSTOMER, uuid))
        contacts = sum(1 for _ in self._client.read_all(CONTACT, uuid))
        shared = sum(set(one.data_source_uuids or ()) != {uuid} for one in customers)
        return (
            f"Deleting {self._name} removes immediately and permanently:\n"
            "  customers with their attributes, tags, MRR adjustments and connected subscriptions: "
            f"{len(customers) - shared}\n"
            f"  contacts: {contacts}\n"
            f"  its part of customers that are merged with another source's customers, whose own data stays: {shared}"
        )

    def _find_last_change(self, customer: RemoteCustomer) -> str:
        """Return the time at which a field of a customer last changed."""
        history = self._client.read_customer(customer.uuid, _HISTORY).historical_values or {}
        return max((str(one.get("update_performed_at") or "") for past in history.values() for one in past), default="")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command. A user's mistake ends in one sentence."""
    parser = _create_parser()
    options = parser.parse_args(arguments)
    if options.command == "delete-source" and options.yes and not options.name:
        parser.error("--yes needs --name: the name of the data source is the confirmation")
    try:
        with explain_errors():
            with explain_config_file_errors():
                config = _ConfigInput.from_cli_args(*filter(None, [options.config])).config
            settings = TargetChartmogul(config=config, parse_env_config=True).settings
            administration = Administration(create_client(settings), settings, options.name)
            if options.command == "sources":
                administration.list_sources()
            elif options.command == "review":
                administration.review_source(last_change=options.last_change)
            elif options.command == "unmerge":
                administration.unmerge_customers(options.external_ids, confirmed=options.yes)
            else:
                administration.delete_source(confirmed=options.yes)
    except UserError as error:
        sys.exit(error.message)
    except RecordRefusedError as error:
        sys.exit(f"ChartMogul refused: {error.reason}")


def _create_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("target-chartmogul-admin", description="What was imported into ChartMogul.")
    parser.add_argument("--config", help="a JSON file of settings; TARGET_CHARTMOGUL_API_KEY and so on are read too")
    parser.set_defaults(name=None, yes=False, last_change=False)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("sources", help="list all data sources")
    review = commands.add_parser("review", help="list the customers and contacts of a data source")
    delete = commands.add_parser("delete-source", help="delete a data source with all that came with it")
    for command in (review, delete):
        command.add_argument("--name", help="the data source; the one in `data_source_name` if not given")
    review.add_argument(
        "--last-change", action="store_true", help="show when each customer last changed, at one call each"
    )
    unmerge = commands.add_parser("unmerge", help="undo merges that this target has made")
    unmerge.add_argument("external_ids", nargs="*", help="external ids of leads; by default all merged leads")
    unmerge.add_argument("--yes", action="store_true", help="do not ask")
    delete.add_argument("--yes", action="store_true", help="do not ask; needs --name")
    return parser


def _ask(question: str) -> str:
    """Return the answer to a question. It is empty without a terminal."""
    # The question is a complete line, as some runners pass output on line by line.
    print(question, flush=True)  # noqa: T201 - a command
    return sys.stdin.readline().rstrip("\r\n")


def _build_merge_row(one: ActiveMerge) -> Row:
    merge = one.entry.merge
    return (" ".join(merge.external_ids), " ".join(merge.into), one.name, merge.key, one.entry.at, one.uuid)


def _build_customer_row(one: RemoteCustomer, source: str, contacts: int, last_change: str) -> Row:
    return (
        " ".join(one.list_external_ids(source)),
        one.name,
        one.status,
        one.lead_created_at or "",
        contacts,
        _format_attributes(one.custom, one.tags),
        len(one.data_source_uuids or ()),
        last_change,
        one.uuid,
    )


def _build_contact_row(one: RemoteContact) -> Row:
    values = {**msgspec.structs.asdict(one), "attributes": _format_attributes(one.custom or {}, ())}
    return tuple(values[name] or "" for name in _CONTACT)


def _format_attributes(custom: JsonObject, tags: Iterable[str]) -> str:
    pairs = [f"{key}={value}" for key, value in sorted(custom.items()) if value is not None]
    return "; ".join([*pairs, *(f"#{tag}" for tag in tags)])


def _print_table(titles: Sequence[str], rows: Sequence[Row], limit: int = _SHOWN) -> None:
    """Print the first rows of a table, and the number of the others."""
    texts = [[str(value) for value in row] for row in (titles, *rows[:limit])]
    widths = [max(len(row[column]) for row in texts) for column in range(len(titles))]
    for row in texts:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())  # noqa: T201
    if len(rows) > limit:
        print(f"... and {len(rows) - limit} more")  # noqa: T201


def _write_csv(path: Path, titles: Sequence[str], rows: Iterable[Row]) -> None:
    with open_private(path) as file:
        writer = CsvWriter(file)
        writer.writerow(titles)
        writer.writerows(rows)
    print(path)  # noqa: T201 - a command
