"""The order of a run: check, match everything, judge the whole, and only then write, companies before contacts."""

from __future__ import annotations

import time
from contextlib import contextmanager
from logging import DEBUG
from typing import TYPE_CHECKING, Any

import backoff
from singer_sdk.exceptions import ConfigurationError, FatalAPIError

from target_intercom._kit.dispatch import open_workers
from target_intercom._kit.private_files import make_folder
from target_intercom._kit.target_run import RunBase
from target_intercom.api.transport import WEB, LostReplyError, RecordRefusedError
from target_intercom.matching.company_index import Directory
from target_intercom.records.attributes import AttributeConflictError, refusal
from target_intercom.records.object_types import COMPANY, CONTACT, KINDS
from target_intercom.records.stream_attributes import EVERY_FIELD
from target_intercom.reporting.links import Links, Listing
from target_intercom.reporting.not_sent import NotSent
from target_intercom.reporting.report_files import REPORT_FILES, Addresses, ReportFiles
from target_intercom.reporting.summary import Summary
from target_intercom.reporting.terminal import build_outcomes, format_figures, format_outcomes, format_promise
from target_intercom.stream_pipeline import StreamRun
from target_intercom.writing.company_attacher import Attacher
from target_intercom.writing.memory import Memory

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Iterator, Mapping
    from concurrent.futures import Executor

    from target_intercom.api.client import IntercomClient
    from target_intercom.records.attributes import Attribute
    from target_intercom.settings import Settings
    from target_intercom.writing.memory import Moved

_MAX_TRIES = 7


class Run(RunBase):
    """One run over the streams `contacts` and `companies`: `declare` and `add` what comes, then `finish`."""

    summary: Summary

    def __init__(self, client: IntercomClient, settings: Settings, logger: logging.Logger) -> None:
        super().__init__()
        self._client, self._settings, self._logger = client, settings, logger
        self._connected = self._declared = False
        self.summary = Summary(mode="validate" if settings.validate else "sync")
        self._streams = {
            name: StreamRun(settings.shape(kind), client, settings, self.summary, logger)
            for name, kind in KINDS.items()
        }
        self.not_sent = NotSent()
        self._directory = Directory()
        self._memory: Memory
        self._attacher: Attacher | None = None
        self._links = Links("", "", settings.record_url)
        self._objections: list[str] = []
        self._value_name = "match value"  #: what the records are matched on, in words

    def connect(self) -> None:
        """Check the token and the region, once.

        Raises:
            ConfigurationError: one sentence that names the setting.
        """
        if self._connected:
            return
        make_folder(self._settings.report_dir, "report_dir", REPORT_FILES)
        self._memory = Memory(self._settings.memory_dir, int(time.time()), self._settings.report_dir)
        if not self._settings.validate:
            self._memory.prepare()
        try:
            app = self._client.me().get("app") or {}
        except FatalAPIError as error:
            raise ConfigurationError(f"{error} Is `api_url` or `region` right?") from None
        except RecordRefusedError as error:
            raise ConfigurationError(
                f"{self._client.base_url} answers, but not as Intercom's API does ({error.reason}): check `api_url`."
            ) from None
        region, expected = str(app.get("region") or "").lower(), self._settings.region
        if expected and region and region != expected:
            raise ConfigurationError(
                f"The workspace of `access_token` is hosted in the region {region}, not {expected}: change `region`."
            )
        web = WEB.get(expected or region, WEB["us"])
        self._links = Links(web, str(app.get("id_code") or ""), self._settings.record_url)
        self._connected = True

    def declare(self, stream: str, schema: Mapping[str, Any], key_properties: Collection[str] = ()) -> set[str]:
        """Take the custom attributes that a SCHEMA message declares, and return the fields that have no use.

        Raises:
            ConfigurationError: one is of a type that Intercom has not.
        """
        self._declared = True
        self._value_name = self._streams[stream].value_name
        with _as_configuration_error():
            return self._streams[stream].declare(schema, key_properties)

    def add(self, stream: str, record_id: str | None, record: dict[str, Any]) -> None:
        """Take a record; `record_id` is the value of its key property."""
        self._streams[stream].add(record_id, record)

    def finish(self) -> None:
        """Match, decide, write and report; without even a declared stream the tap has failed, and no report is touched.

        Raises:
            ConfigurationError: a setting or an attribute is wrong.
            FatalAPIError: the run stopped; all of its records must come again.
        """
        try:
            self.connect()
            if self._declared or self.not_sent.declared:
                self._take_stock()
                self._process_and_report()
            else:
                self._logger.info("Neither contacts nor companies came: the reports of the last run are left alone")
        finally:
            self._close()

    @property
    def refused_input(self) -> str | None:
        """The sentence that ends a run to which records came, none of which belonged to a known stream."""
        if self._declared or self.not_sent.declared or not self.summary.other_streams:
            return None
        counted = ", ".join(f"{count:,} of `{name}`" for name, count in self.summary.other_streams.items())
        return (
            f"None of the records could be taken ({counted}), so no STATE was written: target-intercom writes the "
            "streams `contacts` and `companies`; rename a stream with `stream_maps`."
        )

    def _take_stock(self) -> None:
        for stream in self._streams.values():
            stream.spool.flush()
            count = self.summary.streams[stream.shape.kind.stream].records = stream.spool.count()
            if count:
                for record_id, instead_of in self.not_sent.replaced():
                    stream.add_unsent(record_id, instead_of)

    def _process_and_report(self) -> None:
        addresses = Addresses(self._links, self._settings.source_url)
        listing = Listing(self._settings.list_records)
        reports = ReportFiles(self._settings.report_dir, int(time.time()), listing, addresses)
        try:
            if self.summary.records:
                self._process(reports)
            self._is_done = True
            if self._settings.validate:  # no STATE will be written
                self.summary.status = "completed"
        finally:
            self._recording = True
            self._report(reports)

    def _process(self, reports: ReportFiles) -> None:
        streams = [stream for stream in self._streams.values() if stream.spool.count()]
        known = frozenset[str]().union(*(stream.fields for stream in streams), {EVERY_FIELD})
        if unknown := sorted(self._settings.attributes_from - known):
            raise ConfigurationError(f"`attributes_from` names `{unknown[0]}`, a field that no stream has.")
        missing = self._plan_attributes(streams)
        self.summary.attributes_missing = [one.name for attributes in missing.values() for one in attributes]
        with open_workers(self._settings.max_concurrency) as executor:
            if self._settings.attach_companies:
                self._attacher = Attacher(self._client, self._directory, executor)
            self._plan(streams, executor, reports, missing)
            self._objections = self._judged(streams)
            if self._settings.validate:
                return
            if self._objections:
                raise FatalAPIError(self._objections[0])
            if any(stream.has_writes for stream in streams):
                # What moved must be remembered before its match gets the link: after that nothing shows it any more.
                self._memory.save()
                self._create_attributes(missing)
                self._write(streams, executor, reports)

    def _write(self, streams: list[StreamRun], executor: Executor, reports: ReportFiles) -> None:
        self._recording = True
        for stream in streams:
            stream.write(executor, reports, self._interruption, attacher=self._attacher, directory=self._directory)

    def _plan(
        self,
        streams: list[StreamRun],
        executor: Executor,
        reports: ReportFiles,
        missing: Mapping[str, list[Attribute]],
    ) -> None:
        """Decide on every row before anything is written."""
        self._scroll(streams)
        for stream in streams:
            kind = stream.shape.kind
            stream.plan(
                executor,
                reports,
                self._memory,
                by_link=stream.shape.link not in {attribute.name for attribute in missing[kind.model]},
                attacher=self._attacher if kind is CONTACT else None,
                directory=self._directory,
            )

    def _scroll(self, streams: list[StreamRun]) -> None:
        """Read the companies that have users, once, for those who need them."""
        companies = next((stream for stream in streams if stream.shape.kind is COMPANY), None)
        if not companies and not self._attacher:
            return
        for company in self._client.scroll_companies():
            if companies:
                companies.keep_company(company)
            if self._attacher and company.get("company_id"):
                self._directory.put(company["company_id"], company["id"])

    def _judged(self, streams: list[StreamRun]) -> list[str]:
        """Give the sentences that stop a run before its first write."""
        alarms = [] if self._settings.accept_changes else [stream.objection() for stream in streams]
        return [sentence for sentence in [*alarms, *(stream.unplannable() for stream in streams)] if sentence]

    def _plan_attributes(self, streams: list[StreamRun]) -> dict[str, list[Attribute]]:
        """Return the attributes to be created, by model; contacts and companies share one space of names."""
        existing = self._client.data_attributes(CONTACT.model) + self._client.data_attributes(COMPANY.model)
        missing: dict[str, list[Attribute]] = {}
        for stream in streams:
            model = stream.shape.kind.model
            with _as_configuration_error():
                plan = stream.plan_attributes(existing)
            missing[model] = plan.missing
            self.summary.attributes_of_earlier_type += plan.earlier
            existing += [{**attribute.body(model), "custom": True} for attribute in plan.missing]
        if names := self.summary.attributes_of_earlier_type:
            self._logger.warning(
                "These attributes go on in the type that they have in Intercom, which cannot be changed; a value that "
                "does not fit it is cleared: %s",
                ", ".join(names),
            )
        return missing

    def _create_attributes(self, missing: Mapping[str, list[Attribute]]) -> None:
        for model, attributes in missing.items():
            for attribute in attributes:
                try:
                    self._create_attribute(model, attribute)
                    self.summary.attributes_created += 1
                except LostReplyError as error:
                    raise FatalAPIError(f"{error} to {_MAX_TRIES} attempts to create `{attribute.name}`.") from None

    @backoff.on_exception(
        backoff.expo, LostReplyError, max_tries=_MAX_TRIES, factor=0.5, max_value=15, giveup_log_level=DEBUG
    )
    def _create_attribute(self, model: str, attribute: Attribute) -> None:
        """Create an attribute. Names are unique: after a lost reply the second attempt is refused, and looked up."""
        try:
            self._client.create_data_attribute(attribute.body(model))
        except RecordRefusedError as error:
            if all(one["name"] != attribute.name for one in self._client.data_attributes(model)):
                raise ConfigurationError(refusal(attribute.name, error.reason, self._settings.owned_prefix)) from None

    def _report(self, reports: ReportFiles) -> None:
        for stream in self._streams.values():
            stream.write_results(reports)
        reports.write_not_sent(self.not_sent, self._value_name)
        reports.write_remembered(self._list_moved(), self._memory.archived.values())
        reports.close()
        if not self._settings.validate:
            self._memory.save()
        self._complete_summary()
        self._write_first_summary(reports)

    def _build_figures(self, seconds: float) -> dict[str, Any]:
        figures = self.summary.as_dict(self._client.tally, seconds)
        return figures | {"outcomes": build_outcomes(figures, self._value_name)}

    def _log_summary(self, reports: ReportFiles) -> None:
        warnings = self._find_gaps()
        if self._settings.validate:
            warnings += [f"A sync would stop: {objection}" for objection in self._objections]
            reports.page(self._figures, self._sums(), warnings)
        for warning in warnings:
            self._logger.warning("%s", warning)
        if self.summary.moved:
            self._logger.warning(
                "%d records have left the user or company that they were on, which keeps its old values: see moved.csv "
                "and the setting `on_moved`",
                self.summary.moved,
            )
        for line in [*reports.listing.lines(self._links), *self._lines(self._figures)]:
            self._logger.info("%s", line)
        self._logger.info("The reports of this run are in %s", self._settings.report_dir)

    def _complete_summary(self) -> None:
        self.summary.not_sent, self.summary.totals = self.not_sent.counts, self.not_sent.totals
        cleared = len(self._memory.to_clear) if self._settings.validate else len(self._memory.cleared)
        self.summary.moved = len(self._memory.moved) - (cleared if self._settings.validate else 0)
        self.summary.moved_cleared = cleared
        self.summary.companies_without_users = self._directory.count_empty()
        if self._attacher:
            self.summary.companies_not_found = self._attacher.counts["company_not_found"]

    def _lines(self, summary: Mapping[str, Any]) -> list[str]:
        """Return what the run says of itself at its end."""
        promise = [format_promise(summary)] if self._settings.validate else []
        return [*format_figures(summary), *format_outcomes(summary, self._value_name), *self._sums(), *promise]

    def _sums(self) -> list[str]:
        totals = self.not_sent.totals
        return [totals.equation(self._settings.source_name)] if totals else []

    def _find_gaps(self) -> list[str]:
        totals = self.not_sent.totals
        return totals.find_gaps(self.summary.records, self.not_sent.counts) if totals else []

    def _list_moved(self) -> Iterator[tuple[Moved, str]]:
        """Yield the records that moved, and what became of the earlier match."""
        memory = self._memory
        would_clear = memory.to_clear if self._settings.validate else set()
        for moved in memory.moved.values():
            refusal = memory.refusals.get(moved.key)
            kept = "would be cleared" if moved.key in would_clear else "keeps its values"
            yield moved, f"not cleared: {refusal}" if refusal else kept
        yield from ((moved, "cleared") for moved in memory.cleared)

    def _close(self) -> None:
        self.not_sent.close()
        self._directory.close()
        for stream in self._streams.values():
            stream.spool.close()


@contextmanager
def _as_configuration_error() -> Iterator[None]:
    try:
        yield
    except AttributeConflictError as error:
        raise ConfigurationError(str(error)) from None
