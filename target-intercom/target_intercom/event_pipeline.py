"""The steps of the stream `events` in a run: read, find the contact, send once, report.

Events come last, as an event belongs to the contact that its customer was matched with in the same run.
"""

from __future__ import annotations

import time
from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

import msgspec
from singer_sdk.exceptions import ConfigurationError

from target_intercom._kit.dispatch import open_workers, run_all
from target_intercom._kit.journal import NOBODY
from target_intercom._kit.limits import RejectLimit
from target_intercom._kit.marker import SUBSET
from target_intercom.records.data_events import STREAM, DataEvent, Switch, describe_event, read_event, read_switch
from target_intercom.reporting.outcomes import Outcome
from target_intercom.reporting.results import decode_result
from target_intercom.writing.event_ledger import EventLedger, forget_names
from target_intercom.writing.event_writer import EventWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from target_intercom._kit.journal import JournalWriter, Who
    from target_intercom._kit.json_types import JsonObject, JsonValue
    from target_intercom.api.client import IntercomClient
    from target_intercom.records.buffer import RecordBuffer
    from target_intercom.reporting.outcomes import Summary
    from target_intercom.reporting.report_files import ReportFiles
    from target_intercom.settings import Settings

#: The outcomes of a record whose contact gets events.
_MATCHED = frozenset({"updated", "unchanged", "created", "converted", "rejected"})
_QUEUED = 4  # events in progress per worker

#: An event to be sent, Intercom's id of its contact, and names of the contact.
Item = tuple[DataEvent, str, "Who"]


class EventPipeline:
    """The data events of one run.

    Args:
        client: the connection.
        settings: the settings.
        contacts: the records of the run and their outcomes.
        summary: counts the outcomes.
        journal: the journal of the run.
    """

    def __init__(
        self,
        client: IntercomClient,
        settings: Settings,
        contacts: RecordBuffer,
        *,
        summary: Summary,
        journal: JournalWriter,
    ) -> None:
        self._client, self._settings, self._contacts = client, settings, contacts
        self._summary, self._journal = summary, journal
        self._file: IO[bytes] | None = None
        self._switch = Switch()
        self._is_subset = False

    @property
    def is_declared(self) -> bool:
        """Whether the input has the stream."""
        return self._file is not None

    def declare(self, schema: Mapping[str, JsonValue]) -> None:
        """Take a SCHEMA message."""
        self._switch, self._is_subset = read_switch(schema), bool(schema.get(SUBSET))
        if self._file is None:
            self._file = TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._summary.has_events = True

    def add_record(self, record: JsonObject) -> None:
        """Store a record. A record that is not an event is counted."""
        event = read_event(record)
        if event is None or self._file is None:
            self._summary.events_skipped["no_event"] += 1
            return
        self._file.write(msgspec.json.encode(event) + b"\n")

    def close(self) -> None:
        """Delete what was stored."""
        if self._file is not None:
            self._file.close()

    def finish(self, reports: ReportFiles, find_stop_reason: Callable[[], str | None]) -> None:
        """Send the events whose contact was matched, or in a validation report them.

        Raises:
            ConfigurationError, FatalAPIError: the run stopped; its events must come again.
        """
        settings = self._settings
        now = self._switch.read_at or int(time.time())
        ledger = EventLedger(settings.memory_dir, read_only=settings.validate)
        try:
            ledger.begin_names(self._switch, now, is_subset=self._is_subset)
            ledger.prune(now)
            items = self._choose_events(ledger, reports, now)
            if settings.validate:
                for event, contact_id, who in items:
                    outcome = Outcome("sent", "", contact_id or None, describe_event(event, event.created_at))
                    self._record_unsent(reports, event, outcome, who)
                return
            self._send(ledger, items, reports, find_stop_reason)
        finally:
            ledger.close()

    def _send(
        self,
        ledger: EventLedger,
        items: Iterator[Item],
        reports: ReportFiles,
        find_stop_reason: Callable[[], str | None],
    ) -> None:
        writer = EventWriter(self._client, ledger, self._journal)
        limit = RejectLimit(self._settings.max_rejects, earlier=self._summary.rejected.total())

        def record(item: Item, outcome: Outcome) -> None:
            event, _, _ = item
            self._summary.count_event(outcome)
            reports.write_event(event, outcome)
            limit.count_attempt(outcome.reason if outcome.kind == "rejected" else None)

        with open_workers(self._settings.max_concurrency) as executor:
            run_all(
                executor,
                lambda item: writer.send(*item),
                items,
                window=_QUEUED * self._settings.max_concurrency,
                record=record,
                find_stop_reason=lambda: find_stop_reason() or limit.find_stop_reason(),
            )

    def _choose_events(self, ledger: EventLedger, reports: ReportFiles, now: int) -> Iterator[Item]:
        """Yield the events to be sent, and record the others."""
        for event in self._read_events():
            if self._switch.names is None and not self._is_subset:
                ledger.begin_name(event.event_name, now)
            since = ledger.find_since(event.event_name)
            known = ledger.find(event.event_id)
            if known and known.is_sent:
                self._summary.events_skipped["already_sent"] += 1
            elif since is None or event.created_at <= since:
                # These are too many for a line each: after a full refresh, everything that Chargebee still lists.
                self._summary.events_skipped["before_switch"] += 1
            else:
                contact_id, who = self._find_contact(event.customer_id)
                if contact_id is None:
                    self._record_unsent(reports, event, Outcome("skipped", "no_contact"), who)
                else:
                    yield event, contact_id, who

    def _read_events(self) -> Iterator[DataEvent]:
        if self._file is None:
            return
        decode = msgspec.json.Decoder(DataEvent).decode
        self._file.seek(0)
        seen: set[str] = set()
        for line in self._file:
            event = decode(line)
            # The source may send an event twice in one run.
            if event.event_id not in seen:
                seen.add(event.event_id)
                yield event

    def _find_contact(self, customer_id: str) -> tuple[str | None, Who]:
        """Return Intercom's id of the contact of a customer, and its names.

        The id is empty for a contact that a sync would create, and None if no contact was matched.
        """
        stored = self._contacts.find_result_by_id(customer_id)
        if stored is None or not stored.result:
            return None, NOBODY
        result, who = decode_result(stored.result), stored.row.find_who(self._settings.owned_prefix)
        if result.kind not in _MATCHED:
            return None, who
        return result.intercom_id or ("" if self._settings.validate and result.kind == "created" else None), who

    def _record_unsent(self, reports: ReportFiles, event: DataEvent, outcome: Outcome, who: Who) -> None:
        """Record an event without a request."""
        self._summary.count_event(outcome)
        reports.write_event(event, outcome)
        # A journal that cannot be written stops the run before its next write; here there is none.
        with suppress(ConfigurationError):
            self._journal.add_record(
                STREAM,
                event.event_id,
                outcome.kind,
                outcome.reason,
                remote_id=outcome.intercom_id,
                fields=outcome.changes,
                who=who,
            )

    def forget_choice(self, *, is_subset: bool) -> None:
        """Note that the source sends no events any more, if this run says so."""
        if not (is_subset or self._settings.validate):
            forget_names(self._settings.memory_dir)
