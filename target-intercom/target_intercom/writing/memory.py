"""What this target must remember from one run to the next, in a folder of its own (`memory_dir`).

Every run replaces the reports, but not these files: they are read at the start, and written before the first write to
Intercom and at the end.

- `archived.jsonl`: archived contacts that prevent the creation of a record. Intercom names them only when it refuses
  that creation, so a line saves this call in later runs. A line is valid for a day.
- `moved.jsonl`: records that now match a different contact or company, or that are no longer sent, while the earlier
  one still carries their link and values. A line is removed when the earlier one no longer has the link.
- `changes.jsonl`: how many records were linked in the last full run, and which of them had alarming changes
  in later runs over some records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
from singer_sdk.exceptions import ConfigurationError

from target_intercom._kit.clock import is_recent
from target_intercom._kit.csv_files import read_rows
from target_intercom._kit.private_files import replace_file
from target_intercom.decisions.change_guard import EarlierChanges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from target_intercom.records.buffer import Row
    from target_intercom.records.write_options import WriteOptions
    from target_intercom.reporting.outcomes import Cleared

#: What is remembered, by file.
MEMORY_FILES = ("archived.jsonl", "moved.jsonl", "changes.jsonl")
_TRUSTED_SECONDS = 86_400  # for which an archived contact counts as still archived


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
    """A record that now matches `intercom_id`, while the records in `was_on` still have its link."""

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


_Line = TypeVar("_Line", Archived, Moved, EarlierChanges)


class Memory:
    """The findings of earlier runs, and those of this run.

    Args:
        folder: the folder of its files.
        now: the time of this run in Unix seconds.
        reports: the folder of the reports, where earlier versions kept these files.
    """

    def __init__(self, folder: Path, now: int, reports: Path) -> None:
        self._folder, self._now = folder, now
        if any((folder / name).exists() for name in MEMORY_FILES):
            archived: Iterable[Archived] = _read(folder / "archived.jsonl", Archived)
            moved: Iterable[Moved] = _read(folder / "moved.jsonl", Moved)
        else:
            # A trial or a validation has its own reports, but uses the folder within the sync's reports.
            earlier = folder.parent if (folder.parent / "moved.csv").exists() else reports
            archived, moved = _read_archived_report(earlier), _read_moved_report(earlier, now)
        self._known = {one.key: one for one in archived if is_recent(one.found_at, now, _TRUSTED_SECONDS)}
        self.archived = dict(self._known)
        self.moved = {one.key: one for one in moved}
        self.changes = {one.stream: one for one in _read(folder / "changes.jsonl", EarlierChanges)}
        self.to_clear: set[tuple[str, str]] = set()  #: what this run clears, or would clear in a validation
        self.cleared: list[Moved] = []  #: what this run has cleared
        self.refusals: dict[tuple[str, str], str] = {}  #: why it could not be cleared

    def find_archived(self, row: Row, options: WriteOptions) -> str | None:
        """Return Intercom's id of the archived contact that blocked a record less than a day ago."""
        known = self._known.get(_archived_key(row, options))
        return known.intercom_id if known else None

    def forget_archived(self, row: Row, options: WriteOptions) -> None:
        """Forget the archived contact of a record that this run checks again."""
        self.archived.pop(_archived_key(row, options), None)

    def add_archived(self, row: Row, options: WriteOptions, intercom_id: str) -> None:
        """Store an archived contact that prevents the creation of a record, with the time of its discovery."""
        key = _archived_key(row, options)
        # A line is valid for a day after its discovery. If each run renewed it, it would never expire.
        found_at = self._known[key].found_at if key in self._known else self._now
        self.archived[key] = Archived(*key, intercom_id, found_at)

    def set_moved(self, row: Row, options: WriteOptions, intercom_id: str, was_on: Iterable[str]) -> None:
        """Store which records besides its match still have a row's link. Without any, forget the row.

        `intercom_id` is empty if no match is known, as for a row that is not sent.
        """
        key = _moved_key(row, options)
        earlier = self.moved.pop(key, None)
        if ids := tuple(was_on):
            # The time of the first discovery counts. A record that is not sent has no match value of its own.
            found_at = earlier.found_at if earlier else self._now
            value = options.match_key.read_value(row.record) or (earlier.value if earlier else "")
            self.moved[key] = Moved(*key, value, intercom_id, ids, found_at)

    def list_left_behind(self, row: Row, options: WriteOptions) -> tuple[str, ...]:
        """Return Intercom's ids of the records that a row left and that still had its link at the last check."""
        moved = self.moved.get(_moved_key(row, options))
        return moved.was_on if moved else ()

    def plan_clear(self, row: Row, options: WriteOptions) -> None:
        """Note that the records that a row left are to lose its values and link."""
        self.to_clear.add(_moved_key(row, options))

    def note_cleared(self, row: Row, options: WriteOptions, cleared: Sequence[Cleared]) -> None:
        """Remove cleared records from the list, and store why the others could not be cleared."""
        moved = self.moved[_moved_key(row, options)]
        refused = {one.intercom_id: one.error.code for one in cleared if one.error}
        done = tuple(one.intercom_id for one in cleared if not one.error)
        if done:
            self.cleared.append(msgspec.structs.replace(moved, was_on=done))
        if refused:
            self.refusals[moved.key] = " ".join(sorted(set(refused.values())))
        self.set_moved(row, options, moved.intercom_id, [one for one in moved.was_on if one not in done])

    def iterate_moved(self, *, is_validation: bool) -> Iterator[tuple[Moved, str]]:
        """Yield the moved records, and the outcome for their earlier match."""
        would_clear = self.to_clear if is_validation else set()
        for moved in self.moved.values():
            refusal = self.refusals.get(moved.key)
            kept = "would be cleared" if moved.key in would_clear else "keeps its values"
            yield moved, f"not cleared: {refusal}" if refusal else kept
        yield from ((moved, "cleared") for moved in self.cleared)

    def save(self) -> None:
        """Replace the files with the present findings."""
        encode = msgspec.json.Encoder().encode_lines
        found: tuple[list[Archived] | list[Moved] | list[EarlierChanges], ...] = (
            list(self.archived.values()),
            list(self.moved.values()),
            list(self.changes.values()),
        )
        for name, lines in zip(MEMORY_FILES, found, strict=True):
            with replace_file(self._folder / name) as file:
                file.write(encode(lines).decode())


def _moved_key(row: Row, options: WriteOptions) -> tuple[str, str]:
    """Return the stream and the record's name there: its id, or its link if the stream has no key."""
    return options.stream, row.id or row.link or ""


def _archived_key(row: Row, options: WriteOptions) -> tuple[str, str]:
    return row.id or "", options.match_key.read_value(row.record) or ""


def _read(path: Path, line: type[_Line]) -> list[_Line]:
    """Read one file.

    Raises:
        ConfigurationError: it is damaged.
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
    """Read a report. A line that a killed run left incomplete lacks its last columns."""
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            yield from read_rows(file)
