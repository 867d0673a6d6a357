"""The steps of the stream `subscription_objects` in a run: read, find the contact, write, delete, refer, report.

They come after the contacts, as an object belongs to the contact that its customer was matched with in the same run.
"""

from __future__ import annotations

from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, TypeVar

import msgspec
from singer_sdk.exceptions import ConfigurationError, FatalAPIError

from target_intercom._kit.changes import Change
from target_intercom._kit.dispatch import open_workers, run_all
from target_intercom._kit.journal import NOBODY
from target_intercom._kit.limits import RejectLimit
from target_intercom.decisions.change_guard import GUARDED_RECORDS
from target_intercom.records.attributes import AttributeConflictError
from target_intercom.records.subscription_objects import (
    REFERENCES,
    STREAM,
    ObjectOptions,
    Subscription,
    find_changes,
    read_options,
    read_subscription,
)
from target_intercom.reporting.outcomes import Outcome
from target_intercom.reporting.results import decode_result
from target_intercom.writing.object_ledger import ObjectLedger
from target_intercom.writing.object_writer import ObjectWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Executor

    from target_intercom._kit.journal import JournalWriter, Who
    from target_intercom._kit.json_types import JsonObject, JsonValue
    from target_intercom.api.client import IntercomClient
    from target_intercom.records.buffer import RecordBuffer, StoredResult
    from target_intercom.reporting.not_sent import NotSent
    from target_intercom.reporting.outcomes import Summary
    from target_intercom.reporting.report_files import ReportFiles
    from target_intercom.settings import Settings

#: The outcomes of a record whose contact gets objects.
_MATCHED = frozenset({"updated", "unchanged", "created", "converted", "rejected"})
#: The reasons for which a customer surely has no contact.
_WITHOUT_CONTACT = frozenset({"no_match", "cancelled", "deleted"})
_QUEUED = 4  # writes in progress per worker

Item = TypeVar("Item")


class ObjectPipeline:
    """The custom objects of one run.

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
        self.options: ObjectOptions | None = None
        #: Why a sync would stop before it writes an object.
        self.stop_reason: str | None = None

    def declare(self, schema: Mapping[str, JsonValue]) -> None:
        """Take a SCHEMA message.

        Raises:
            ConfigurationError: it does not say which custom object it is about, or has an impossible attribute.
        """
        try:
            self.options = read_options(schema)
        except AttributeConflictError as error:
            raise ConfigurationError(str(error)) from None
        if self.options is None:
            raise ConfigurationError(f"The SCHEMA of the stream `{STREAM}` does not name a custom object.")
        if self._file is None:
            self._file = TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._summary.has_objects = True

    def add_record(self, record: JsonObject) -> None:
        """Store a record. One that is no subscription is counted."""
        found = read_subscription(record, self.options) if self.options else None
        if found is None or self._file is None:
            self._summary.objects_skipped["no_subscription"] += 1
            return
        self._file.write(msgspec.json.encode(found) + b"\n")

    def close(self) -> None:
        """Delete what was stored."""
        if self._file is not None:
            self._file.close()

    def check_type(self) -> None:
        """Check that Intercom has the custom object, before anything is written.

        Raises:
            ConfigurationError: it has not; the sentence says what to create.
        """
        if self.options and not self._client.has_object_type(self.options.type):
            raise ConfigurationError(
                f"Intercom has no custom object `{self.options.type}`, and nothing was written: "
                f"{self.options.describe_setup()}; or take `subscription_objects` out of the settings of the map."
            )

    def finish(self, reports: ReportFiles, not_sent: NotSent, find_stop_reason: Callable[[], str | None]) -> None:
        """Write the subscriptions whose contact was matched, or in a validation report them.

        Raises:
            ConfigurationError, FatalAPIError: the run stopped; its subscriptions must come again.
        """
        options, settings = self.options, self._settings
        if options is None:
            return
        ledger = ObjectLedger(settings.memory_dir, read_only=settings.validate)
        try:
            ledger.choose_type(options.type, options.reference)
            with ledger.note_input():
                self._read_input(ledger)
                self._assign_contacts(ledger, not_sent)
                self._check_removals(ledger)
            step = _Step(settings, self._summary, self._journal, reports, find_stop_reason)
            writer = ObjectWriter(self._client, options, ledger, self._journal)
            with open_workers(settings.max_concurrency) as executor:
                step.run(
                    executor,
                    self._choose(ledger, step),
                    lambda one: writer.save(*one),
                    lambda one: (STREAM, one[0].subscription_id, one[0].customer_id),
                    lambda one: Outcome("saved", "", one[1] or None, self._find_changes(ledger, one[0])),
                )
                step.run(
                    executor,
                    ledger.list_gone(),
                    lambda one: writer.delete(*one),
                    lambda one: (STREAM, one[0], ""),
                    lambda one: Outcome("deleted", "", one[1]),
                )
                step.run(
                    executor,
                    ledger.list_changed_references(),
                    writer.refer,
                    lambda one: (REFERENCES, one.contact_id, ""),
                    lambda one: Outcome(
                        "referred", "", one.contact_id, {options.reference: Change(one.known, one.wanted)}
                    ),
                )
        finally:
            ledger.close()

    def _read_input(self, ledger: ObjectLedger) -> None:
        for subscription in self._read_subscriptions():
            ledger.receive(subscription.subscription_id, subscription.customer_id)

    def _assign_contacts(self, ledger: ObjectLedger, not_sent: NotSent) -> None:
        """Note the contact of every customer of the run, and which objects are to go."""
        for stored in self._contacts.iterate_results():
            customer_id = stored.row.id
            if not customer_id:
                continue
            ledger.see(customer_id)
            kind, reason, contact_id = _read_result(stored)
            if kind in _MATCHED and contact_id:
                ledger.assign(customer_id, contact_id)
            elif kind == "skipped" and reason in _WITHOUT_CONTACT:
                ledger.remove_customer(customer_id)
        for record in not_sent.iterate_records():
            # Of these nobody knows whether they take part, so that they keep what they have.
            if record.get("reason") == "undecided":
                ledger.see(str(record.get("customer_id")))
        ledger.remove_others(is_whole=bool(self.options and self.options.is_whole))

    def _check_removals(self, ledger: ObjectLedger) -> None:
        """Stop the run before it deletes more than one run should, as when the source is suddenly empty."""
        known, gone = ledger.count()
        share = self._settings.max_changed_share
        if self._settings.accept_changes or known < GUARDED_RECORDS or gone <= share * known:
            return
        self.stop_reason = (
            f"{gone} of {known} custom objects would be deleted, more than `max_changed_share` ({share:.0%}) permits: "
            "no object was written; see them with `mode: validate`, and set `accept_changes` to true for one run if "
            "that is right."
        )
        if not self._settings.validate:
            # The next run would stop again, so `standpipe live` waits for a person.
            self._summary.stopped_by = "guard"
            raise FatalAPIError(self.stop_reason)

    def _read_subscriptions(self) -> Iterator[Subscription]:
        if self._file is None:
            return
        decode = msgspec.json.Decoder(Subscription).decode
        self._file.seek(0)
        for line in self._file:
            yield decode(line)

    def _choose(self, ledger: ObjectLedger, step: _Step) -> Iterator[tuple[Subscription, str, Who]]:
        """Yield the subscriptions to be written, with their contact, and record those without one."""
        for subscription in self._read_subscriptions():
            contact_id, who = self._find_contact(subscription.customer_id)
            if contact_id is None:
                head = (STREAM, subscription.subscription_id, subscription.customer_id)
                step.record_unsent(head, Outcome("skipped", "no_contact"), who)
            elif self._is_known(ledger, subscription):
                self._summary.objects_unchanged += 1
            else:
                yield subscription, contact_id, who

    def _is_known(self, ledger: ObjectLedger, subscription: Subscription) -> bool:
        known = ledger.find(subscription.subscription_id)
        return known is not None and known.body is not None and not self._find_changes(ledger, subscription)

    def _find_changes(self, ledger: ObjectLedger, subscription: Subscription) -> Mapping[str, Change]:
        known = ledger.find(subscription.subscription_id)
        body = known.body if known and known.body is not None else {}
        return find_changes(subscription.custom_attributes, body, self.options) if self.options else {}

    def _find_contact(self, customer_id: str) -> tuple[str | None, Who]:
        """Return Intercom's id of the contact of a customer, and its names.

        The id is empty for a contact that a sync would create, and None if no contact was matched.
        """
        stored = self._contacts.find_result_by_id(customer_id)
        if stored is None:
            return None, NOBODY
        who = stored.row.find_who(self._settings.owned_prefix)
        kind, _, contact_id = _read_result(stored)
        if kind not in _MATCHED:
            return None, who
        return contact_id or ("" if self._settings.validate and kind == "created" else None), who


class _Step:
    """Carries out one kind of writes, or in a validation records what a sync would write."""

    def __init__(
        self,
        settings: Settings,
        summary: Summary,
        journal: JournalWriter,
        reports: ReportFiles,
        find_stop_reason: Callable[[], str | None],
    ) -> None:
        self._settings, self._summary, self._journal, self._reports = settings, summary, journal, reports
        self._find_stop_reason = find_stop_reason
        self._limit = RejectLimit(settings.max_rejects, earlier=summary.rejected.total())

    def run(
        self,
        executor: Executor,
        items: Iterable[Item],
        work: Callable[[Item], Outcome],
        name: Callable[[Item], tuple[str, str, str]],
        predict: Callable[[Item], Outcome],
    ) -> None:
        """Write every item, and record its outcome.

        Raises:
            ConfigurationError, FatalAPIError: the run stopped.
        """
        if self._settings.validate:
            for item in items:
                self.record_unsent(name(item), predict(item), NOBODY)
            return

        def record(item: Item, outcome: Outcome) -> None:
            self._summary.count_object(outcome)
            self._reports.write_object(*name(item), outcome)
            self._limit.count_attempt(outcome.reason if outcome.kind == "rejected" else None)

        run_all(
            executor,
            work,
            items,
            window=_QUEUED * self._settings.max_concurrency,
            record=record,
            find_stop_reason=lambda: self._find_stop_reason() or self._limit.find_stop_reason(),
        )

    def record_unsent(self, head: tuple[str, str, str], outcome: Outcome, who: Who) -> None:
        """Record something without a request."""
        self._summary.count_object(outcome)
        self._reports.write_object(*head, outcome)
        stream, record_id, _ = head
        # A journal that cannot be written stops the run before its next write; here there is none.
        with suppress(ConfigurationError):
            self._journal.add_record(
                stream,
                record_id,
                outcome.kind,
                outcome.reason,
                remote_id=outcome.intercom_id,
                fields=outcome.changes,
                who=who,
            )


def _read_result(stored: StoredResult) -> tuple[str, str, str | None]:
    if not stored.result:
        return "", "", None
    result = decode_result(stored.result)
    return result.kind, result.reason, result.intercom_id
