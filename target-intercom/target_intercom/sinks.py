"""Where the records of a stream go: into the run's spool, or, of an unknown stream, nowhere but into the count."""

from __future__ import annotations

from typing import Any

from target_intercom._kit.sinks import ReportedSink, UnknownStreamSink


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


class OtherStreamSink(UnknownStreamSink):
    """A stream of neither contacts nor companies."""

    known = ("contacts", "companies")
