"""The lines of a journal, and how they are read; `journal` says what they mean.

This module needs no SDK: the console reads journals, too.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple

import msgspec

from .json_types import JsonObject, JsonValue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = 1
SUFFIX = ".jsonl"


class FieldChange(msgspec.Struct, frozen=True):
    """The value of a field before and after a write."""

    before: JsonValue
    after: JsonValue


class _Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """One line of a journal."""


class _Person(_Line, frozen=True, kw_only=True):
    """Names by which people search for a record."""

    name: str = ""
    email: str = ""
    company: str = ""


class RunStart(_Line, frozen=True, kw_only=True, tag="run"):
    """The run, and how it was started."""

    version: int
    run_id: str
    plugin: str  #: such as `target-intercom`
    at: float
    plugin_version: str = ""
    loader: str = ""  #: the plugin's name in meltano.yml, such as `target-intercom-trial`
    environment: str = ""  #: Meltano's
    job: str = ""  #: empty when `standpipe run` did not start it
    trigger: str = ""  #: `schedule`, `person`, `live`, `page`, `retry` or `meltano`; empty outside of Meltano
    mode: str = "sync"  #: `sync`, `validate` or `undo`
    is_subset: bool = False  #: whether the input contains only some records


class Intent(_Person, frozen=True, kw_only=True, tag="intent"):
    """A write that is about to be sent."""

    n: int
    stream: str
    id: str
    action: str
    at: float
    remote_id: str | None = None
    fields: dict[str, FieldChange] = {}


class Outcome(_Line, frozen=True, kw_only=True, tag="outcome"):
    """The result of a write."""

    n: int
    kind: str
    at: float
    reason: str = ""  #: the summary's name for the reason
    detail: str = ""  #: the vendor's own sentence
    remote_id: str | None = None
    fields: dict[str, FieldChange] = {}


class RecordResult(_Person, frozen=True, kw_only=True, tag="record"):
    """The result of a record that needed no write."""

    stream: str
    id: str
    kind: str
    reason: str = ""
    detail: str = ""
    remote_id: str | None = None
    fields: dict[str, FieldChange] = {}


class RunEnd(_Line, frozen=True, kw_only=True, tag="end"):
    """How the run ended."""

    status: str  #: `completed`, `failed` or `stopped`
    at: float
    stopped_by: str = ""  #: `guard` when the next runs would stop too until a person decides
    error: str = ""  #: one sentence
    summary: JsonObject = {}  #: the content of `summary.json`


Line = RunStart | Intent | Outcome | RecordResult | RunEnd


class Write(NamedTuple):
    """A write in a journal. Without an outcome, nobody knows yet whether the vendor received it."""

    intent: Intent
    outcome: Outcome | None


Entry = RunStart | Write | RecordResult | RunEnd


class Journal:
    """A journal, to be read.

    Args:
        file: the file, open.
        is_busy: whether its writer lives, or another program reads it.
    """

    def __init__(self, file: IO[bytes], *, is_busy: bool) -> None:
        self._file = file
        self.is_busy = is_busy

    def iterate_lines(self) -> Iterator[Line]:
        """Yield the lines. A last line that a killed writer or a full disk left incomplete is skipped."""
        decoder = msgspec.json.Decoder(Line)
        self._file.seek(0)
        for content in self._file:
            if not content.endswith(b"\n"):
                return
            try:
                # msgspec does not check members that it skips.
                line: Line = decoder.decode(content.decode())
            except (msgspec.DecodeError, UnicodeDecodeError):
                # The lines after a damaged one might belong to a write in it.
                return
            yield line

    def iterate_entries(self) -> Iterator[Entry]:
        """Yield the run, its writes with their outcomes, the other records and the end, in the order of their results.

        Writes without an outcome come last.
        """
        begun: dict[int, Intent] = {}
        for line in self.iterate_lines():
            if isinstance(line, Intent):
                begun[line.n] = line
            elif isinstance(line, Outcome):
                if line.n in begun:
                    yield Write(begun.pop(line.n), line)
            else:
                yield line
        for intent in begun.values():
            yield Write(intent, None)

    def list_unknown(self) -> list[Intent]:
        """Return the writes without an outcome."""
        return [one.intent for one in self.iterate_entries() if isinstance(one, Write) and one.outcome is None]


@contextmanager
def open_journal(path: Path) -> Iterator[Journal | None]:
    """Open a journal; None if it no longer exists. While it is open, others see it as busy."""
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_busy = False
        except BlockingIOError:
            is_busy = True
        # Another reader may have deleted it meanwhile.
        yield Journal(file, is_busy=is_busy) if os.fstat(file.fileno()).st_nlink else None


def list_journals(folder: Path) -> list[Path]:
    """List the journals in a folder."""
    return sorted(folder.glob(f"*{SUFFIX}"))
