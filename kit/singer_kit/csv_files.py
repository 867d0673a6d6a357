"""CSV files that a spreadsheet opens as text, whatever their content.

Spreadsheets treat a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return as a formula. Outsiders can
write such text into reports: visitors choose their own names in Intercom. So an apostrophe comes before it, which
spreadsheets read as the start of text. https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import re
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: The beginning of a cell. It may follow a semicolon, a tab or a line break, as readers use different separators.
_START = r"(?:\A|(?<=[;\t\r\n]))"
#: A formula, or text that already looks protected. It gets one more apostrophe, which reading removes again.
_FORMULA = r"(?='*[=+\-@\t\r])"
_UNPROTECTED = re.compile(_START + _FORMULA)
_PROTECTED = re.compile(f"{_START}'{_FORMULA}")
#: Numbers with a sign need no protection.
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*([eE][+-]?\d+)?")


class CsvWriter:
    """Writes rows into an open file without formulas for spreadsheets.

    Args:
        file: a file open for writing text with ``newline=""``.
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
    """Read the rows that `CsvWriter` wrote, with the column names of the first line."""
    for row in csv.DictReader(file):
        yield {name: restore_cell(value) if isinstance(value, str) else value for name, value in row.items()}


def protect_cell(value: Any) -> Any:
    """Return a value as a cell that no spreadsheet treats as a formula. None and numbers do not change."""
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    # A negative number begins like a formula, but must stay a number.
    return text if _NUMBER.fullmatch(text) else _UNPROTECTED.sub("'", text)


def restore_cell(cell: str) -> str:
    """Return the original text of a cell from `protect_cell`."""
    return _PROTECTED.sub("", cell)
