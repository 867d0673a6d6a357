"""Finds the reports, journals and logs that name a person, and removes their lines about the person."""

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

#: Shorter ids may be any word of a sentence.
_UNMISTAKABLE = 6


def mentions_person(path: Path, names: Collection[str]) -> bool:
    """Return whether a file names a person by any of these folded ids and e-mail addresses."""
    if path.suffix == ".sqlite":
        # The ledger of events has ids of events and hashes only, and without it events would be missing.
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".csv":
        return any(_names_person(cell, names) for row in _read_csv(text) for cell in row)
    if path.suffix == ".jsonl":
        return any(_is_line_about(line, names) for line in text.splitlines())
    if path.suffix == ".json":
        return _is_json_about(text, names)
    return _has_name(text, names)


def remove_lines(path: Path, names: Collection[str]) -> None:
    """Remove the lines that name the person; a page or a summary is removed whole, the next run writes it again."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".csv":
        kept = io.StringIO(newline="")
        rows = (row for row in _read_csv(text) if not any(_names_person(cell, names) for cell in row))
        csv.writer(kept).writerows(rows)
        path.write_text(kept.getvalue(), encoding="utf-8", newline="")
    elif path.suffix in {".jsonl", ".log"}:
        is_about = _is_line_about if path.suffix == ".jsonl" else _has_name
        lines = [line for line in text.splitlines(keepends=True) if not is_about(line, names)]
        path.write_text("".join(lines), encoding="utf-8")
    else:
        path.unlink()


def _read_csv(text: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""))


def _names_person(text: str, names: Collection[str]) -> bool:
    """Return whether a text is one of the names, or contains one of the addresses or longer ids."""
    folded = fold_name(text)
    # `in` is fast, and nearly always false.
    return any(
        name == folded or (name in folded and ("@" in name or len(name) >= _UNMISTAKABLE) and _contains(folded, name))
        for name in names
    )


def _has_name(text: str, names: Collection[str]) -> bool:
    """Return whether a text contains one of the names as a separate word."""
    folded = fold_name(text)
    return any(name in folded and _contains(folded, name) for name in names)


def _contains(text: str, name: str) -> bool:
    return _has_address(text, name) if "@" in name else _has_word(text, name)


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def _has_address(text: str, address: str) -> bool:
    """Return whether a text contains this address, and not only a longer one, such as joann@x.io for ann@x.io."""
    return re.search(rf"(?<![\w.+-]){re.escape(address)}(?![\w-]|\.\w)", text) is not None


def _is_line_about(line: str, names: Collection[str]) -> bool:
    try:
        return any(_names_person(text, names) for text in _find_texts(json.loads(line)))
    except ValueError:
        return _names_person(line, names)


def _is_json_about(text: str, names: Collection[str]) -> bool:
    try:
        return any(_has_name(one, names) for one in _find_texts(json.loads(text)))
    except ValueError:
        return _has_name(text, names)


def _find_texts(value: JsonValue) -> Iterator[str]:
    """Yield every text in a JSON value, the names of members too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from _find_texts(part)
