"""Where the records of a stream go: into the run's spool, or, of an unknown stream, nowhere but into the count."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigurationError
from singer_sdk.sinks import Sink

from target_chartmogul.kinds import CONTACT, CUSTOMER_ID, DELETED_AT, KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.helpers._batch import BaseBatchFileEncoding

    from target_chartmogul.target import TargetChartmogul

_METADATA = "_sdc_"


class SpoolingSink(Sink):
    """A sink that never writes by itself: everything happens at the end of input, when the whole input is known."""

    MAX_SIZE_DEFAULT = sys.maxsize  # records are not held here, so the SDK need not drain

    def __init__(
        self, target: TargetChartmogul, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self._target = target

    def get_validator(self) -> None:
        """Validate nothing here: values are fitted to their declared types, and a misfit is left out, not a crash."""

    def process_batch(self, context: dict[str, Any]) -> None:
        """Do nothing: see the class."""

    def process_batch_files(self, encoding: BaseBatchFileEncoding, files: Sequence[str]) -> None:  # noqa: ARG002 - the SDK's
        """Refuse BATCH messages, which no capability of this target offers."""
        raise ConfigurationError("target-chartmogul reads no BATCH messages: remove `batch_config` from the tap.")


class RecordSink(SpoolingSink):
    """A stream of customers or contacts: fields at the top, custom attributes below."""

    def __init__(
        self, target: TargetChartmogul, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        # The SDK stops the run at a record without its key property; here it is a record without an id.
        super().__init__(target, stream_name, schema, None)
        self._record_key = tuple(key_properties or ())

    @property
    def include_sdc_metadata_properties(self) -> bool:
        """Say yes, or the SDK would take away the mark of a record that is gone."""
        return True

    def _validate_and_parse(self, record: dict[str, Any]) -> dict[str, Any]:
        """Leave dates as they are: the SDK would end the run at the first one that is none."""
        return record

    @property
    def key_properties(self) -> Sequence[str]:
        """The key as the SCHEMA message names it."""
        return list(self._record_key)

    def setup(self) -> None:
        """Take the declared attributes, and warn of fields that have no use."""
        self._target.run.declare(self.stream_name, self.schema)
        declared = {name for name in self.schema["properties"] if not name.startswith(_METADATA)}
        unused = sorted(declared - self._used() - set(self._record_key))
        if unused:
            self.logger.warning("These fields of the stream are not used: %s", ", ".join(unused))

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - the SDK's
        """Spool the record, without the SDK's own remarks."""
        kept = {name: one for name, one in record.items() if name == DELETED_AT or not name.startswith(_METADATA)}
        self._target.run.add(self.stream_name, kept)

    def _used(self) -> set[str]:
        kind = KINDS[self.stream_name]
        return {"external_id", *kind.fields, *kind.custom_at[:1]} | ({CUSTOMER_ID} if kind is CONTACT else set())


class UnknownStreamSink(SpoolingSink):
    """A stream that this target has no use for: one warning, and the count of its records in the summary."""

    def setup(self) -> None:
        """Warn once."""
        self.logger.warning("The stream is skipped: target-chartmogul writes `customers` and `contacts`")

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - the SDK's
        """Count the record."""
        self._target.run.summary.other_streams[self.stream_name] += 1
