"""CSV files that a spreadsheet opens as text, whatever their content.

A cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return is a formula to spreadsheets, and what stands in
our reports is partly written by others: a visitor chooses his own name in Intercom. So an apostrophe is put before it,
which spreadsheets take for "this is text". https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import re
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Where a cell begins: also behind a semicolon, a tab or a line break, for who opens the file with another separator.
_START = r"(?:\A|(?<=[;\t\r\n]))"
#: Text that is a formula, or that is protected already: one more apostrophe makes it what it was when it is read back.
_FORMULA = r"(?='*[=+\-@\t\r])"
_UNPROTECTED = re.compile(_START + _FORMULA)
_PROTECTED = re.compile(f"{_START}'{_FORMULA}")
#: A number is what it seems, also with a sign before it.
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*([eE][+-]?\d+)?")


class CsvWriter:
    """Writes rows into an open file, harmless to spreadsheets.

    Args:
        file: open for writing text with ``newline=""``.
    """

    def __init__(self, file: IO[str]) -> None:
        self._writer = csv.writer(file)

    def writerow(self, row: Iterable[Any]) -> None:
        """Write one row."""
        self._writer.writerow([protect_cell(value) for value in row])

    def writerows(self, rows: Iterable[Iterable[Any]]) -> None:
        """Write several rows."""
        for row in rows:
            self.writerow(row)


def read_rows(file: IO[str]) -> Iterator[dict[str, str]]:
    """Read the rows of a file of `CsvWriter` as they were given, by the names in its first line."""
    for row in csv.DictReader(file):
        yield {name: restore_cell(value) if isinstance(value, str) else value for name, value in row.items()}


def protect_cell(value: Any) -> Any:
    """Return a value as a cell that no spreadsheet computes; None and numbers stay what they are."""
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    # A negative number begins like a formula, and must stay a number.
    return text if _NUMBER.fullmatch(text) else _UNPROTECTED.sub("'", text)


def restore_cell(cell: str) -> str:
    """Return the text of a cell that `protect_cell` made."""
    return _PROTECTED.sub("", cell)
