"""The merges of a run, depending on its settings: none, a report of them, or the merges themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.exceptions import ConfigurationError, FatalAPIError

from target_chartmogul.api.sources import find_source
from target_chartmogul.merge.merge_log import MERGED, MergeLog, MergeSettings
from target_chartmogul.merge.merger import Merger

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor

    from target_chartmogul._kit.journal import JournalWriter
    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.api.shapes import DataSource
    from target_chartmogul.merge.customer_matching import Party
    from target_chartmogul.reporting.report_files import ReportFiles
    from target_chartmogul.reporting.summary import Summary
    from target_chartmogul.settings import Settings


class MergeStep:
    """Merges the customers of a run, after they were written.

    Args:
        client: the connection.
        settings: `merge`, `merge_with`, `merge_by` and `mode`.
        logger: logs what was merged because of new settings.
        find_stop_reason: returns a sentence when the run is to stop.
        journal: receives every merge.
    """

    def __init__(
        self,
        client: ChartMogulClient,
        settings: Settings,
        logger: logging.Logger,
        find_stop_reason: Callable[[], str | None],
        journal: JournalWriter,
    ) -> None:
        self._client, self._settings, self._logger = client, settings, logger
        self._find_stop_reason, self._journal = find_stop_reason, journal
        self._billing = ""
        self.is_on = settings.merge != "off"
        self._applies = settings.merge == "apply" and not settings.validate

    def find_billing_source(self, sources: Iterable[DataSource]) -> None:
        """Find the data source that customers are merged with.

        Raises:
            ConfigurationError: it does not exist.
        """
        if not self.is_on:
            return
        name = self._settings.merge_with
        source = find_source(sources, name)
        if source is None:
            raise ConfigurationError(f"ChartMogul has no data source named `{name}`: correct `merge_with`.")
        self._billing = source.uuid

    def needs_all_leads(self, source: str | None) -> bool:
        """Return whether to compare every lead even without records, because the merge settings are new."""
        return self._applies and source is not None and self._load_settings(source).are_new

    def postpone(self, source: str | None) -> None:
        """Leave the leads of this run to the next full run, which then compares all of them."""
        if self._applies and source is not None:
            self._load_settings(source).postpone()

    def run(
        self, source: str | None, coming: Iterable[Party], executor: Executor, reports: ReportFiles, summary: Summary
    ) -> None:
        """Match the customers of both data sources, merge or only list them, and report.

        Args:
            source: the uuid of the target's data source.
            coming: customers that a validation would create.
            executor: makes several calls at once.
            reports: receive a row for every lead.
            summary: receives the counts.

        Raises:
            FatalAPIError: the run is to stop.
        """
        log = MergeLog(self._settings.memory_dir)
        merger = Merger(
            self._client, source, self._billing, self._settings.merge_by, log, self._find_stop_reason, self._journal
        )
        matches = merger.find_matches(coming)
        reports.write_merges(merger.process_matches(matches, executor, applies=self._applies))
        summary.merges = dict(sorted(merger.counts.items()))
        if sentence := self._find_stop_reason():
            raise FatalAPIError(sentence)
        if source and self.needs_all_leads(source):
            settings = self._load_settings(source)
            reason = settings.describe_reason()
            settings.save()
            self._logger.info(
                "%s, so all leads were compared: %d of %d merged with customers of %s",
                reason,
                merger.counts[MERGED],
                len(matches),
                self._settings.merge_with,
            )

    def _load_settings(self, source: str) -> MergeSettings:
        current = {"source": source, "billing": self._billing, "merge_by": list(self._settings.merge_by)}
        return MergeSettings(self._settings.memory_dir, current)
