"""A person in the targets' reports: which files name the person, and how these lines are removed."""

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
    """Return whether a report names a person, by one of these folded ids and e-mail addresses."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".csv":
        return any(_names_person(cell, names) for row in _read_csv(text) for cell in row)
    if path.suffix == ".jsonl":
        return any(_is_line_about(line, names) for line in text.splitlines())
    # In a page an id may be part of any word: only addresses are certain.
    return _names_person(text, [name for name in names if "@" in name])


def remove_lines(path: Path, names: Collection[str]) -> None:
    """Remove the lines that name the person; other files are removed whole, the next run writes them again."""
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
    """Return whether a text is one of the names, or has one of the addresses in it."""
    folded = fold_name(text)
    # `in` is fast, and nearly always false.
    return any(name == folded or ("@" in name and name in folded and _has_address(folded, name)) for name in names)


def _has_address(text: str, address: str) -> bool:
    """Return whether a text has this address in it, and not only a longer one, such as joann@x.io for ann@x.io."""
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
