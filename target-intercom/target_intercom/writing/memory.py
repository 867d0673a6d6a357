"""What this target must remember from one run to the next, in a folder of its own (`memory_dir`).

Reports are replaced by every run. What stands here is not: it is read at the start, and put in place of the old before
the first write and at the end.

- `archived.jsonl`: archived contacts in the way of a create. No read of Intercom shows them, only the refusal of a
  create names them, and that refusal is not worth asking for again in every run. A line is believed for a day.
- `moved.jsonl`: records whose match is another contact or company than before, or that are no longer sent, while the
  earlier one still carries their link and values. A line goes when that one is found to carry the link no longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
from singer_sdk.exceptions import ConfigurationError

from target_intercom._kit.clock import is_recent
from target_intercom._kit.csv_files import read_rows
from target_intercom._kit.private_files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from target_intercom.records.buffer import Row
    from target_intercom.records.write_options import WriteOptions
    from target_intercom.reporting.outcomes import Cleared

#: What is remembered, by file.
MEMORY_FILES = ("archived.jsonl", "moved.jsonl")
_TRUSTED_SECONDS = 86_400  # in which an archived contact is taken to be archived still


class Archived(msgspec.Struct, frozen=True):
    """An archived contact that prevents the creation of a record."""

    id: str
    value: str
    intercom_id: str
    found_at: int

    @property
    def key(self) -> tuple[str, str]:
        """What it is looked up by."""
        return self.id, self.value


class Moved(msgspec.Struct, frozen=True):
    """A record that matches `intercom_id` now, while the records `was_on` still carry its link."""

    stream: str
    id: str
    value: str
    intercom_id: str
    was_on: tuple[str, ...]
    found_at: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """What it is looked up by."""
        return self.stream, self.id


_Line = TypeVar("_Line", Archived, Moved)


class Memory:
    """What earlier runs found, and what this one adds.

    Args:
        folder: where it is kept.
        now: the time of this run, unix seconds.
        reports: the folder of the reports, in which earlier versions kept what is remembered.
    """

    def __init__(self, folder: Path, now: int, reports: Path) -> None:
        self._folder, self._now = folder, now
        if any((folder / name).exists() for name in MEMORY_FILES):
            archived: Iterable[Archived] = _read(folder / "archived.jsonl", Archived)
            moved: Iterable[Moved] = _read(folder / "moved.jsonl", Moved)
        else:
            # A trial or a validation has reports of its own, and shares the folder that stands in those of the sync.
            earlier = folder.parent if (folder.parent / "moved.csv").exists() else reports
            archived, moved = _read_archived_report(earlier), _read_moved_report(earlier, now)
        self._known = {one.key: one for one in archived if is_recent(one.found_at, now, _TRUSTED_SECONDS)}
        self.archived = dict(self._known)
        self.moved = {one.key: one for one in moved}
        self.to_clear: set[tuple[str, str]] = set()  #: what this run clears, or in a validation would
        self.cleared: list[Moved] = []  #: what this run has cleared
        self.refusals: dict[tuple[str, str], str] = {}  #: why it could not be

    def find_archived(self, row: Row, options: WriteOptions) -> str | None:
        """Return Intercom's id of the archived contact that stood in the way of a record less than a day ago."""
        known = self._known.get(_archived_key(row, options))
        return known.intercom_id if known else None

    def forget_archived(self, row: Row, options: WriteOptions) -> None:
        """Forget a record that this run checks again."""
        self.archived.pop(_archived_key(row, options), None)

    def add_archived(self, row: Row, options: WriteOptions, intercom_id: str) -> None:
        """Note an archived contact that prevents the creation of a record, and since when that is known."""
        key = _archived_key(row, options)
        # A line is trusted for a day from its first finding: to renew it would keep it for ever.
        found_at = self._known[key].found_at if key in self._known else self._now
        self.archived[key] = Archived(*key, intercom_id, found_at)

    def set_moved(self, row: Row, options: WriteOptions, intercom_id: str, was_on: Iterable[str]) -> None:
        """Note on which records a row's link still stands besides its match; on none, and it is forgotten.

        `intercom_id` is empty when no match is known, as of a row that is not sent.
        """
        key = _moved_key(row, options)
        earlier = self.moved.pop(key, None)
        if ids := tuple(was_on):
            # The time of the first finding counts; a record that is not sent has no match value of its own.
            found_at = earlier.found_at if earlier else self._now
            value = options.match_key.read_value(row.record) or (earlier.value if earlier else "")
            self.moved[key] = Moved(*key, value, intercom_id, ids, found_at)

    def list_left_behind(self, row: Row, options: WriteOptions) -> tuple[str, ...]:
        """Return Intercom's ids of the records that a row has left, and that still carried its link when last seen."""
        moved = self.moved.get(_moved_key(row, options))
        return moved.was_on if moved else ()

    def plan_clear(self, row: Row, options: WriteOptions) -> None:
        """Note that the records that a row has left are to lose its values and link."""
        self.to_clear.add(_moved_key(row, options))

    def note_cleared(self, row: Row, options: WriteOptions, cleared: Sequence[Cleared]) -> None:
        """Take those off the list whose values and link are gone, and keep why the others still have them."""
        moved = self.moved[_moved_key(row, options)]
        refused = {one.intercom_id: one.error.code for one in cleared if one.error}
        done = tuple(one.intercom_id for one in cleared if not one.error)
        if done:
            self.cleared.append(msgspec.structs.replace(moved, was_on=done))
        if refused:
            self.refusals[moved.key] = " ".join(sorted(set(refused.values())))
        self.set_moved(row, options, moved.intercom_id, [one for one in moved.was_on if one not in done])

    def iterate_moved(self, *, is_validation: bool) -> Iterator[tuple[Moved, str]]:
        """Yield the records that moved, and the outcome of the earlier match."""
        would_clear = self.to_clear if is_validation else set()
        for moved in self.moved.values():
            refusal = self.refusals.get(moved.key)
            kept = "would be cleared" if moved.key in would_clear else "keeps its values"
            yield moved, f"not cleared: {refusal}" if refusal else kept
        yield from ((moved, "cleared") for moved in self.cleared)

    def save(self) -> None:
        """Replace what was known before by what is known now."""
        encode = msgspec.json.Encoder().encode_lines
        for name, lines in (("archived", self.archived), ("moved", self.moved)):
            with replace_file(self._folder / f"{name}.jsonl") as file:
                file.write(encode(list(lines.values())).decode())


def _moved_key(row: Row, options: WriteOptions) -> tuple[str, str]:
    """Return the stream and what names a record there: its id, or its link where the stream has no key."""
    return options.stream, row.id or row.link or ""


def _archived_key(row: Row, options: WriteOptions) -> tuple[str, str]:
    return row.id or "", options.match_key.read_value(row.record) or ""


def _read(path: Path, line: type[_Line]) -> list[_Line]:
    """Read one file.

    Raises:
        ConfigurationError: it was damaged.
    """
    if not path.exists():
        return []
    try:
        return msgspec.json.Decoder(line).decode_lines(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ConfigurationError(
            f"The file {path} cannot be read: correct its lines, or delete the file to forget its content."
        ) from None


def _read_archived_report(reports: Path) -> Iterator[Archived]:
    for line in _read_report(reports / "archived.csv"):
        if (found_at := line.get("found_at") or "").isdecimal():
            yield Archived(line["id"], line["value"], line["intercom_id"], int(found_at))


def _read_moved_report(reports: Path, now: int) -> Iterator[Moved]:
    for line in _read_report(reports / "moved.csv"):
        if line.get("stream"):
            was_on = tuple(line["was_on"].split())
            yield Moved(line["stream"], line["id"], line["value"], line["intercom_id"], was_on, now)


def _read_report(path: Path) -> Iterator[dict[str, str]]:
    """Read a report; a line cut off by a killed run lacks its last columns."""
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            yield from read_rows(file)
