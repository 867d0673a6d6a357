"""Destinations of a stream's records: the run's buffer, or only its counts for an unknown stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_chartmogul._kit.sinks import ReportedSink, UnknownStreamSink
from target_chartmogul.records.object_types import DELETED_AT, OBJECT_TYPES

if TYPE_CHECKING:
    from target_chartmogul._kit.json_types import JsonObject

_METADATA = "_sdc_"


class RecordSink(ReportedSink):
    """A stream of customers or contacts: fields at the top, custom attributes below."""

    @property
    def include_sdc_metadata_properties(self) -> bool:
        """Keep the SDK's metadata, as one of its fields marks a deleted record."""
        return True

    def setup(self) -> None:
        """Take the declared attributes, and warn about unused fields."""
        self._target.run.declare_stream(self.stream_name, self.schema)
        object_type = OBJECT_TYPES[self.stream_name]
        declared = {name for name in self.schema["properties"] if not name.startswith(_METADATA)}
        # Otherwise nobody would notice a misspelt field.
        unused = sorted(declared - object_type.fields.keys() - object_type.other_fields - set(self._record_key))
        if unused:
            self.logger.warning("These fields of the stream are not used: %s", ", ".join(unused))

    def process_record(self, record: JsonObject, context: JsonObject) -> None:  # noqa: ARG002 - the SDK's
        """Buffer the record, without the SDK's metadata."""
        own = {name: one for name, one in record.items() if name == DELETED_AT or not name.startswith(_METADATA)}
        self._target.run.add_record(self.stream_name, own)


class OtherStreamSink(UnknownStreamSink):
    """A stream that is not `customers` or `contacts`."""

    known = tuple(OBJECT_TYPES)
