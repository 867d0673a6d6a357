"""What both maps share: read everything, keep it in one transaction, and only then send.

A tap that dies gives a mapper a clean end of input, so the end alone proves nothing: see ``protocol``.
"""

from __future__ import annotations

import abc
import gc
import hashlib
import json
import sys
import tempfile
import time
import uuid
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

import msgspec
import singer_sdk.singerlib as singer
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers.capabilities import PluginCapabilities
from singer_sdk.mapper_base import InlineMapper

from standpipe_maps import commands as store_commands
from standpipe_maps import protocol
from standpipe_maps._kit.block_list import BlockList
from standpipe_maps._kit.clock import is_recent
from standpipe_maps._kit.command_files import is_too_deep
from standpipe_maps._kit.errors import UserError
from standpipe_maps._kit.plugin import Plugin
from standpipe_maps.messages import RawReader, release, room
from standpipe_maps.persons import NAMED_RECORD
from standpipe_maps.settings import HOUSEKEEPING
from standpipe_maps.store import Store
from standpipe_maps.summary import block, save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import click
    from sqlalchemy import Connection, MetaData

    from standpipe_maps._kit.json_types import JsonObject
    from standpipe_maps.persons import PersonColumns

BATCH = 1000
HOUR = 3600


class JoinMapper(Plugin, InlineMapper, abc.ABC):
    """A mapper that sends nothing until it has read everything and committed it."""

    # Streams that are kept: others pass by.
    streams: ClassVar[frozenset[str]]
    # The fields that name a person, by stream, the id first.
    people: ClassVar[Mapping[str, Sequence[str]]]
    # Streams that must have been read whole before what is missing can be told from what is late.
    joined: ClassVar[frozenset[str]]
    person_columns: ClassVar[PersonColumns]
    # Commands of this map alone, beside those of ``commands``.
    commands: ClassVar[Sequence[click.Command]] = ()
    tables: ClassVar[MetaData]
    migrations: ClassVar[Sequence[Callable[[Connection], None]]]

    capabilities: ClassVar[list[Any]] = [PluginCapabilities.ABOUT, PluginCapabilities.STRUCTURED_LOGGING]
    message_reader_class = RawReader
    message_writer_class = MsgSpecWriter
    package_name = "standpipe-maps"

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.started = time.monotonic()
        self.schemas: dict[str, Mapping[str, Any]] = {}
        self.counts: Counter[str] = Counter()
        self._rows: dict[str, list[bytes]] = {}
        self.erased: set[str] = set()
        """The ids, among those that came, of people who were erased."""
        self.whole: frozenset[str] = frozenset()
        """The streams of which everything came, so that who did not come is gone."""
        self._echo: dict[str, Any] | None = None
        self._held: dict[str, Any] | None = None
        self._opened: protocol.Opening | None = None
        self._open = ExitStack()
        self.message_reader: RawReader
        self.message_reader.on_failure = self._open.close

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Return the SDK's command with the commands that read the stores."""
        return store_commands.add_commands(super().get_singer_command(), cls)

    # What a map fills in.

    @classmethod
    @abc.abstractmethod
    def build_facts(cls) -> JsonObject:
        """Return what this map alone knows and other programs read from `--about --format=json`."""

    @property
    @abc.abstractmethod
    def needed(self) -> Iterable[tuple[str, ...]]:
        """The streams that the join needs; of each tuple, one."""

    @abc.abstractmethod
    def begin(self) -> None:
        """Get ready for the first rows: ``store`` is open."""

    @abc.abstractmethod
    def keep(self, stream: str, records: Sequence[bytes]) -> None:
        """Put records, as they came, into the store."""

    @abc.abstractmethod
    def find_missing(self, began: int, *, new: bool) -> protocol.Missing:
        """Return what records refer to and nobody knows, after a run that read the streams ``joined`` whole.

        Args:
            began: when the run began, unix seconds; what is younger may still be on its way.
            new: the store knows nothing from earlier runs.
        """

    @abc.abstractmethod
    def fingerprint(self) -> Any:
        """What, beside the settings and the code, decides what is sent: JSON."""

    @abc.abstractmethod
    def derived(self, since: int | None) -> Iterable[singer.Message]:
        """The SCHEMA and the RECORDs to send: of everything, or of what changed after the generation ``since``.

        ``now`` is when the tap ended, in unix seconds.
        """

    @abc.abstractmethod
    def report(self, generation: int, seconds: float) -> dict[str, Any]:
        """The run's summary, which is logged and written as JSON."""

    # The protocol.

    def map_schema_message(self, message_dict: dict[str, Any]) -> Iterable[singer.Message]:
        """Take note of a stream; the first opens the store."""
        if self._opened is None:
            self._open_store()
        self.schemas[message_dict["stream"]] = message_dict["schema"]
        return ()

    def map_record_message(self, message_dict: dict[str, Any]) -> Iterable[singer.Message]:
        """Take a record in."""
        stream = message_dict["stream"]
        if stream not in self.schemas:
            raise UserError(f"A record of the stream {stream} came before its schema: check the tap.")
        if stream in self.streams:
            rows = self._rows.setdefault(stream, [])
            rows.append(message_dict["record"])
            self.counts[stream] += 1
            if len(rows) >= BATCH:
                self._flush()
        return ()

    def map_state_message(self, message_dict: dict[str, Any]) -> Iterable[singer.Message]:
        """Hold a STATE back; one before the first SCHEMA is what the target confirmed last."""
        state = message_dict["value"]
        if is_too_deep(state):
            raise UserError("A STATE of the input is nested too deeply: nothing is sent, check the tap.")
        if not isinstance(state.get("bookmarks", {}), dict):
            # The map's own bookmark would take their place.
            raise UserError("The `bookmarks` of a STATE of the input are no object: nothing is sent, check the tap.")
        if self._opened is None:
            self._echo = state
        else:
            protocol.check_late_echo(protocol.echo_of(state), self._opened)
            self._held = state
        return ()

    def map_activate_version_message(self, message_dict: dict[str, Any]) -> Iterable[singer.Message]:  # noqa: ARG002
        """Nothing: versions of the tap's tables are no versions of what is derived."""
        return ()

    def map_batch_message(self, message_dict: dict[str, Any]) -> Iterable[singer.Message]:
        """Refuse: rows that lie elsewhere cannot be joined."""
        raise UserError(
            f"The tap sends {message_dict.get('stream')} as BATCH files: take `batch_config` out of its settings."
        )

    def process_endofpipe(self) -> None:
        """Send what the whole input makes, or refuse."""
        with self._open:
            self._finish()

    def _open_store(self) -> None:
        self._opened = protocol.opening(
            protocol.echo_of(self._echo),
            store_name=self.config.get("store_name"),
            allow_partial=self.config["allow_partial"],
            preview=self.config["preview"],
        )
        self.store = self._open.enter_context(self._store(self._opened))
        self._confirmed = self._opened.confirmed
        self._committed = self.store.generation
        protocol.check_generation(self._opened, self._committed)
        if self._opened.fresh:
            self.store.clear()
        self.generation = self._committed + 1
        try:
            self._block_list = BlockList(self.store_dir)
        except ValueError as error:
            raise UserError(str(error)) from error
        self.begin()

    def _store(self, opened: protocol.Opening) -> Store:
        folder = self._folder(opened)
        name = opened.name or uuid.uuid4().hex
        path = folder / f"{name}.sqlite"
        if opened.must_exist and not path.exists():
            raise UserError(f"The store {path} is missing: bring it back, or {protocol.FULL_REFRESH}.")
        return Store(path, name, self.tables, self.migrations)

    @property
    def store_dir(self) -> Path:
        """The folder of the stores."""
        return Path(self.config["store_dir"]).expanduser()

    def _folder(self, opened: protocol.Opening) -> Path:
        if opened.throw_away:
            return Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="standpipe-")))
        try:
            self.store_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"The folder {self.store_dir} cannot be made ({error.strerror}): check `store_dir`."
            ) from error
        return self.store_dir

    def _flush(self) -> None:
        for stream, rows in self._rows.items():
            self.keep(stream, self._leave_out_erased(stream, rows))
        self._rows.clear()

    def _leave_out_erased(self, stream: str, rows: Sequence[bytes]) -> Sequence[bytes]:
        """Return the records that are not of people who were erased (`standpipe erase`)."""
        fields = self.people.get(stream, ())
        if not (fields and self._block_list):
            return rows
        return [row for row in rows if not self._is_erased(fields, row)]

    def _is_erased(self, fields: Sequence[str], row: bytes) -> bool:
        try:
            names = [getattr(NAMED_RECORD.decode(row), field) for field in fields]
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Whoever keeps it says what is wrong with it.
            return False
        texts = [name for name in names if isinstance(name, str)]
        if self.erased.isdisjoint(texts) and not self._block_list.blocks(*texts):
            return False
        # What belongs to the person, such as invoices, names the id alone.
        self.erased.update(texts[:1])
        return True

    def _finish(self) -> None:
        marker = protocol.marker_of(self._held)
        opened = self._opened
        if opened is None:
            raise UserError("The tap sent no stream, so nothing is sent: look at its log, and run again.")
        protocol.check_complete(
            marker,
            self.needed,
            opened,
            arrived=protocol.Arrived(
                {stream: self.counts[stream] for stream in self.schemas}, self.config["accept_filtered"]
            ),
            new=self._is_new,
            allow_partial=self.config["allow_partial"],
        )
        self._flush()
        self.whole = marker.whole.difference(self.config["accept_filtered"]) if marker else frozenset()
        self._check_join(marker)
        self.now = now = marker.completed_at // 1000 if marker else int(time.time())
        with room(self.store.path.parent) as held:
            with without_collector():
                self._hold_back(held, self._since(now), now)
            self.store.commit()
            release(held, sys.stdout.buffer)
        self._summarise(opened)

    @property
    def _is_new(self) -> bool:
        """Whether the store knows nothing from earlier runs."""
        return self._committed == 0 or bool(self._opened and self._opened.fresh)

    def _check_join(self, marker: protocol.Marker | None) -> None:
        """Refuse when records belong to others that must have come, and did not."""
        if marker is None or self.config["allow_partial"] or not self.whole.issuperset(self.joined):
            return
        began = protocol.find_start(self._held, marker, self.needed)
        missing = self.find_missing(began, new=self._is_new)
        if warning := protocol.check_missing(missing, float(self.config["max_missing"])):
            self.logger.warning("%s", warning)

    def _since(self, now: int) -> int | None:
        """The generation after which changes are sent; None sends everything."""
        reconciled = self.store.recall("reconciled_at", 0)
        everything = (
            self.config["resend"] == "all"
            or self.store.recall("all_sent", 0) > self._confirmed
            or self.store.recall("fingerprint") != self._fingerprint()
            or not is_recent(reconciled, now, self.config["reconcile_every"] * HOUR)
        )
        return None if everything or not self._confirmed else self._confirmed

    def _fingerprint(self) -> str:
        settings = {name: value for name, value in self.config.items() if name not in HOUSEKEEPING}
        parts = [self.plugin_version, settings, self.fingerprint()]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _hold_back(self, held: IO[bytes], since: int | None, now: int) -> None:
        """Derive all that is to be sent into a file, and note the run in the store: what may fail, fails here."""
        for message in self.derived(since):
            held.write(self.message_writer.format_message(message))
        if state := self._state():
            held.write(self.message_writer.format_message(state))
        held.flush()
        self.store.remember("generation", self.generation)
        if since is None:
            self.store.remember("all_sent", self.generation)
            self.store.remember("reconciled_at", now)
            self.store.remember("fingerprint", self._fingerprint())

    def _state(self) -> singer.StateMessage | None:
        state = self._held or self._echo
        if state is None or self.config["preview"]:
            return None
        confirmed = {"store": self.store.name, "gen": self.generation}
        return singer.StateMessage({**state, "bookmarks": {**protocol.bookmarks_of(state), "_map": confirmed}})

    def _summarise(self, opened: protocol.Opening) -> None:
        summary = self.report(self.generation, round(time.monotonic() - self.started, 1))
        name = "preview" if opened.throw_away else self.store.name
        self.logger.info("%s", block(name, summary))
        try:
            save(self.store_dir, name, summary)
        except OSError as error:
            # Everything was sent: that nobody can read about it is no reason to send it again.
            self.logger.warning("The summary of %s cannot be written (%s)", name, error.strerror)


@contextmanager
def without_collector() -> Iterator[None]:
    """No garbage collection: what is derived are trees, gone with their record; to look for more costs a fifth."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
