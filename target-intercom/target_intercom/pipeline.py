"""A run from start to end: read, match and decide, write, report. Companies come before contacts in every step.

Nothing is written before the whole input is read, matched and checked. `stream_pipeline` has the steps for one stream,
and this module leads both streams through them together.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from singer_sdk.exceptions import ConfigurationError, FatalAPIError

from target_intercom._kit.dispatch import open_workers
from target_intercom._kit.marker import SUBSET
from target_intercom._kit.private_files import make_folder
from target_intercom._kit.run_lock import LOCK_FILE
from target_intercom._kit.target_run import RunBase
from target_intercom.api.transport import WEB, RecordRefusedError
from target_intercom.event_pipeline import EventPipeline
from target_intercom.matching.company_index import CompanyIndex
from target_intercom.matching.known_companies import COMPANIES_FILE, MOST_READS, KnownCompanies
from target_intercom.object_pipeline import ObjectPipeline
from target_intercom.records.attributes import AttributeConflictError
from target_intercom.records.object_types import COMPANY, CONTACT, OBJECT_TYPES
from target_intercom.records.stream_attributes import EVERY_FIELD
from target_intercom.reporting.links import Links
from target_intercom.reporting.not_sent import NotSent
from target_intercom.reporting.outcomes import Summary
from target_intercom.reporting.report_files import REPORT_FILES, ReportFiles
from target_intercom.reporting.terminal import (
    Listing,
    build_outcomes,
    format_figures,
    format_outcomes,
    format_promise,
)
from target_intercom.stream_pipeline import StreamPipeline
from target_intercom.writing.attribute_creator import create_attribute
from target_intercom.writing.company_attacher import CompanyAttacher
from target_intercom.writing.event_ledger import LEDGER_FILES
from target_intercom.writing.memory import MEMORY_FILES, Memory
from target_intercom.writing.object_ledger import LEDGER_FILES as OBJECT_FILES

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Iterator, Mapping
    from concurrent.futures import Executor

    from target_intercom._kit.json_types import JsonObject, JsonValue
    from target_intercom.api.client import IntercomClient
    from target_intercom.records.attributes import Attribute
    from target_intercom.settings import Settings


class Pipeline(RunBase):
    """One run over the streams `contacts` and `companies`: `declare_stream` and `add_record`, then `finish`."""

    summary: Summary

    def __init__(self, client: IntercomClient, settings: Settings, logger: logging.Logger) -> None:
        super().__init__()
        self._client, self._settings, self._logger = client, settings, logger
        self._is_connected = self._is_declared = False
        self.summary = Summary(mode="validate" if settings.validate else "sync")
        self._companies = CompanyIndex()
        self._streams = {
            name: StreamPipeline(
                object_type,
                client,
                settings,
                summary=self.summary,
                companies=self._companies,
                journal=self.journal,
                logger=logger,
            )
            for name, object_type in OBJECT_TYPES.items()
        }
        self.not_sent = NotSent()
        self.events = EventPipeline(
            client, settings, self._streams[CONTACT.stream].buffer, summary=self.summary, journal=self.journal
        )
        self.objects = ObjectPipeline(
            client, settings, self._streams[CONTACT.stream].buffer, summary=self.summary, journal=self.journal
        )
        self._memory: Memory
        self._attacher: CompanyAttacher | None = None
        self._links = Links("", "", settings.record_url, settings.source_url)
        self._stop_reasons: list[str] = []
        self._value_name = "match value"  # the names of the match values

    def connect(self) -> None:
        """Check the token and the region, once.

        Raises:
            ConfigurationError: one sentence that names the setting.
        """
        if self._is_connected:
            return
        settings = self._settings
        make_folder(settings.report_dir, "report_dir", REPORT_FILES)
        if not settings.validate:
            make_folder(
                settings.memory_dir,
                "memory_dir",
                (*MEMORY_FILES, COMPANIES_FILE, *LEDGER_FILES, *OBJECT_FILES, LOCK_FILE),
            )
        # The memory of an earlier run is complete only after that run has ended.
        self._begin(settings, REPORT_FILES)
        self._memory = Memory(settings.memory_dir, int(time.time()), settings.report_dir)
        try:
            app = self._client.identify_token()
        except FatalAPIError as error:
            raise ConfigurationError(f"{error} Is `api_url` or `region` right?") from None
        except RecordRefusedError as error:
            raise ConfigurationError(
                f"{self._client.base_url} answers, but not as Intercom's API does ({error.reason}): check `api_url`."
            ) from None
        region, expected = (app.region or "").lower(), settings.region
        if expected and region and region != expected:
            raise ConfigurationError(
                f"The workspace of `access_token` is hosted in the region {region}, not {expected}: change `region`."
            )
        web = WEB.get(expected or region, WEB["us"])
        self._links = Links(web, app.id_code or "", settings.record_url, settings.source_url)
        self._is_connected = True

    # Read

    def declare_stream(
        self, stream: str, schema: Mapping[str, JsonValue], key_properties: Collection[str] = ()
    ) -> set[str]:
        """Take the custom attributes of a SCHEMA message, and return the fields without a use.

        Raises:
            ConfigurationError: one has a type that Intercom lacks.
        """
        self._is_declared = True
        self._value_name = self._settings.match_keys[stream].label
        if schema.get(SUBSET):
            self.journal.mark_subset()
        with _as_configuration_error():
            return self._streams[stream].declare(schema, key_properties)

    def add_record(self, stream: str, record_id: str | None, record: JsonObject) -> None:
        """Take a record; `record_id` is the value of its key property."""
        self._streams[stream].add_record(record_id, record)

    @property
    def refused_input(self) -> str | None:
        """The sentence that ends a run in which all records belong to unknown streams; else None."""
        if self._is_declared or self.not_sent.is_declared or not self.summary.other_streams:
            return None
        counts = ", ".join(f"{count:,} of `{name}`" for name, count in self.summary.other_streams.items())
        return (
            f"No record could be used ({counts}), so no STATE was written: target-intercom writes the "
            "streams `contacts` and `companies`; rename a stream with `stream_maps`."
        )

    def finish(self) -> None:
        """Match, decide, write and report.

        Raises:
            ConfigurationError: a setting or an attribute is wrong.
            FatalAPIError: the run stopped; all of its records must come again.
        """
        try:
            self.connect()
            if self._is_declared or self.not_sent.is_declared:
                self._count_input()
                self._process_and_report()
            else:
                # Without any declared stream the tap has failed, so the reports stay as they are.
                self._logger.info("No stream of contacts or companies came: the reports of the last run are kept")
        finally:
            self.not_sent.close()
            self.events.close()
            self.objects.close()
            self._companies.close()
            for stream in self._streams.values():
                stream.buffer.close()

    def _count_input(self) -> None:
        for name, stream in self._streams.items():
            stream.buffer.flush()
            count = self.summary.streams[name].records = stream.buffer.count_rows()
            # Customers that are not sent have the type of those that are. A subset run has old facts about them, so
            # only a full run clears the records that they left.
            if count and not stream.is_subset:
                for record_id, instead_of in self.not_sent.iterate_replaced():
                    stream.add_unsent(record_id, instead_of)
            # A run over some records also has new facts about who is left out.
            if stream.is_declared:
                for record_id in self.not_sent.iterate_left_out():
                    stream.add_left_out(record_id, clear=self.not_sent.clears_left_out)

    def _process_and_report(self) -> None:
        listing = Listing(self._settings.list_records)
        reports = ReportFiles(self._settings.report_dir, int(time.time()), listing, self._links)
        try:
            self.objects.check_type()
            if any(stream.has_input for stream in self._streams.values()):
                self._process(reports)
            self._process_objects(reports)
            self._process_events(reports)
            self._is_done = True
            if self._settings.validate:
                # A validation writes no STATE, so its summary is complete here.
                self.summary.status = "completed"
        finally:
            # From here on, a signal ends the process only after the reports are written.
            self._recording = True
            self._report(reports)

    def _process_objects(self, reports: ReportFiles) -> None:
        if self.objects.options:
            self._recording = not self._settings.validate
            self.objects.finish(reports, self.not_sent, self._find_stop_reason)
            if self.objects.stop_reason:
                self._stop_reasons.append(self.objects.stop_reason)

    def _process_events(self, reports: ReportFiles) -> None:
        if not self.events.is_declared:
            self.events.forget_choice(is_subset=self.journal.is_subset)
            return
        self._recording = not self._settings.validate
        self.events.finish(reports, self._find_stop_reason)

    def _process(self, reports: ReportFiles) -> None:
        streams = [stream for stream in self._streams.values() if stream.has_input]
        missing = self._plan_attributes(streams)
        with open_workers(self._settings.max_concurrency) as executor:
            self._decide(streams, executor, reports, missing)
            if self._settings.validate:
                return
            if self._stop_reasons:
                raise FatalAPIError(self._stop_reasons[0])
            self._memory.changes |= {stream.options.stream: stream.describe_changes() for stream in streams}
            if any(stream.has_writes for stream in streams):
                self._write(streams, executor, reports, missing)

    # Match and decide

    def _plan_attributes(self, streams: list[StreamPipeline]) -> dict[str, list[Attribute]]:
        """Return the attributes to create, by model. The attributes of contacts and companies share their names."""
        fields = frozenset[str]().union(*(stream.attributes.fields for stream in streams), {EVERY_FIELD})
        if unknown := sorted(self._settings.attributes_from - fields):
            raise ConfigurationError(f"`attributes_from` names `{unknown[0]}`, a field that no stream has.")
        existing = self._client.list_attributes(CONTACT.model) + self._client.list_attributes(COMPANY.model)
        missing: dict[str, list[Attribute]] = {}
        for stream in streams:
            model = stream.options.object_type.model
            with _as_configuration_error():
                missing[model] = stream.plan_attributes(existing)
            # An attribute that one stream creates exists for the next stream.
            existing += [attribute.as_remote(model) for attribute in missing[model]]
        if names := self.summary.attributes_of_earlier_type:
            self._logger.warning(
                "Intercom cannot change the type of an attribute. These keep the type that they have there, and values "
                "that do not fit it are cleared: %s",
                ", ".join(names),
            )
        self.summary.attributes_missing = [one.name for attributes in missing.values() for one in attributes]
        return missing

    def _decide(
        self,
        streams: list[StreamPipeline],
        executor: Executor,
        reports: ReportFiles,
        missing: Mapping[str, list[Attribute]],
    ) -> None:
        """Decide on every row, and note the reasons for which the run must stop before it writes."""
        if self._settings.attach_companies:
            self._attacher = CompanyAttacher(self._client, self._companies, executor)
        self._read_companies(streams, executor)
        for stream in streams:
            object_type = stream.options.object_type
            stream.attacher = self._attacher if object_type.joins_companies else None
            stream.decide(executor, reports, self._memory, missing[object_type.model])
        guarded = [] if self._settings.accept_changes else [stream.find_stop_reason() for stream in streams]
        if any(guarded):
            # The next run would stop again, so `standpipe live` waits for a person.
            self.summary.stopped_by = "guard"
        reasons = guarded + [stream.find_reject_reason() for stream in streams]
        self._stop_reasons = [reason for reason in reasons if reason]

    def _read_companies(self, streams: list[StreamPipeline], executor: Executor) -> None:
        """Read the companies that have users once for all uses; in a run over some records, only those they need."""
        companies = next((stream for stream in streams if stream.options.object_type is COMPANY), None)
        if not companies and not self._attacher:
            return
        is_subset = all(stream.is_subset for stream in streams)
        if is_subset and (not companies or self._read_known_companies(companies, executor)):
            return  # the companies that contacts name are asked for one by one
        for company in self._client.scroll_companies():
            if companies:
                companies.store_company(company)
            if self._attacher and company.company_id:
                self._companies.add_company(company.company_id, company.id)
        if companies and not self._settings.validate:
            self._open_known_companies(companies).save(companies.buffer.iterate_found(), keep_others=is_subset)

    def _read_known_companies(self, companies: StreamPipeline, executor: Executor) -> bool:
        """Read the companies that the last scroll found for these records; return whether they are still the same."""
        known = self._open_known_companies(companies)
        found = known.find(companies.buffer.iterate_keys())
        if found is None or len(found) > MOST_READS:
            return False
        for company, hash_ in zip(executor.map(self._client.find_company_by_id, found), found.values(), strict=True):
            # A scroll would not show a company without users, and another company may now have the name of a renamed
            # one.
            if not company or company.has_no_users or known.hash_company(company) != hash_:
                return False
            companies.store_company(company)
        return True

    def _open_known_companies(self, companies: StreamPipeline) -> KnownCompanies:
        return KnownCompanies(self._settings.memory_dir, self._links.app_id, companies.options)

    # Write

    def _write(
        self,
        streams: list[StreamPipeline],
        executor: Executor,
        reports: ReportFiles,
        missing: Mapping[str, list[Attribute]],
    ) -> None:
        # Moved records must be remembered before their match gets the link, as nothing shows them afterwards.
        self._memory.save()
        for model, attributes in missing.items():
            for attribute in attributes:
                create_attribute(self._client, self.journal, model, attribute, self._settings.owned_prefix)
                self.summary.attributes_created += 1
        self._recording = True
        for stream in streams:
            stream.write(executor, reports, self._find_stop_reason)

    # Report

    def _report(self, reports: ReportFiles) -> None:
        for stream in self._streams.values():
            stream.write_results(reports)
        is_validation, memory = self._settings.validate, self._memory
        reports.write_not_sent(self.not_sent, self._value_name)
        # Even if the journal cannot be written and the run ends, its reports are written.
        with suppress(ConfigurationError):
            self.not_sent.write_journal(self.journal)
        reports.write_remembered(memory.iterate_moved(is_validation=is_validation), memory.archived.values())
        reports.close()
        if not is_validation:
            memory.save()
        summary = self.summary
        summary.not_sent, summary.totals = self.not_sent.counts, self.not_sent.totals
        summary.moved_cleared = len(memory.to_clear) if is_validation else len(memory.cleared)
        summary.moved = len(memory.moved) - (summary.moved_cleared if is_validation else 0)
        summary.companies_without_users = self._companies.count_without_users()
        summary.companies_not_found = self._attacher.companies_not_found if self._attacher else 0
        self._write_first_summary(reports)

    def _build_figures(self, seconds: float) -> JsonObject:
        figures = self.summary.as_dict(self._client.call_counts, seconds)
        return figures | {"outcomes": build_outcomes(figures, self._value_name)}

    def _log_summary(self, reports: ReportFiles) -> None:
        settings, figures, totals = self._settings, self._figures, self.not_sent.totals
        sums = [totals.format_equation(settings.source_name)] if totals else []
        warnings = totals.find_gaps(self.summary.records, self.not_sent.counts) if totals else []
        if settings.validate:
            warnings += [f"A sync would stop: {reason}" for reason in self._stop_reasons]
            reports.write_page(figures, sums, warnings)
        for warning in warnings:
            self._logger.warning("%s", warning)
        if self.summary.moved:
            self._logger.warning(
                "%d records now match a different user or company, and the earlier one keeps its old values: see "
                "moved.csv and the setting `on_moved`",
                self.summary.moved,
            )
        lines = [*reports.listing.format_lines(self._links), *format_figures(figures)]
        lines += [*format_outcomes(figures, self._value_name), *sums]
        lines += [format_promise(figures)] if settings.validate else []
        for line in lines:
            self._logger.info("%s", line)
        self._logger.info("The reports of this run are in %s", settings.report_dir)


@contextmanager
def _as_configuration_error() -> Iterator[None]:
    try:
        yield
    except AttributeConflictError as error:
        raise ConfigurationError(str(error)) from None
