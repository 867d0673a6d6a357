"""Commands on what was imported: `review`, `sources`, `unmerge`, `delete-source`.

https://help.chartmogul.com/hc/en-us/articles/203299462
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigurationError
from singer_sdk.plugin_base import _ConfigInput

from target_chartmogul._kit.csv_files import CsvWriter
from target_chartmogul._kit.errors import UserError, explain_errors
from target_chartmogul._kit.plugin import config_file
from target_chartmogul._kit.private_files import make_folder, open_private
from target_chartmogul.api import sources
from target_chartmogul.api.client import client_for
from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.merge.merge_log import MergeLog
from target_chartmogul.merge.unmerger import Unmerger
from target_chartmogul.records.object_types import CONTACT, CUSTOMER
from target_chartmogul.records.payloads import external_ids
from target_chartmogul.reporting.files import OWN_FILES, REVIEW_CONTACTS, REVIEW_CUSTOMERS
from target_chartmogul.target import TargetChartmogul

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.merge.unmerger import Merged
    from target_chartmogul.settings import Settings

_SHOWN = 20  # lines of a table on the terminal
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
_MERGED = ("external_id", "into", "name", "matched_by", "merged_at", "uuid")
_HISTORY = ("name", "email", "company", "website_url", "lead_created_at", "free_trial_started_at")

_DELETED = """{} is deleted. Its name becomes free when ChartMogul has removed everything.
To fill it again, send everything once: meltano run resync-leads. A run may bring only what changed."""

_UNMERGED = """{} customers are taken apart, and are not merged again by this target.
To write to them what ChartMogul has left with billing's customers: meltano run resync-leads."""


class Administration:
    """The commands, over one account.

    Args:
        client: the connection.
        settings: the target's settings.
        source: the name of the data source; the one in `data_source_name` if not given.
    """

    def __init__(self, client: ChartMogulClient, settings: Settings, source: str | None = None) -> None:
        self._client, self._settings = client, settings
        self._name = source or settings.data_source_name

    def sources(self) -> None:
        """List all data sources, with how far their imports are."""
        rows = [_source_row(one) for one in self._client.sources(processing=True)]
        _print(_SOURCE, rows, most=len(rows))

    def review(self, *, last_change: bool = False) -> None:
        """List what was imported: all of it as CSV, the beginning and the figures on the terminal.

        Args:
            last_change: ask for every customer when it was last changed, which costs a call for each.
        """
        uuid = self._found()["uuid"]
        contacts = [one for page in self._client.listed(CONTACT, uuid) for one in page]
        people = Counter(one.get("customer_uuid") for one in contacts)
        customers = [one for page in self._client.listed(CUSTOMER, uuid) for one in page]
        dates = (self._last_change(one) if last_change else "" for one in customers)
        rows = [_customer_row(one, uuid, people, when) for one, when in zip(customers, dates, strict=True)]
        _print(_CUSTOMER, rows)
        _print(("status", "customers"), Counter(row[2] for row in rows).most_common())
        print(f"\n{self._name}: customers: {len(customers)}, contacts: {len(contacts)}")  # noqa: T201 - a command
        make_folder(self._settings.report_dir, "report_dir", OWN_FILES["report_dir"])
        _write(self._settings.report_dir / REVIEW_CUSTOMERS, _CUSTOMER, rows)
        _write(self._settings.report_dir / REVIEW_CONTACTS, _CONTACT, map(_contact_row, contacts))

    def delete_source(self, *, confirmed: bool) -> None:
        """Delete a data source, once somebody has read what will be lost and typed its name.

        Raises:
            ConfigurationError: there is no such source, it is an integration's, or nobody has confirmed.
        """
        source = self._found()
        print(self._losses(source["uuid"]))  # noqa: T201 - a command
        if not confirmed and _typed("Type the name of the data source to delete it:") != self._name:
            raise ConfigurationError("That is not its name: nothing was deleted.")
        self._client.delete_source(source["uuid"])
        print(_DELETED.format(self._name))  # noqa: T201 - a command

    def unmerge(self, external_ids: Sequence[str], *, confirmed: bool) -> None:
        """Take apart what this target has merged, once somebody has read what that is and agreed.

        Args:
            external_ids: of the leads; all that were merged if empty.
            confirmed: do not ask.

        Raises:
            ConfigurationError: nobody has agreed.
        """
        unmerger = Unmerger(self._client, MergeLog(self._settings.memory_dir))
        found = list(unmerger.find(external_ids))
        if not found:
            print("There is nothing to take apart: none of these merges stands.")  # noqa: T201 - a command
            return
        _print(_MERGED, [_merged_row(one) for one in found], most=len(found))
        if not confirmed and _typed(f"Type {len(found)} to take as many customers apart:") != str(len(found)):
            raise ConfigurationError("Nothing was taken apart.")
        done = [unmerger.take_apart(one) for one in found]
        print(_UNMERGED.format(sum(done)))  # noqa: T201 - a command
        if not all(done):
            print(f"ChartMogul is still at work on {len(done) - sum(done)} of them.")  # noqa: T201 - a command

    def _found(self) -> Mapping[str, Any]:
        found = self._client.sources()
        source = sources.named(found, self._name)
        if source is None:
            names = ", ".join(sorted(str(one.get("name")) for one in found)) or "none"
            raise ConfigurationError(f"ChartMogul has no data source named `{self._name}`: there is {names}.")
        sources.own(found, self._name)
        return source

    def _losses(self, uuid: str) -> str:
        """Say what goes with a data source."""
        customers = [one for page in self._client.listed(CUSTOMER, uuid) for one in page]
        contacts = sum(len(page) for page in self._client.listed(CONTACT, uuid))
        shared = sum(set(one.get("data_source_uuids") or ()) != {uuid} for one in customers)
        return (
            f"Deleting {self._name} removes at once and for good:\n"
            "  customers with their attributes, tags, MRR adjustments and connected subscriptions: "
            f"{len(customers) - shared}\n"
            f"  contacts: {contacts}\n"
            f"  what came with it on customers that are merged with another source's, whose data stays: {shared}"
        )

    def _last_change(self, entry: Mapping[str, Any]) -> str:
        """Give when a field of a customer was last changed."""
        held = self._client.customer(entry["uuid"], _HISTORY).get("historical_values") or {}
        return max((str(one.get("update_performed_at") or "") for past in held.values() for one in past), default="")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; a user's mistake ends in one sentence."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command == "delete-source" and given.yes and not given.name:
        parser.error("--yes needs --name: the name of the data source is the confirmation")
    try:
        with explain_errors():
            with config_file():
                config = _ConfigInput.from_cli_args(*filter(None, [given.config])).config
            settings = TargetChartmogul(config=config, parse_env_config=True).settings
            _run(Administration(client_for(settings), settings, given.name), given)
    except UserError as refusal:
        sys.exit(refusal.message)
    except RecordRefusedError as error:
        sys.exit(f"ChartMogul refused: {error.reason}")


def _run(administration: Administration, given: argparse.Namespace) -> None:
    if given.command == "sources":
        administration.sources()
    elif given.command == "review":
        administration.review(last_change=given.last_change)
    elif given.command == "unmerge":
        administration.unmerge(given.external_ids, confirmed=given.yes)
    else:
        administration.delete_source(confirmed=given.yes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("target-chartmogul-admin", description="What was imported into ChartMogul.")
    parser.add_argument("--config", help="a JSON file of settings; TARGET_CHARTMOGUL_API_KEY and so on are read too")
    parser.set_defaults(name=None, yes=False, last_change=False)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("sources", help="list all data sources")
    review = commands.add_parser("review", help="list the customers and contacts of a data source")
    delete = commands.add_parser("delete-source", help="delete a data source with all that came with it")
    for command in (review, delete):
        command.add_argument("--name", help="the data source; the one in `data_source_name` if not given")
    review.add_argument("--last-change", action="store_true", help="ask for each customer when it last changed")
    unmerge = commands.add_parser("unmerge", help="take apart customers that this target has merged")
    unmerge.add_argument("external_ids", nargs="*", help="of the leads; all that were merged if none is given")
    unmerge.add_argument("--yes", action="store_true", help="do not ask")
    delete.add_argument("--yes", action="store_true", help="do not ask; needs --name")
    return parser


def _typed(question: str) -> str:
    """Ask; without anybody there to answer the answer is empty.

    The question is a line of its own on standard output, so that it is seen where output is passed on line by line.
    """
    print(question, flush=True)  # noqa: T201 - a command
    return sys.stdin.readline().rstrip("\r\n")


def _source_row(one: Mapping[str, Any]) -> tuple[Any, ...]:
    imported = one.get("processing_status") or {}
    return tuple(one.get(name, imported.get(name, "")) for name in _SOURCE)


def _merged_row(one: Merged) -> tuple[Any, ...]:
    merge = one.entry.merge
    return (" ".join(merge.external_ids), " ".join(merge.into), one.name, merge.key, one.entry.at, one.uuid)


def _customer_row(one: Mapping[str, Any], source: str, people: Mapping[Any, int], when: str) -> tuple[Any, ...]:
    attributes = one.get("attributes") or {}
    return (
        " ".join(external_ids(one, source)),
        one.get("name"),
        one.get("status"),
        one.get("lead_created_at") or "",
        people[one["uuid"]],
        _attributes(attributes.get("custom"), attributes.get("tags")),
        len(one.get("data_source_uuids") or ()),
        when,
        one["uuid"],
    )


def _contact_row(one: Mapping[str, Any]) -> tuple[Any, ...]:
    told = {**one, "attributes": _attributes(one.get("custom"), ())}
    return tuple(told.get(name) or "" for name in _CONTACT)


def _attributes(custom: Mapping[str, Any] | None, tags: Iterable[str] | None) -> str:
    pairs = [f"{key}={value}" for key, value in sorted((custom or {}).items()) if value is not None]
    return "; ".join([*pairs, *(f"#{tag}" for tag in tags or ())])


def _print(titles: Sequence[str], rows: Sequence[Sequence[Any]], most: int = _SHOWN) -> None:
    """Print the beginning of a table, and how much more there is."""
    for line in _lines(titles, rows[:most]):
        print(line)  # noqa: T201 - a command
    if len(rows) > most:
        print(f"... and {len(rows) - most} more")  # noqa: T201


def _lines(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    texts = [[str(value) for value in row] for row in (titles, *rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(titles))]
    for row in texts:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _write(path: Path, titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with open_private(path) as file:
        writer = CsvWriter(file)
        writer.writerow(titles)
        writer.writerows(rows)
    print(path)  # noqa: T201 - a command
