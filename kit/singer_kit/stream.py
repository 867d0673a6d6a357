"""Streams of a tap whose list is not in the order of the replication key."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import Catalog, RecordMessage, Schema

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from datetime import datetime

    from singer_sdk import Tap

    from .json_types import JsonValue


class RecordStream(Stream):
    """A stream whose records mostly go out as the JSON that came in.

    A bookmark that moved before the list ended would skip what had not come yet. So while a stream is read, STATE holds
    the bookmark that the run started from, and nothing else.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    _extracted: datetime | None = None
    _greatest: int | None = None
    rows = 0
    """The number of records read, before ``stream_maps``."""

    @property
    @abstractmethod
    def is_whole(self) -> bool:
        """Whether this run reads all records, so that a record that did not come does not exist."""

    @property
    def replaces_all_rows(self) -> bool:
        """Whether a row that this run does not send belongs to a deleted record."""
        return False

    def choose_version(self, bookmark: Mapping[str, JsonValue], run_start: int) -> None:
        """Choose the version of the records: a new one in a full run, else that of the last such run."""
        if self.config.get("activate_version"):
            # A changed record needs the version of the existing rows, or a database would delete those.
            self._stream_version = run_start if self.replaces_all_rows else bookmark.get("version")

    def activate_version(self) -> None:
        """Send ACTIVATE_VERSION after the last record if the whole stream was read."""
        # After a partial read, this message would remove every unchanged row.
        if self._stream_version is not None and self.replaces_all_rows:
            self._write_activate_version_message(self._stream_version)

    def _generate_record_messages(self, record: Any) -> Generator[RecordMessage, None, None]:
        """Yield the message of a record, which may already be JSON.

        The SDK's own code for selection and maps costs more time than everything else.
        """
        self.rows += 1
        if not self._is_plain:
            yield from super()._generate_record_messages(record)
            return
        text: Any = msgspec.Raw(record) if isinstance(record, bytes) else record
        name = self.stream_maps[0].stream_alias
        yield RecordMessage(name, text, version=self._stream_version, time_extracted=self._extracted)

    @cached_property
    def _is_plain(self) -> bool:
        """Whether no field is deselected, renamed, flattened or mapped."""
        maps = self.stream_maps
        is_same = len(maps) == 1 and type(maps[0]) is SameRecordTransform and not maps[0].flattening_enabled
        return is_same and all(self.mask.values())

    def _observe(self, value: int | None) -> None:
        """Store the greatest replication key."""
        if value is not None and (self._greatest is None or value > self._greatest):
            self._greatest = value

    def forget_maps(self) -> None:
        """Look up the stream maps again, because the schema changed."""
        self._stream_maps = None

    def _process_record(self, record: Any, *_: Any, **__: Any) -> None:
        """Do nothing: the SDK's own children and partitions are not used."""

    def get_replication_key_signpost(self, context: Mapping[str, JsonValue] | None = None) -> None:
        """Return None, as the vendor's clock limits the bookmark, not this machine's."""

    def _write_starting_replication_value(self, context: Mapping[str, JsonValue] | None) -> None:
        """Do nothing, as the run starts from the bookmark itself."""

    def _increment_stream_state(
        self, latest_record: Mapping[str, JsonValue], *, context: Mapping[str, JsonValue] | None = None
    ) -> None:
        """Do nothing, as there is no progress until the stream is complete."""


@contextmanager
def select_every_stream(catalog: Catalog) -> Iterator[None]:
    """Set up the stream maps of deselected streams too, as `--test` selects them later, when it is too late."""
    roots = [entry.metadata.root for entry in catalog.streams]
    chosen = [root.selected for root in roots]
    for root in roots:
        root.selected = True
    yield
    for root, selected in zip(roots, chosen, strict=True):
        root.selected = selected


def change_schemas(tap: Tap, schemas: Mapping[str, Mapping[str, JsonValue]]) -> None:
    """Replace schemas in the catalog with newer ones, by stream."""
    changed = Catalog({name: entry for name, entry in tap.catalog.items() if entry.tap_stream_id in schemas})
    for entry in changed.streams:
        entry.schema = Schema.from_dict(dict(schemas[entry.tap_stream_id]))
    with select_every_stream(changed):
        tap.mapper.register_raw_streams_from_catalog(changed)
    for stream in tap.streams.values():
        if isinstance(stream, RecordStream):
            stream.forget_maps()
