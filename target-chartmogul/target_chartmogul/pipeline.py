"""A run from start to end: read, match and decide, write, merge, report. Customers come before contacts in every step.

`stream_pipeline` has the steps for one stream, and this module leads both streams through them together.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from singer_sdk.exceptions import ConfigurationError, FatalAPIError

from target_chartmogul._kit.dispatch import open_workers
from target_chartmogul._kit.marker import SUBSET
from target_chartmogul._kit.private_files import make_folder
from target_chartmogul._kit.target_run import RunBase
from target_chartmogul.api.sources import create_source, find_writable_source
from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.merge.merge_step import MergeStep
from target_chartmogul.records.buffer import StreamInput
from target_chartmogul.records.object_types import CONTACT, CUSTOMER, SOURCES
from target_chartmogul.reporting.files import OWN_FILES, RUN_REPORTS
from target_chartmogul.reporting.report_files import ReportFiles, format_summary
from target_chartmogul.reporting.summary import Summary
from target_chartmogul.stream_pipeline import ContactPipeline, CustomerPipeline, RunContext, StreamPipeline
from target_chartmogul.writing.late_creates import CreateGuard
from target_chartmogul.writing.memory import Memory

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from concurrent.futures import Executor

    from target_chartmogul._kit.json_types import JsonObject
    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.api.shapes import DataSource
    from target_chartmogul.settings import Settings


class Pipeline(RunBase):
    """One run over the streams `customers` and `contacts`: takes their messages, then does everything in `finish`."""

    summary: Summary

    def __init__(
        self,
        client: ChartMogulClient,
        settings: Settings,
        logger: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._client, self._settings, self._logger = client, settings, logger
        self._guard = CreateGuard(clock(), clock)
        self._sources: list[DataSource] | None = None
        self._source: str | None = None
        self._has_stream = self._is_subset = False
        self.summary = Summary(mode="validate" if settings.validate else "sync")
        self._inputs = {
            one.stream: StreamInput(one, logger, write_all=settings.write_all) for one in (CUSTOMER, CONTACT)
        }
        self._merge_step = MergeStep(client, settings, logger, self._find_stop_reason, self.journal)

    def connect(self) -> None:
        """Check the key and the names of the data sources, once.

        Raises:
            ConfigurationError: one sentence that names the setting.
        """
        if self._sources is not None:
            return
        make_folder(self._settings.report_dir, "report_dir", OWN_FILES["report_dir"])
        make_folder(self._settings.memory_dir, "memory_dir", OWN_FILES["memory_dir"])
        self._begin(self._settings, RUN_REPORTS)
        try:
            self._sources = self._client.list_sources()
        except FatalAPIError as error:
            raise ConfigurationError(f"{error} Is `api_url` right?") from None
        except RecordRefusedError as error:
            raise ConfigurationError(
                f"{self._client.base_url} answers, but not as ChartMogul's API does ({error.reason}): check `api_url`."
            ) from None
        source = find_writable_source(self._sources, self._settings.data_source_name)
        self._source = source.uuid if source else None
        self._merge_step.find_billing_source(self._sources)

    # Read

    def declare_stream(self, stream: str, schema: JsonObject) -> None:
        """Take the attributes of a SCHEMA message."""
        self.summary.attributes_left_out += self._inputs[stream].declare(schema)
        self._has_stream = True
        if schema.get(SUBSET):
            self._is_subset = True
            self.journal.mark_subset()

    def add_record(self, stream: str, record: JsonObject) -> None:
        """Take a record."""
        self._inputs[stream].add_record(record)

    def finish(self) -> None:
        """Match, decide, write, merge and report.

        Raises:
            ConfigurationError: a setting is wrong.
            FatalAPIError: the run stopped; all of its records must come again.
        """
        try:
            self.connect()
            if self._has_stream:
                self._count_input()
                self._process_and_report()
            else:
                # Without any SCHEMA the tap has failed.
                self._logger.info("Neither customers nor contacts came: the reports of the last run are kept")
        finally:
            for stream in self._inputs.values():
                stream.buffer.close()

    def _count_input(self) -> None:
        if self._source is None:
            # The source may have been deleted or renamed, and an input of changes does not fill it again.
            self._logger.warning(
                "ChartMogul has no data source `%s` yet. If an earlier run has filled it, send everything again "
                "(`meltano run resync-leads`): a run may bring only what changed.",
                self._settings.data_source_name,
            )
        for name, stream in self._inputs.items():
            stream.buffer.flush()
            self.summary.streams[name].records = stream.buffer.count_records()

    def _process_and_report(self) -> None:
        memory = Memory(self._settings.memory_dir, self._settings.report_dir, int(time.time()))
        reports = ReportFiles(self._settings.report_dir, memory)
        try:
            # An input without records needs no call, unless leads outside the input are to be merged.
            needs_all_leads = not self._is_subset and self._merge_step.needs_all_leads(self._source)
            if self.summary.records or needs_all_leads:
                self._process(reports)
            self._is_done = True
            if self._settings.validate:
                # A validation writes no STATE, so its summary is complete here.
                self.summary.status = "completed"
        finally:
            self._recording = True
            if not self._settings.validate:
                memory.save()
            reports.close()
            self._write_first_summary(reports)

    # Match, decide and write

    def _process(self, reports: ReportFiles) -> None:
        if self._source is None and not self._settings.validate:
            self._source = self._create_source()
        with open_workers(self._settings.max_concurrency) as executor:
            run = RunContext(
                self._client,
                self._settings,
                self._source,
                executor,
                reports,
                self.summary,
                self._guard,
                self._logger,
                self._find_stop_reason,
                self.journal,
            )
            customers = CustomerPipeline(run, self._inputs[CUSTOMER.stream])
            contacts = ContactPipeline(run, self._inputs[CONTACT.stream], customers.finder)
            self._process_streams((customers, contacts), executor)
            self._merge(customers, executor, reports)
        self.summary.duplicate_contacts = contacts.finder.duplicates

    def _create_source(self) -> str:
        """Create the data source, and return its uuid."""
        name, patience = self._settings.data_source_name, self._settings.source_patience
        entry = self.journal.begin_write(SOURCES, name, "create")
        entry.announce(None, {})
        uuid, is_new = create_source(self._client, name, patience, self._logger)
        entry.settle("created" if is_new else "unchanged", remote_id=uuid)
        self._guard.source_is_new = is_new
        return uuid

    def _process_streams(self, streams: tuple[StreamPipeline, ...], executor: Executor) -> None:
        try:
            # Both run at once, because each only waits for ChartMogul.
            list(executor.map(StreamPipeline.read_index, streams))
            received = [stream for stream in streams if stream.buffer.count_records()]
            self._guard.source_is_empty = all(stream.finder.source_is_empty for stream in received)
            # From the first write on, a signal lets the run report what it has done.
            self._recording = not self._settings.validate
            for stream in streams:
                stream.process_rows()
        except BaseException:
            for stream in streams:
                stream.journal_unreached()
            raise

    def _merge(self, customers: CustomerPipeline, executor: Executor, reports: ReportFiles) -> None:
        if not self._merge_step.is_on:
            return
        if self._is_subset:
            # A merge compares all leads, which would take too long in a run over some of them.
            self._merge_step.postpone(self._source)
        else:
            self._merge_step.run(self._source, customers.coming, executor, reports, self.summary)

    # Report

    def _build_figures(self, seconds: float) -> JsonObject:
        return self.summary.build_figures(self._client, seconds)

    def _log_summary(self, reports: ReportFiles) -> None:
        for (stream, field, reason), count in sorted(reports.memory.count_new_reasons().items()):
            self._logger.warning("`%s` of %s is %s (%d): see held_values.csv", field, stream, reason, count)
        for line in format_summary(self._figures):
            self._logger.info("%s", line)
        self._logger.info("The reports of this run are in %s", self._settings.report_dir)
