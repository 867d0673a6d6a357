"""The order of a run: check, match everything, judge the whole, and only then write."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

import backoff
from singer_sdk.exceptions import ConfigurationError, FatalAPIError

from target_intercom.attributes import Attribute, AttributeConflictError, declared_attributes, plan_attributes, refusal
from target_intercom.client import LostReplyError, RecordRefusedError
from target_intercom.dispatch import run_all
from target_intercom.limits import BlastRadius, RejectLimit
from target_intercom.matching import matcher_for
from target_intercom.payloads import Shape, link_value, match_key, match_value
from target_intercom.planning import Planner
from target_intercom.reports import Progress, ReportFiles, Summary, table
from target_intercom.spool import Spool
from target_intercom.writing import Writer

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator, Mapping
    from concurrent.futures import Executor

    from target_intercom.client import IntercomClient
    from target_intercom.matching import Matcher
    from target_intercom.outcomes import Outcome
    from target_intercom.settings import Settings
    from target_intercom.spool import Row

_BATCH = 2000  # rows matched at a time
_QUEUED = 4  # rows handed out for each worker
_MODEL = "contact"
_MAX_TRIES = 7


class ContactRun:
    """One run over the stream `contacts`: `declare` and `add` what comes, then `finish`."""

    def __init__(self, client: IntercomClient, settings: Settings, logger: logging.Logger) -> None:
        self._client, self._settings, self._logger = client, settings, logger
        self._started = time.monotonic()
        self._attributes: dict[str, Attribute] = {}
        self._connected = False
        self._spool = Spool()
        self.summary = Summary(mode="validate" if settings.validate else "sync")

    def connect(self) -> None:
        """Check the token and the region, once.

        Raises:
            ConfigurationError: one sentence that names the setting.
        """
        if self._connected:
            return
        try:
            app = self._client.me().get("app") or {}
        except FatalAPIError as error:
            raise ConfigurationError(f"{error} Is `api_url` or `region` right?") from None
        region, expected = str(app.get("region") or "").lower(), self._settings.region
        if expected and region and region != expected:
            raise ConfigurationError(
                f"The workspace of `access_token` is hosted in the region {region}, not {expected}: change `region`."
            )
        self._connected = True

    def declare(self, schema: Mapping[str, Any]) -> None:
        """Take the custom attributes that a SCHEMA message declares.

        Raises:
            ConfigurationError: one is of a type that Intercom has not.
        """
        with _as_configuration_error():
            self._attributes |= declared_attributes(schema)

    def add(self, record_id: str | None, record: dict[str, Any]) -> None:
        """Take a record; `record_id` is the value of its key property."""
        shape = self._shape({})
        value = match_value(record, shape.match_on)
        key = match_key(value, shape.match_on) if value else None
        self._spool.add(record_id, key, link_value(record, record_id, shape), record)

    def finish(self) -> None:
        """Match, decide, write and report.

        Raises:
            ConfigurationError: a setting or an attribute is wrong.
            FatalAPIError: the run stopped; all of its records must come again.
        """
        self._spool.flush()
        self.summary.records = self._spool.count()
        reports = ReportFiles(self._settings.report_dir, int(time.time()))
        try:
            self.connect()
            if self.summary.records:
                self._process(reports)
            self.summary.status = "completed"
        finally:
            self._report(reports)
            self._spool.close()

    def _process(self, reports: ReportFiles) -> None:
        wanted = self._wanted_attributes()
        missing = self._missing(wanted)
        shape = self._shape(wanted)
        guard = BlastRadius(self._settings.max_changed_share)
        planner = Planner(self._settings, shape, self._spool, guard, reports.known_archived)
        with ThreadPoolExecutor(self._settings.max_concurrency) as executor:
            by_link = shape.link not in {attribute.name for attribute in missing}
            matcher = matcher_for(self._client, shape, self._spool, executor, by_link=by_link)
            self._plan(shape, matcher, planner, reports)
            objection = None if self._settings.accept_changes else guard.objection()
            if self._settings.validate:
                self._warn(objection)
                return
            if objection := objection or self._unplannable():
                raise FatalAPIError(objection)
            if self._spool.count_planned():
                self._create_attributes(missing)
                self._write(executor, Writer(self._client, shape, planner), reports)

    def _warn(self, objection: str | None) -> None:
        if objection:
            self._logger.warning("A sync would stop: %s", objection)

    def _unplannable(self) -> str | None:
        """Give the sentence that stops a run of which too many records cannot even be tried."""
        rejected = self.summary.rejected
        attempts = self._spool.count_planned() + rejected.total()
        return RejectLimit(self._settings.max_rejects, attempts=attempts, reasons=rejected).objection()

    def _wanted_attributes(self) -> dict[str, Attribute]:
        """Give the attributes that this run may write: on a match only owned ones, unless the settings say more."""
        owner = self._shape({})
        everything = self._settings.update_all or self._settings.may_create
        declared = {name: one for name, one in self._attributes.items() if everything or owner.owns(name)}
        if owner.link and owner.link not in declared:
            declared[owner.link] = Attribute(owner.link, "string", "The id of the record kept in step with this one.")
        created_by = Attribute(owner.created_by, "boolean", "Whether this integration created the record in Intercom.")
        return declared | {created_by.name: created_by}

    def _shape(self, attributes: Mapping[str, Attribute]) -> Shape:
        return Shape(
            types={name: attribute.data_type for name, attribute in attributes.items()},
            match_on=self._settings.match_contacts_on,
            update_all=self._settings.update_all,
            prefix=self._settings.owned_prefix,
            link=self._settings.link_attribute,
        )

    def _missing(self, wanted: Mapping[str, Attribute]) -> list[Attribute]:
        existing = self._client.data_attributes("contact") + self._client.data_attributes("company")
        with _as_configuration_error():
            missing = plan_attributes(wanted.values(), existing, model=_MODEL, prefix=self._settings.owned_prefix)
        self.summary.attributes_missing = [attribute.name for attribute in missing]
        return missing

    def _create_attributes(self, missing: Iterable[Attribute]) -> None:
        for attribute in missing:
            try:
                self._create_attribute(attribute)
            except LostReplyError as error:
                raise FatalAPIError(f"{error} to {_MAX_TRIES} attempts to create `{attribute.name}`.") from None

    @backoff.on_exception(backoff.expo, LostReplyError, max_tries=_MAX_TRIES, factor=0.5, max_value=15)
    def _create_attribute(self, attribute: Attribute) -> None:
        """Create an attribute. Names are unique: after a lost reply the second attempt is refused, and looked up."""
        try:
            self._client.create_data_attribute(attribute.body(_MODEL))
        except RecordRefusedError as error:
            if all(one["name"] != attribute.name for one in self._client.data_attributes(_MODEL)):
                raise ConfigurationError(refusal(attribute.name, error.reason, self._settings.owned_prefix)) from None

    def _plan(self, shape: Shape, matcher: Matcher, planner: Planner, reports: ReportFiles) -> None:
        """Decide on every row before anything is written."""
        progress = Progress(self._logger, "Matched", self.summary.records)
        for rows in self._spool.batches(_BATCH):
            found = matcher.match(rows)
            for row in rows:
                plan = planner.plan(row, found[row.seq])
                self.summary.values_cut += plan.cut
                self.summary.matched += plan.contact is not None
                if plan.action:
                    self._spool.plan(row, plan.action, plan.contact)
                if self._settings.validate or not plan.action:
                    self._record(reports, row, plan.outcome)
                reports.planned(row.id, match_value(row.record, shape.match_on), found[row.seq].contacts, plan.outcome)
            progress.step(len(rows))

    def _write(self, executor: Executor, writer: Writer, reports: ReportFiles) -> None:
        limit = RejectLimit(self._settings.max_rejects, earlier=self.summary.rejected.total())
        progress = Progress(self._logger, "Written", self._spool.count_planned())

        def record(row: Row, outcome: Outcome) -> None:
            self._record(reports, row, outcome)
            limit.note(outcome.reason if outcome.kind == "rejected" else None)
            progress.step()

        run_all(
            executor,
            writer.write,
            chain.from_iterable(self._spool.batches(_BATCH, planned=True)),
            window=_QUEUED * self._settings.max_concurrency,
            record=record,
            objection=limit.objection,
        )

    def _record(self, reports: ReportFiles, row: Row, outcome: Outcome) -> None:
        self.summary.note(outcome)
        if outcome.kind == "rejected":
            reports.rejected(row.id, outcome)
        elif outcome.reason == "archived":
            reports.archived(row.id, match_value(row.record, self._settings.match_contacts_on), outcome.contact_id)
        elif outcome.changed and not self._settings.validate:
            reports.changed(row.id, outcome)

    def _report(self, reports: ReportFiles) -> None:
        reports.close()
        summary = self.summary.as_dict(self._client.tally, time.monotonic() - self._started)
        reports.summary(summary)
        for line in table(summary):
            self._logger.info("%s", line)
        self._logger.info("The reports of this run are in %s", self._settings.report_dir)


@contextmanager
def _as_configuration_error() -> Iterator[None]:
    try:
        yield
    except AttributeConflictError as error:
        raise ConfigurationError(str(error)) from None
