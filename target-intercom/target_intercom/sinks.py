"""Destinations of a stream's records: the run's buffer, or only a count for an unknown stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_intercom._kit.sinks import ReportedSink, UnknownStreamSink

if TYPE_CHECKING:
    from target_intercom._kit.json_types import JsonObject


class RecordSink(ReportedSink):
    """A stream of contacts or companies: standard fields at the top and everything else under `custom_attributes`."""

    def setup(self) -> None:
        """Take the declared attributes, and warn about fields without a use."""
        unused = self._target.run.declare_stream(self.stream_name, self.schema, self._record_key)
        if unused:
            self.logger.warning("These fields of the stream are not used: %s", ", ".join(sorted(unused)))

    def process_record(self, record: JsonObject, context: JsonObject) -> None:  # noqa: ARG002 - the SDK's
        """Buffer the record."""
        values = [record.get(name) for name in self._record_key]
        record_id = "/".join(map(str, values)) if values and None not in values else None
        self._target.run.add_record(self.stream_name, record_id, record)


class NotSentSink(ReportedSink):
    """The customers that the map did not send: for the reports only."""

    def setup(self) -> None:
        """Read the totals."""
        self._target.run.not_sent.read_schema(self.schema)

    def process_record(self, record: JsonObject, context: JsonObject) -> None:  # noqa: ARG002 - the SDK's
        """Store the record."""
        self._target.run.not_sent.add_record(record)


class EventSink(ReportedSink):
    """The data events of contacts."""

    def setup(self) -> None:
        """Read which names the source has chosen."""
        self._target.run.events.declare(self.schema)

    def process_record(self, record: JsonObject, context: JsonObject) -> None:  # noqa: ARG002 the SDK's
        """Store the record."""
        self._target.run.events.add_record(record)


class ObjectSink(ReportedSink):
    """The subscriptions that custom objects show."""

    def setup(self) -> None:
        """Read which custom object they are instances of."""
        self._target.run.objects.declare(self.schema)

    def process_record(self, record: JsonObject, context: JsonObject) -> None:  # noqa: ARG002 the SDK's
        """Store the record."""
        self._target.run.objects.add_record(record)


class OtherStreamSink(UnknownStreamSink):
    """A stream that is not `contacts` or `companies`."""

    known = ("contacts", "companies")
