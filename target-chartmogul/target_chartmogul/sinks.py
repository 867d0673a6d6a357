"""Where the records of a stream go: into the run's spool, or, of an unknown stream, nowhere but into the count."""

from __future__ import annotations

from typing import Any

from target_chartmogul._kit.sinks import ReportedSink, UnknownStreamSink
from target_chartmogul.records.object_types import CONTACT, CUSTOMER_ID, DELETED_AT, EXTERNAL_ID, KINDS, PREVIOUS_ID

_METADATA = "_sdc_"


class RecordSink(ReportedSink):
    """A stream of customers or contacts: fields at the top, custom attributes below."""

    @property
    def include_sdc_metadata_properties(self) -> bool:
        """Say yes, or the SDK would take away the mark of a record that is gone."""
        return True

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
        of_contacts = {CUSTOMER_ID, PREVIOUS_ID} if kind is CONTACT else set()
        return {EXTERNAL_ID, *kind.fields, *kind.custom_at[:1]} | of_contacts


class OtherStreamSink(UnknownStreamSink):
    """A stream of neither customers nor contacts."""

    known = tuple(KINDS)
