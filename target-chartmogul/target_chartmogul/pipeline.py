"""The order of a run: check, read what there is, write customers and then their contacts, merge, report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigurationError, FatalAPIError

from target_chartmogul._kit.dispatch import open_workers
from target_chartmogul._kit.private_files import make_folder
from target_chartmogul._kit.target_run import RunBase
from target_chartmogul.api import sources
from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.merge.merge_log import MERGED, MergeLog, MergeSettings
from target_chartmogul.merge.merger import Merger
from target_chartmogul.records.object_types import CONTACT, CUSTOMER, KINDS
from target_chartmogul.reporting.files import OWN_FILES
from target_chartmogul.reporting.report_files import ReportFiles, table
from target_chartmogul.reporting.summary import Summary
from target_chartmogul.stream_run import StreamRun
from target_chartmogul.writing.late_creates import CreateGuard
from target_chartmogul.writing.memory import Memory

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor

    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.settings import Settings


class Run(RunBase):
    """One run over the streams `customers` and `contacts`: `declare` and `add` what comes, then `finish`."""

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
        self._sources: list[dict[str, Any]] | None = None
        self._source: str | None = None
        self._declared = False
        self.summary = Summary(mode="validate" if settings.validate else "sync")
        self._streams = {name: StreamRun(kind, client, settings, self.summary, logger) for name, kind in KINDS.items()}

    def connect(self) -> None:
        """Check the key and the name of the data source, once.

        Raises:
            ConfigurationError: one sentence that names the setting.
        """
        if self._sources is not None:
            return
        make_folder(self._settings.report_dir, "report_dir", OWN_FILES["report_dir"])
        make_folder(self._settings.memory_dir, "memory_dir", OWN_FILES["memory_dir"])
        try:
            self._sources = self._client.sources()
        except FatalAPIError as error:
            raise ConfigurationError(f"{error} Is `api_url` right?") from None
        except RecordRefusedError as error:
            raise ConfigurationError(
                f"{self._client.base_url} answers, but not as ChartMogul's API does ({error.reason}): check `api_url`."
            ) from None
        self._source = sources.own(self._sources, self._settings.data_source_name)
        self._billing()

    def declare(self, stream: str, schema: Mapping[str, Any]) -> None:
        """Take the attributes that a stream's SCHEMA message declares."""
        self._streams[stream].declare(schema)
        self._declared = True

    def add(self, stream: str, record: dict[str, Any]) -> None:
        """Take a record."""
        self._streams[stream].add(record)

    def finish(self) -> None:
        """Find, decide, write and report; without even a declared stream the tap has failed, and no report is touched.

        Raises:
            ConfigurationError: a setting is wrong.
            FatalAPIError: the run stopped; all of its records must come again.
        """
        try:
            self.connect()
            if self._declared:
                self._tell_of_a_missing_source()
                self._take_stock()
                self._process_and_report()
            else:
                self._logger.info("Neither customers nor contacts came: the reports of the last run are left alone")
        finally:
            self._close()

    def _tell_of_a_missing_source(self) -> None:
        """Say that what comes may not be all: a source that was deleted or renamed is not filled by changes alone."""
        if self._source is None:
            self._logger.warning(
                "ChartMogul has no data source `%s` yet. If an earlier run has filled it, let everything be sent again "
                "(`meltano run resync-leads`): a run may bring only what changed.",
                self._settings.data_source_name,
            )

    def _take_stock(self) -> None:
        for name, stream in self._streams.items():
            stream.spool.flush()
            self.summary.streams[name].records = stream.spool.count()

    def _process_and_report(self) -> None:
        memory = Memory(self._settings.memory_dir, self._settings.report_dir, int(time.time()))
        reports = ReportFiles(self._settings.report_dir, memory)
        try:
            if self.summary.records or self._looks_at_all_leads():
                self._process(reports)
            self._is_done = True
            if self._settings.validate:  # no STATE will be written
                self.summary.status = "completed"
        finally:
            self._recording = True
            self._report(reports)

    def _process(self, reports: ReportFiles) -> None:
        self._found_source()
        with open_workers(self._settings.max_concurrency) as executor:
            self._open(executor, reports.memory)
            self._recording = not self._settings.validate
            for stream in self._streams.values():
                stream.process(
                    executor,
                    reports,
                    self._interruption,
                    customers=self._streams[CUSTOMER.stream].finder,
                    source=self._source,
                )
            if self._settings.merge != "off":
                self._merge(executor, reports)
        self.summary.duplicate_contacts = self._streams[CONTACT.stream].finder.duplicates

    def _found_source(self) -> None:
        """Create the data source when it is missing; a validation does without."""
        if self._source is None and not self._settings.validate:
            name, patience = self._settings.data_source_name, self._settings.source_patience
            self._source, is_new = sources.created(self._client, name, patience, self._logger)
            self._guard.source_is_new = is_new

    def _open(self, executor: Executor, memory: Memory) -> None:
        """Read the indexes that cost less than look-ups, both at once."""
        for stream in self._streams.values():
            stream.open(self._source, memory, self._guard)
        is_new = self._guard.source_is_new
        list(executor.map(lambda one: one.find_all(self._interruption, is_new=is_new), self._streams.values()))
        came = [stream for stream in self._streams.values() if stream.spool.count()]
        self._guard.source_is_empty = all(stream.finder.is_empty for stream in came)

    def _billing(self) -> str:
        """Give the uuid of the data source that customers are merged with; the empty text when they are not.

        Raises:
            ConfigurationError: there is none of that name.
        """
        if self._settings.merge == "off":
            return ""
        if found := sources.named(self._sources or (), self._settings.merge_with):
            return str(found["uuid"])
        raise ConfigurationError(f"ChartMogul has no data source named `{self._settings.merge_with}` (`merge_with`).")

    def _merge(self, executor: Executor, reports: ReportFiles) -> None:
        billing, keys = self._billing(), self._settings.merge_by
        log = MergeLog(self._settings.memory_dir)
        merger = Merger(self._client, self._source, billing, keys, log, self._interruption)
        found = merger.matches(self._streams[CUSTOMER.stream].coming)
        reports.merges(merger.apply(found, executor) if self._applies else merger.report(found))
        self.summary.merges = dict(sorted(merger.counts.items()))
        if sentence := self._interruption():
            raise FatalAPIError(sentence)
        if self._looks_at_all_leads():
            self._note_merge_settings(merger.counts[MERGED], len(found))

    @property
    def _applies(self) -> bool:
        return self._settings.merge == "apply" and not self._settings.validate

    def _looks_at_all_leads(self) -> bool:
        """Say whether every lead is to be looked at, though none may have come: merging has new settings."""
        return self._applies and self._source is not None and self._merge_settings().are_new

    def _merge_settings(self) -> MergeSettings:
        current = {"source": self._source, "billing": self._billing(), "merge_by": list(self._settings.merge_by)}
        return MergeSettings(self._settings.memory_dir, current)

    def _note_merge_settings(self, merged: int, leads: int) -> None:
        self._merge_settings().save()
        self._logger.info(
            "The settings of merging are new, so all leads were looked at: %d of %d merged with customers of %s",
            merged,
            leads,
            self._settings.merge_with,
        )

    def _report(self, reports: ReportFiles) -> None:
        if not self._settings.validate:
            reports.memory.save()
        reports.close()
        self._write_first_summary(reports)

    def _build_figures(self, seconds: float) -> dict[str, Any]:
        return self.summary.as_dict(self._client, seconds)

    def _log_summary(self, reports: ReportFiles) -> None:
        for (stream, field, reason), count in sorted(reports.memory.news().items()):
            self._logger.warning("`%s` of %s is %s (%d): see held_values.csv", field, stream, reason, count)
        for line in table(self._figures):
            self._logger.info("%s", line)
        self._logger.info("The reports of this run are in %s", self._settings.report_dir)

    def _close(self) -> None:
        for stream in self._streams.values():
            stream.spool.close()
