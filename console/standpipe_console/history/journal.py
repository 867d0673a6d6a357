"""A journal as a target writes it: one JSON object a line, appended while the run works."""

from __future__ import annotations

import fcntl
from typing import IO, TYPE_CHECKING, TypeAlias

import msgspec

from standpipe_console._kit.json_types import JsonObject

from .rows import FieldChange

if TYPE_CHECKING:
    from collections.abc import Iterator


class RunLine(msgspec.Struct, tag_field="type", tag="run"):
    """The first line."""

    run_id: str
    plugin: str
    at: float
    plugin_version: str = ""
    job: str = ""
    trigger: str = ""
    mode: str = "sync"
    is_subset: bool = False
    version: int = 1


class IntentLine(msgspec.Struct, tag_field="type", tag="intent"):
    """A write is about to be made."""

    n: int
    stream: str
    id: str
    action: str
    at: float
    remote_id: str | None = None
    fields: dict[str, FieldChange] = {}
    name: str = ""
    email: str = ""
    company: str = ""


class OutcomeLine(msgspec.Struct, tag_field="type", tag="outcome"):
    """The write with this number was answered."""

    n: int
    kind: str
    at: float
    reason: str = ""
    remote_id: str | None = None
    fields: dict[str, FieldChange] | None = None  #: as written, where that differs from the intent


class RecordLine(msgspec.Struct, tag_field="type", tag="record"):
    """A record that nothing was written to."""

    stream: str
    id: str
    kind: str
    reason: str = ""
    remote_id: str | None = None
    name: str = ""
    email: str = ""
    company: str = ""
    at: float | None = None


class EndLine(msgspec.Struct, tag_field="type", tag="end"):
    """The last line: how the target ended."""

    status: str
    at: float
    stopped_by: str | None = ""
    error: str | None = ""
    summary: JsonObject = {}


Line: TypeAlias = RunLine | IntentLine | OutcomeLine | RecordLine | EndLine
_DECODER: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def iterate_lines(file: IO[bytes]) -> Iterator[tuple[int, Line | None]]:
    """Yield each line with the offset of its end; None for one that cannot be read. A half last line is left out."""
    offset = 0
    for raw in file:
        if not raw.endswith(b"\n"):
            return
        offset += len(raw)
        yield offset, _decode_line(raw)


def _decode_line(raw: bytes) -> Line | None:
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def is_being_written(file: IO[bytes]) -> bool:
    """Return whether the target that writes this journal lives: it holds a lock on it, which dies with it."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False
