"""docs/history.md describes the existing tables, and its queries return what they promise."""

from __future__ import annotations

import re
import time
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standpipe_console.history.tables import METADATA

from tests.history.conftest import START, JournalFile, change

if TYPE_CHECKING:
    from standpipe_console.history import History

PAGE = (Path(__file__).parents[2] / "docs/history.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
#: The rows of the page's last table, as replacements.
ON_POSTGRESQL = {
    r"datetime\(([\w.]+), 'unixepoch'\)": r"to_timestamp(\1)",
    r"date\(([\w.]+), 'unixepoch'\)": r"to_timestamp(\1)::date",
    r"CAST\(strftime\('%s', 'now'\) AS INTEGER\)": "extract(epoch FROM now())",
    r"json_each\(c\.fields, '\$\.custom_attributes'\)": "jsonb_each(c.fields -> 'custom_attributes')",
}


def ask(history: History, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of one of the page's queries, with times as texts."""
    with history.database.read() as connection:
        if history.database.dialect == "postgresql":
            connection.exec_driver_sql("SET search_path TO standpipe")
            connection.exec_driver_sql("SET timezone TO UTC")
            for pattern, replacement in ON_POSTGRESQL.items():
                query = re.sub(pattern, replacement, query)
        return [tuple(map(_format, row)) for row in connection.exec_driver_sql(query)]


def _format(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return value.isoformat() if isinstance(value, date) else value


def test_every_column_is_described() -> None:
    """Each table has a row on the page, with all of its columns."""
    rows = {match[1]: match[0] for match in re.finditer(r"^\| `(\w+)` \|.*$", PAGE, re.MULTILINE)}
    missing = [
        f"{table.name}.{column.name}"
        for table in METADATA.tables.values()
        for column in table.columns
        if f"`{column.name}`" not in rows[table.name]
    ]
    assert missing == []


def test_the_queries_answer_the_questions(history: History, tmp_path: Path) -> None:
    """The queries work on both databases."""
    first = JournalFile(tmp_path, "r1", at=START)
    fields = {**change("cb_cust_mrr", None, 49), **change("cb_sub_status", None, "active")}
    first.write("cust_42", "created", name="Ann", fields=fields)
    first.write("bob", "rejected", "bad phone", name="Bob")
    first.end()
    second = JournalFile(tmp_path, "r2", at=START + 86_400)
    second.write("cust_42", fields=change("cb_cust_mrr", 49, 99))
    second.write("bob", "rejected", "bad phone")
    second.leave()
    recent = JournalFile(tmp_path, "r3", at=time.time() - 3600)
    recent.end("failed", error="Intercom refuses `access_token`.")
    history.load_journals()

    unwell, refused, mrr, attributes, days = (ask(history, query) for query in QUERIES)
    assert [row[1:] for row in unwell] == [("sync", "failed", "Intercom refuses `access_token`.")]
    assert refused == [("2025-11-30 17:00:04", 2, "target-intercom", "bob", "Bob", "bad phone")]
    assert [(changed, before and int(before), int(after)) for changed, before, after in mrr] == [
        ("2025-11-30 17:00:02", None, 49),
        ("2025-12-01 17:00:02", 49, 99),
    ]
    assert attributes == [("cb_cust_mrr", 2), ("cb_sub_status", 1)]
    assert days == [
        ("2025-11-30", "target-intercom", "created", 1),
        ("2025-12-01", "target-intercom", "updated", 1),
    ]
