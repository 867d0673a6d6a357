"""Common code of the taps: they check their command line, repeat STATE unchanged, and never write a false one."""

from __future__ import annotations

import time
from abc import abstractmethod
from copy import deepcopy
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities

from .command_files import check_file, find_catalog_problems, find_state_problems
from .errors import raise_problems
from .marker import MARKER, build_marker
from .plugin import Plugin
from .stream import select_every_stream
from .writer import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.helpers.types import TapState

    from .command_files import Types
    from .json_types import JsonObject
    from .source import SourceBase
    from .stream import RecordStream


class TapBase(Plugin, Tap):
    """A tap whose marker tells a join that everything was read."""

    message_writer_class = Writer
    # BATCH is missing, as a join would then lack a part of its input. ACTIVATE_VERSION has its own setting.
    capabilities = [  # noqa: RUF012 the SDK's own attribute
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]
    stream_names: ClassVar[frozenset[str]]
    """All streams that the tap has."""
    bookmark_types: ClassVar[Types]
    """The members of a bookmark that the tap reads."""

    @property
    @abstractmethod
    def source(self) -> SourceBase:
        """What the streams of a run share."""

    @abstractmethod
    def open_streams(self) -> Sequence[RecordStream]:
        """Fetch the first page of every selected stream, and return the streams after all pages came."""

    def sync_all(self) -> None:  # type: ignore[misc]
        """Read the selected streams. When all were read to the end, write the marker into the last STATE.

        The map joins the streams only after the marker, as a tap that dies also ends its output cleanly. The SDK's type
        checker calls this method final.

        Raises:
            UserError: the vendor refused a stream, which happens before the first message, or stopped answering later.
        """
        streams = self.open_streams()
        self.state.get("bookmarks", {}).pop(MARKER, None)
        super().sync_all()
        bookmarks = self.state.setdefault("bookmarks", {})
        if self.source.is_subset:
            # A run over some records moves no bookmark, but the SDK leaves an empty one per stream.
            for name in [name for name, bookmark in bookmarks.items() if not bookmark]:
                del bookmarks[name]
        bookmarks[MARKER] = build_marker(
            {stream.name: stream.rows for stream in streams},
            whole=[stream.name for stream in streams if stream.is_whole],
            start_date=self.source.start_date,
            completed_at=int(time.time() * 1000),
            subset=self.source.is_subset,
        )
        self.state_writer.write_state(self.state)

    def find_listed_streams(self) -> frozenset[str] | None:
        """Return the names of the streams in the command line's catalog; None without a catalog.

        Raises:
            UserError: the catalog lists an unknown stream.
        """
        if self.input_catalog is None:
            return None
        # The schemas are left out: large ones take long to convert, and the SDK has parsed them already.
        listed = [
            {"tap_stream_id": entry.tap_stream_id, "metadata": entry.metadata.to_list()}
            for entry in self.input_catalog.streams
        ]
        raise_problems(find_catalog_problems({"streams": listed}, self.stream_names))
        return frozenset(entry.tap_stream_id for entry in self.input_catalog.streams)

    def setup_mapper(self) -> None:
        """Set the stream maps up."""
        with select_every_stream(self.catalog):
            super().setup_mapper()

    def flush(self) -> None:
        """Write the buffered messages."""
        if isinstance(self.message_writer, Writer):
            self.message_writer.flush()

    @staticmethod
    def utc_now() -> datetime:
        """Return this machine's time."""
        return datetime.now(UTC)

    @classmethod
    def find_state_problems(cls, state: object) -> list[str]:
        """Return one sentence for each part of a state that the tap cannot use."""
        return find_state_problems(state, cls.stream_names, cls.bookmark_types)

    def load_state(self, state: JsonObject) -> None:
        """Keep the last run's STATE unchanged. The SDK would keep only the bookmarks, and only those that are objects.

        Raises:
            UserError: it is not a Singer state, or one of this tap's bookmarks is malformed.
        """
        raise_problems(self.find_state_problems(state))
        self._state = cast("TapState", deepcopy(state))

    def _reset_state_progress_markers(self) -> None:
        """Drop the SDK's markers of an unfinished run, but only for the tap's own streams."""
        for name, bookmark in self.state.get("bookmarks", {}).items():
            # Other taps' bookmarks may have any form, and stay unchanged.
            if name in self.stream_names:
                bookmark.pop("progress_markers", None)

    @classmethod
    def invoke(cls, *, state: IO[str] | None = None, catalog: IO[str] | None = None, **options: Any) -> None:
        """Run the command line.

        Raises:
            UserError: the state or the catalog file cannot be used.
        """
        super().invoke(
            state=check_file(state, "--state", cls.find_state_problems),
            catalog=check_file(catalog, "--catalog", lambda found: find_catalog_problems(found, cls.stream_names)),
            **options,
        )
