"""Destinations of a stream's records: the run's buffer, or only a count for an unknown stream."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.exceptions import ConfigurationError
from singer_sdk.sinks import Sink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.helpers._batch import BaseBatchFileEncoding

    from .json_types import JsonObject


class SpoolingSink(Sink):
    """A sink that never writes by itself. All writes happen at the end of the input, when all of it is known.

    Args:
        target: the target, whose run takes the records.
        stream_name: the stream.
        schema: its schema.
        key_properties: its key.
    """

    MAX_SIZE_DEFAULT = sys.maxsize  # the sink keeps no records, so the SDK need not drain it

    def __init__(self, target: Any, stream_name: str, schema: JsonObject, key_properties: Sequence[str] | None) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self._target = target

    def get_validator(self) -> None:
        """Validate nothing here. The run converts values to their declared types and reports those that do not fit."""

    def process_batch(self, context: JsonObject) -> None:
        """Do nothing: see the class."""

    def process_batch_files(self, encoding: BaseBatchFileEncoding, files: Sequence[str]) -> None:  # noqa: ARG002 the SDK's
        """Refuse BATCH messages, as the target does not have this capability."""
        raise ConfigurationError(f"{self._target.name} reads no BATCH messages: remove `batch_config` from the tap.")


class ReportedSink(SpoolingSink):
    """A sink that reports every record, so that no wrong value stops the run."""

    def __init__(self, target: Any, stream_name: str, schema: JsonObject, key_properties: Sequence[str] | None) -> None:
        # The SDK would stop the run at a record without its key. Here it only lacks an id.
        super().__init__(target, stream_name, schema, None)
        self._record_key = tuple(key_properties or ())

    @property
    def key_properties(self) -> Sequence[str]:
        """The key as the SCHEMA message names it."""
        return list(self._record_key)

    def _validate_and_parse(self, record: JsonObject) -> JsonObject:
        """Leave dates unchanged. The SDK would end the run at the first invalid one."""
        return record


class UnknownStreamSink(SpoolingSink):
    """A stream that the target does not write. It logs one warning and counts the records for the summary."""

    known: ClassVar[Sequence[str]]
    """The streams that the target writes."""

    def setup(self) -> None:
        """Log one warning."""
        names = " and ".join(f"`{name}`" for name in self.known)
        self.logger.warning("The stream is skipped: %s writes %s", self._target.name, names)

    def process_record(self, record: JsonObject, context: JsonObject) -> None:  # noqa: ARG002 the SDK's
        """Count the record."""
        self._target.run.summary.other_streams[self.stream_name] += 1
