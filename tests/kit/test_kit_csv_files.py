"""CSV files that spreadsheets show as text, and that are read back unchanged."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_kit.csv_files import CsvWriter, protect_cell, read_rows, restore_cell


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('=HYPERLINK("http://x.example")', "'=HYPERLINK(\"http://x.example\")"),
        ("+1+1", "'+1+1"),
        ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("'=1", "''=1"),
        ("Ada;=1", "Ada;'=1"),
        ("Ada\n=1", "Ada\n'=1"),
        ("-", "'-"),
        ("-5.00", "-5.00"),
        ("-1,234.50", "-1,234.50"),
        ("+4930123456", "+4930123456"),
        ("-1.5e-7", "-1.5e-7"),
        ("-5 EUR", "'-5 EUR"),
        ("ada@example.com", "ada@example.com"),
        ("O'Neill", "O'Neill"),
        ("a = b", "a = b"),
        ("2026-01-15", "2026-01-15"),
        ("", ""),
        (None, None),
        (-5.5, -5.5),
        (-3, -3),
        (True, True),
    ],
)  # fmt: skip
def test_a_cell_that_would_be_computed_is_made_text(value: Any, expected: Any) -> None:
    """A cell that a spreadsheet would compute gets a quote in front; signed numbers and other text stay unchanged."""
    assert protect_cell(value) == expected


@given(st.text(st.sampled_from("'=+-@\t\r\n;5.,eEa ")) | st.text())
def test_what_is_read_back_is_what_was_written(text: str) -> None:
    """Any text is the same after it was written and read back."""
    assert restore_cell(protect_cell(text)) == text


@given(st.text(st.sampled_from("'=+-@\t\r;5.,a\n")))
def test_no_cell_begins_with_a_formula(text: str) -> None:
    """No cell starts with a formula, not even when a program splits cells at semicolons or tabs."""
    cell = protect_cell(text)
    starts = [cell, *(cell[at + 1 :] for at, letter in enumerate(cell) if letter in ";\t\r\n")]
    assert cell == text or [start for start in starts if start.startswith(tuple("=+-@\t\r"))] == []


def test_a_file_is_read_back_by_the_names_of_its_columns() -> None:
    """Rows are read back as dicts by column name."""
    file = io.StringIO(newline="")
    writer = CsvWriter(file)
    writer.writerow(("name", "amount"))
    writer.writerows([("=1+1", -5.5), ('Ada, "the" one', None)])  # fmt: skip
    assert file.getvalue() == 'name,amount\r\n\'=1+1,-5.5\r\n"Ada, ""the"" one",\r\n'
    file.seek(0)
    assert list(read_rows(file)) == [{"name": "=1+1", "amount": "-5.5"}, {"name": 'Ada, "the" one', "amount": ""}]
