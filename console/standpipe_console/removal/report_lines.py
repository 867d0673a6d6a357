"""Finds a person in the targets' reports, and removes these lines."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

from standpipe_console._kit.block_list import fold_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from standpipe_console._kit.json_types import JsonValue


def mentions_person(path: Path, names: Collection[str]) -> bool:
    """Return whether a report contains one of these folded ids and e-mail addresses."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".csv":
        return any(_names_person(cell, names) for row in _read_csv(text) for cell in row)
    if path.suffix == ".jsonl":
        return any(_is_line_about(line, names) for line in text.splitlines())
    # In a page, an id may be part of another word, so only addresses count.
    return _names_person(text, [name for name in names if "@" in name])


def remove_lines(path: Path, names: Collection[str]) -> None:
    """Remove the lines with the person's names. Other files are deleted, as the next run writes them again."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".csv":
        kept = io.StringIO(newline="")
        rows = (row for row in _read_csv(text) if not any(_names_person(cell, names) for cell in row))
        csv.writer(kept).writerows(rows)
        path.write_text(kept.getvalue(), encoding="utf-8", newline="")
    elif path.suffix == ".jsonl":
        lines = [line for line in text.splitlines(keepends=True) if not _is_line_about(line, names)]
        path.write_text("".join(lines), encoding="utf-8")
    else:
        path.unlink()


def _read_csv(text: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""))


def _names_person(text: str, names: Collection[str]) -> bool:
    """Return whether a text is one of the names, or contains one of the addresses."""
    folded = fold_name(text)
    # This quick check is false for nearly all texts.
    return any(name == folded or ("@" in name and name in folded and _has_address(folded, name)) for name in names)


def _has_address(text: str, address: str) -> bool:
    """Return whether a text contains this address, and not only a longer one, such as joann@x.io for ann@x.io."""
    return re.search(rf"(?<![\w.+-]){re.escape(address)}(?![\w-]|\.\w)", text) is not None


def _is_line_about(line: str, names: Collection[str]) -> bool:
    try:
        return any(_names_person(text, names) for text in _find_texts(json.loads(line)))
    except ValueError:
        return _names_person(line, names)


def _find_texts(value: JsonValue) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _find_texts(part)
