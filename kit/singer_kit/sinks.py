"""Where the records of a stream go: into the run's spool, or, of an unknown stream, nowhere but into the count."""

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
    """A sink that never writes by itself: everything happens at the end of input, when the whole input is known.

    Args:
        target: the target, whose run takes the records.
        stream_name: the stream.
        schema: its schema.
        key_properties: its key.
    """

    MAX_SIZE_DEFAULT = sys.maxsize  # records are not held here, so the SDK need not drain

    def __init__(self, target: Any, stream_name: str, schema: JsonObject, key_properties: Sequence[str] | None) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self._target = target

    def get_validator(self) -> None:
        """Validate nothing here: values are fitted to their declared types, and a misfit is reported, not a crash."""

    def process_batch(self, context: JsonObject) -> None:
        """Do nothing: see the class."""

    def process_batch_files(self, encoding: BaseBatchFileEncoding, files: Sequence[str]) -> None:  # noqa: ARG002 the SDK's
        """Refuse BATCH messages, which no capability of a target offers."""
        raise ConfigurationError(f"{self._target.name} reads no BATCH messages: remove `batch_config` from the tap.")


class ReportedSink(SpoolingSink):
    """A sink whose records all get into the reports, so that no value of one stops the run."""

    def __init__(self, target: Any, stream_name: str, schema: JsonObject, key_properties: Sequence[str] | None) -> None:
        # The SDK stops the run at a record without its key property; here it is a record without an id.
        super().__init__(target, stream_name, schema, None)
        self._record_key = tuple(key_properties or ())

    @property
    def key_properties(self) -> Sequence[str]:
        """The key as the SCHEMA message names it."""
        return list(self._record_key)

    def _validate_and_parse(self, record: JsonObject) -> JsonObject:
        """Leave dates as they are: the SDK would end the run at the first one that is none."""
        return record


class UnknownStreamSink(SpoolingSink):
    """A stream that the target has no use for: one warning, and the count of its records in the summary."""

    known: ClassVar[Sequence[str]]
    """The streams that the target writes."""

    def setup(self) -> None:
        """Warn once."""
        names = " and ".join(f"`{name}`" for name in self.known)
        self.logger.warning("The stream is skipped: %s writes %s", self._target.name, names)

    def process_record(self, record: JsonObject, context: JsonObject) -> None:  # noqa: ARG002 the SDK's
        """Count the record."""
        self._target.run.summary.other_streams[self.stream_name] += 1
