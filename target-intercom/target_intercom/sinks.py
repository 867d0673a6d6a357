"""Where the records of a stream go: into the run's spool, or, of an unknown stream, nowhere but into the count."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigurationError
from singer_sdk.sinks import Sink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.helpers._batch import BaseBatchFileEncoding

    from target_intercom.target import TargetIntercom


class SpoolingSink(Sink):
    """A sink that never writes by itself: everything happens at the end of input, when the whole input is known."""

    MAX_SIZE_DEFAULT = sys.maxsize  # records are not held here, so the SDK need not drain

    def __init__(
        self, target: TargetIntercom, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self._target = target

    def get_validator(self) -> None:
        """Validate nothing here: values are fitted to their declared types, and a misfit is a reject, not a crash."""

    def process_batch(self, context: dict[str, Any]) -> None:
        """Do nothing: see the class."""

    def process_batch_files(self, encoding: BaseBatchFileEncoding, files: Sequence[str]) -> None:  # noqa: ARG002 - the SDK's
        """Refuse BATCH messages, which no capability of this target offers."""
        raise ConfigurationError("target-intercom reads no BATCH messages: remove `batch_config` from the tap.")


class ReportedSink(SpoolingSink):
    """A sink whose records all get into the reports, so that no value of one stops the run."""

    def __init__(
        self, target: TargetIntercom, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        # The SDK stops the run at a record without its key property; here it is a record without an id.
        super().__init__(target, stream_name, schema, None)
        self._record_key = tuple(key_properties or ())

    @property
    def key_properties(self) -> Sequence[str]:
        """The key as the SCHEMA message names it."""
        return list(self._record_key)

    def _validate_and_parse(self, record: dict[str, Any]) -> dict[str, Any]:
        """Leave dates as they are: the SDK would end the run at the first one that is none."""
        return record


class RecordSink(ReportedSink):
    """A stream of contacts or companies: standard fields at the top and everything else under `custom_attributes`."""

    def setup(self) -> None:
        """Take the declared attributes, and warn of fields that have no use."""
        unused = self._target.run.declare(self.stream_name, self.schema, self._record_key)
        if unused:
            self.logger.warning("These fields of the stream are not used: %s", ", ".join(sorted(unused)))

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - the SDK's
        """Spool the record."""
        self._target.run.add(self.stream_name, self._record_id(record), record)

    def _record_id(self, record: dict[str, Any]) -> str | None:
        values = [record.get(name) for name in self._record_key]
        return "/".join(map(str, values)) if values and None not in values else None


class NotSentSink(ReportedSink):
    """The customers that the map did not send: for the reports only."""

    def setup(self) -> None:
        """Read the totals."""
        self._target.run.not_sent.declare(self.schema)

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - the SDK's
        """Keep the record."""
        self._target.run.not_sent.add(record)


class UnknownStreamSink(SpoolingSink):
    """A stream that this target has no use for: one warning, and the count of its records in the summary."""

    def setup(self) -> None:
        """Warn once."""
        self.logger.warning("The stream is skipped: target-intercom writes `contacts` and `companies`")

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - the SDK's
        """Count the record."""
        self._target.run.summary.other_streams[self.stream_name] += 1
