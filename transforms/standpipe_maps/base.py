"""The base of both maps: read the whole input, commit it in one transaction, and only then send.

``protocol`` decides whether the input was complete, as a mapper also gets a clean end of input from a tap that dies.
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
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

import msgspec
import singer_sdk.singerlib as singer
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers.capabilities import PluginCapabilities
from singer_sdk.mapper_base import InlineMapper

from standpipe_maps import commands as store_commands
from standpipe_maps import protocol
from standpipe_maps._kit.clock import is_recent
from standpipe_maps._kit.command_files import is_too_deep
from standpipe_maps._kit.commands import add_commands
from standpipe_maps._kit.errors import UserError
from standpipe_maps._kit.plugin import Plugin
from standpipe_maps.input_spool import InputSpool, strip_nul
from standpipe_maps.messages import RawReader, open_spool, write_spool
from standpipe_maps.persons import NAMED_RECORD
from standpipe_maps.settings import HOUSEKEEPING, LATER_SETTINGS, read_defaults
from standpipe_maps.sqlite_store import open_throw_away
from standpipe_maps.store_places import open_place
from standpipe_maps.summary import format_summary, write_summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import click

    from standpipe_maps._kit.json_types import JsonObject, JsonValue
    from standpipe_maps.persons import PersonColumns
    from standpipe_maps.store import Store, StoreForm
    from standpipe_maps.store_places import StorePlace

BUFFER_SIZE = 1000
HOUR = 3600


class JoinMapper(Plugin, InlineMapper, abc.ABC):
    """A mapper that sends nothing before it has read and committed the whole input."""

    streams: ClassVar[frozenset[str]]
    """The streams whose rows are kept. Rows of other streams are ignored."""
    core_streams: ClassVar[frozenset[str]]
    """The streams whose rows refer to each other. Each has a table with its name."""
    people: ClassVar[Mapping[str, Sequence[str]]]
    """The fields that name a person, by stream; the id comes first."""
    person_columns: ClassVar[PersonColumns]
    """The columns with names of a person."""
    commands: ClassVar[Sequence[click.Command]] = ()
    """Commands of this map alone."""
    form: ClassVar[StoreForm]

    capabilities: ClassVar[list[Any]] = [PluginCapabilities.ABOUT, PluginCapabilities.STRUCTURED_LOGGING]
    message_reader_class = RawReader
    message_writer_class = MsgSpecWriter
    package_name = "standpipe-maps"

    def __init__(self, **arguments: JsonValue) -> None:
        super().__init__(**arguments)
        self.started = time.monotonic()
        self.schemas: dict[str, JsonObject] = {}
        self.counts: Counter[str] = Counter()
        self._buffer: dict[str, list[bytes]] = {}
        self.spool_dir = Path(tempfile.gettempdir())
        """The folder for temporary files with what comes in and what is sent."""
        self._input: InputSpool | None = None
        self._with_nul: Counter[str] = Counter()
        """The number of records per stream from which NUL characters were removed."""
        self.erased_ids: set[str] = set()
        """The ids of erased people in the input."""
        self.whole_streams: frozenset[str] = frozenset()
        """The streams that came completely, so that a record that did not come no longer exists."""
        self.is_subset = False
        """Whether the tap read only some records. Others may have changed too, so their rows here may be old."""
        self._incoming_state: JsonObject | None = None
        self._final_state: JsonObject | None = None
        self._choice: protocol.StoreChoice | None = None
        self._resources = ExitStack()
        self.message_reader: RawReader
        # Otherwise a failed run would keep its lock and its temporary files until the process ends.
        self.message_reader.on_failure = self._resources.close

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Return the SDK's command with further commands that read the stores."""
        commands = (*store_commands.STORE_COMMANDS, *cls.commands)
        return add_commands(super().get_singer_command(), cls, commands)

    # The parts that each map defines.

    @classmethod
    @abc.abstractmethod
    def build_facts(cls) -> JsonObject:
        """Return facts that other programs read from this map with `--about --format=json`."""

    @property
    @abc.abstractmethod
    def join_streams(self) -> Iterable[tuple[str, ...]]:
        """The streams that the join needs. One stream of each tuple is enough."""

    @abc.abstractmethod
    def prepare_store(self) -> None:
        """Prepare the open store for the first rows."""

    @abc.abstractmethod
    def keep_records(self, stream: str, records: Sequence[bytes]) -> None:
        """Store records. Each is the JSON that came in."""

    @abc.abstractmethod
    def find_missing(self, began: int, *, new: bool) -> protocol.Missing:
        """Return the records that other records refer to, but that are missing after a whole read of ``core_streams``.

        Args:
            began: when the tap began to read, unix seconds. It may have missed younger records.
            new: the store has no rows from earlier runs.
        """

    @abc.abstractmethod
    def build_fingerprint(self) -> JsonValue:
        """Return, as JSON, everything besides the settings and the code that affects the output."""

    @abc.abstractmethod
    def derive_messages(self, since: int | None) -> Iterable[singer.Message]:
        """Return the SCHEMA and RECORD messages to send.

        Args:
            since: send only what changed after this run; None sends everything.
        """

    @abc.abstractmethod
    def build_summary(self, generation: int, seconds: float) -> JsonObject:
        """Return the run's summary, which is logged and written as JSON."""

    # The protocol.

    def map_schema_message(self, message_dict: JsonObject) -> Iterable[singer.Message]:
        """Store the schema of a stream. The first one opens the store."""
        if self._choice is None:
            self._open_store()
        self.schemas[message_dict["stream"]] = message_dict["schema"]
        return ()

    def map_record_message(self, message_dict: JsonObject) -> Iterable[singer.Message]:
        """Buffer a record. When the buffer is full, store its records."""
        stream = message_dict["stream"]
        if stream not in self.schemas:
            raise UserError(f"A record of the stream {stream} came before its schema: check the tap.")
        if stream in self.streams:
            rows = self._buffer.setdefault(stream, [])
            rows.append(message_dict["record"])
            self.counts[stream] += 1
            # Larger batches are not faster, and would need more memory.
            if len(rows) >= BUFFER_SIZE:
                self._flush_buffer()
        return ()

    def map_state_message(self, message_dict: JsonObject) -> Iterable[singer.Message]:
        """Keep a STATE for the end. One before the first SCHEMA is the last that the target confirmed."""
        state = message_dict["value"]
        if is_too_deep(state):
            raise UserError("A STATE of the input is nested too deeply, so nothing is sent: check the tap.")
        if not isinstance(state.get("bookmarks", {}), dict):
            # The map's own bookmark would replace them.
            raise UserError(
                "The `bookmarks` of a STATE of the input are not an object, so nothing is sent: check the tap."
            )
        if self._choice is None:
            self._incoming_state = state
        else:
            protocol.check_late_state(protocol.parse_incoming_state(state), self._choice)
            self._final_state = state
        return ()

    def map_activate_version_message(self, message_dict: JsonObject) -> Iterable[singer.Message]:  # noqa: ARG002
        """Ignore versions of the tap's tables, as they do not apply to derived records."""
        return ()

    def map_batch_message(self, message_dict: JsonObject) -> Iterable[singer.Message]:
        """Reject rows in files, as the map joins only what comes through its input."""
        raise UserError(
            f"The tap sends {message_dict.get('stream')} as BATCH files: remove `batch_config` from its settings."
        )

    def process_endofpipe(self) -> None:
        """Send the results of the complete input, or nothing."""
        with self._resources:
            self._finish_run()

    def _open_store(self) -> None:
        self._choice = protocol.choose_store(
            protocol.parse_incoming_state(self._incoming_state),
            store_name=self.config.get("store_name"),
            allow_partial=self.config["allow_partial"],
            preview=self.config["preview"],
        )
        self.store = self._resources.enter_context(self._create_store(self._choice))
        self._confirmed = self._choice.confirmed
        self._committed = self.store.generation
        protocol.check_generation(self._choice, self._committed)
        self.generation = self._committed + 1
        try:
            self.block_list = self.place.read_block_list()
        except ValueError as error:
            raise UserError(str(error)) from error
        if self.store.writes_at_end:
            self._input = self._resources.enter_context(InputSpool(self.spool_dir))
        else:
            self._begin_writing()

    def _begin_writing(self) -> None:
        """Begin the run's transaction."""
        self.store.begin()
        if self._choice and self._choice.fresh:
            self.store.delete_rows()
        self.prepare_store()

    def _create_store(self, choice: protocol.StoreChoice) -> Store:
        name = choice.name or uuid.uuid4().hex
        self.spool_dir = self._prepare_folder(choice)
        if choice.throw_away:
            return open_throw_away(self.spool_dir, name, self.form)
        return self.place.open_store(name, must_exist=choice.must_exist)

    @cached_property
    def place(self) -> StorePlace:
        """Where the stores are."""
        return open_place(self.config.get("store_url"), self.store_dir, self.form)

    @property
    def store_dir(self) -> Path:
        """The folder of the stores."""
        return Path(self.config["store_dir"]).expanduser()

    def _prepare_folder(self, choice: protocol.StoreChoice) -> Path:
        if choice.throw_away:
            return Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="standpipe-")))
        try:
            self.store_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"The folder {self.store_dir} cannot be created ({error.strerror}): check `store_dir`."
            ) from error
        return self.store_dir

    def _flush_buffer(self) -> None:
        for stream, rows in self._buffer.items():
            # Erased people (`standpipe erase`) must not come back into the store.
            if self.block_list and (fields := self.people.get(stream)):
                rows = [row for row in rows if not self._is_erased(fields, row)]  # noqa: PLW2901
            if self._input:
                self._input.write(stream, [self._strip_nul(stream, row) for row in rows])
            else:
                self.keep_records(stream, rows)
        self._buffer.clear()

    def _strip_nul(self, stream: str, row: bytes) -> bytes:
        stripped = strip_nul(row)
        self._with_nul[stream] += stripped is not row
        return stripped

    def _load_input(self) -> None:
        """Store the records that waited for the end of the input."""
        if not self._input:
            return
        self._begin_writing()
        with pause_garbage_collection():
            for stream, rows in self._input.read_batches():
                self.keep_records(stream, rows)
        self.store.prepare_queries()
        for stream, count in sorted(self._with_nul.items()):
            if count:
                self.logger.warning(
                    "NUL characters, which PostgreSQL cannot store, were removed from %d %s", count, stream
                )

    def _is_erased(self, fields: Sequence[str], row: bytes) -> bool:
        try:
            names = [getattr(NAMED_RECORD.decode(row), field) for field in fields]
        except (msgspec.DecodeError, UnicodeDecodeError):
            # The store's own reader will explain the problem of the record.
            return False
        texts = [name for name in names if isinstance(name, str)]
        if self.erased_ids.isdisjoint(texts) and not self.block_list.is_blocked(*texts):
            return False
        # Later records of the person, such as invoices, have the id but no address.
        self.erased_ids.update(texts[:1])
        return True

    def _finish_run(self) -> None:
        marker = protocol.parse_marker(self._final_state)
        choice = self._choice
        if choice is None:
            raise UserError("The tap sent no stream, so nothing is sent: look at its log, and run again.")
        protocol.check_complete(
            marker,
            self.join_streams,
            choice,
            received=protocol.ReceivedRows(
                {stream: self.counts[stream] for stream in self.schemas}, self.config["accept_filtered"]
            ),
            new=self._is_new,
            allow_partial=self.config["allow_partial"],
        )
        self._flush_buffer()
        self._load_input()
        # In a stream that is filtered on purpose, a missing record may still exist.
        self.whole_streams = marker.whole.difference(self.config["accept_filtered"]) if marker else frozenset()
        self._check_join(marker)
        self.is_subset = bool(marker and marker.subset)
        self.now = now = marker.completed_at // 1000 if marker else int(time.time())
        with open_spool(self.spool_dir) as spool:
            # Everything that can fail comes before the commit. The target gets its first message after it.
            with pause_garbage_collection():
                self._spool_messages(spool, self._choose_since(now), now)
            self._debt = self._find_debt()
            self.store.commit()
            write_spool(spool, sys.stdout.buffer)
        self._report_run(choice)

    @property
    def _is_new(self) -> bool:
        """Whether the store has no rows from earlier runs."""
        return self._committed == 0 or bool(self._choice and self._choice.fresh)

    def _check_join(self, marker: protocol.Marker | None) -> None:
        """Reject an input in which records refer to others that should have come but did not."""
        if marker is None or self.config["allow_partial"] or not self.whole_streams.issuperset(self.core_streams):
            return
        began = protocol.find_read_start(self._final_state, marker, self.join_streams)
        missing = self.find_missing(began, new=self._is_new)
        if warning := protocol.check_missing(missing, float(self.config["max_missing"])):
            self.logger.warning("%s", warning)

    def _choose_since(self, now: int) -> int | None:
        """Return the run whose later changes are to be sent; None if everything is to be sent."""
        if self.is_subset:
            # Whatever `resend` says, only the records of this input are sent, as nothing new is known about the others.
            # A new store has no others.
            return self._committed or None
        reconciled = self.store.read_value("reconciled_at", 0)
        # Everything is sent again until the target confirms the last run that sent everything, after a change of the
        # settings or the code, and once per `reconcile_every`, which finds edits by hand.
        everything = (
            self.config["resend"] == "all"
            or self.store.read_value("all_sent", 0) > self._confirmed
            or self.store.read_value("fingerprint") != self._compute_fingerprint()
            or not is_recent(reconciled, now, self.config["reconcile_every"] * HOUR)
        )
        return None if everything or not self._confirmed else self._confirmed

    def _compute_fingerprint(self) -> str:
        defaults = read_defaults(self.config_jsonschema)
        settings = {
            name: value
            for name, value in self.config.items()
            if name not in HOUSEKEEPING and not (name in LATER_SETTINGS and value == defaults[name])
        }
        # A new version may derive different values from the same rows.
        parts = [self.plugin_version, settings, self.build_fingerprint()]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _spool_messages(self, spool: IO[bytes], since: int | None, now: int) -> None:
        """Write all messages to a file, and the run to the store, which is not committed yet."""
        for message in self.derive_messages(since):
            spool.write(self.message_writer.format_message(message))
        # A run without its own STATE repeats the incoming one, so that the target confirms this run.
        state = self._final_state or self._incoming_state
        if state is not None and not self.config["preview"]:
            confirmed = {"store": self.store.name, "gen": self._choose_confirmation()}
            value = {**state, "bookmarks": {**protocol.get_bookmarks(state), "_map": confirmed}}
            spool.write(self.message_writer.format_message(singer.StateMessage(value)))
        spool.flush()
        self.store.write_value("generation", self.generation)
        self.store.write_value("committed_at", int(time.time()))
        if since is None:
            self.store.write_value("all_sent", self.generation)
            self.store.write_value("reconciled_at", now)
            self.store.write_value("fingerprint", self._compute_fingerprint())

    def _choose_confirmation(self) -> int:
        """Return the run that the target confirms with this run's STATE.

        A subset run does not send what an earlier run left unconfirmed, so it must not confirm that either.
        """
        owes = self.is_subset and self._confirmed != self._committed
        return self._confirmed if owes else self.generation

    def _find_debt(self) -> str | None:
        """Return why a full run must follow a subset run; None if it need not."""
        if not self.is_subset:
            return None
        if self._confirmed != self._committed or self.store.read_value("all_sent", 0) > self._confirmed:
            return "An earlier run sent rows that the target has not confirmed."
        if self.store.read_value("fingerprint") != self._compute_fingerprint():
            return "The settings of the map or its version have changed since everything was sent."
        return None

    def _report_run(self, choice: protocol.StoreChoice) -> None:
        summary = {
            "map": self.name,
            **self.build_summary(self.generation, round(time.monotonic() - self.started, 1)),
            **({"plain_run_needed": self._debt} if self._debt else {}),
        }
        name = "preview" if choice.throw_away else self.store.name
        self.logger.info("%s", format_summary(name, summary))
        try:
            write_summary(self.store_dir, name, summary)
        except OSError as error:
            # All records are sent, so a missing summary must not fail the run.
            self.logger.warning("The summary of %s cannot be written (%s)", name, error.strerror)


@contextmanager
def pause_garbage_collection() -> Iterator[None]:
    """Pause the garbage collection, as records have no cycles and the search takes a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
