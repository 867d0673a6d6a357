"""The records of a validation for the list on its page, packed so that a page of ten thousand stays small."""

from __future__ import annotations

import base64
import json
import zlib
from io import StringIO
from typing import IO, TYPE_CHECKING

from target_intercom._kit.csv_files import read_rows
from target_intercom.reporting.words import MEANINGS, REASONS, explain_outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from target_intercom._kit.json_types import JsonObject, JsonValue

#: The records of the list. The CSV files have all of them.
MOST_RECORDS = 20_000
#: The reports whose rows are records, those that need attention first; and what a row is called that has no outcome.
LISTED = {"ambiguous": "", "unmatched": "", "not_sent": "would not send", "matched": ""}
_NOT_SENT_REMEDY = "nothing, if the other customer is the right one"
#: Bytes that base64 writes without padding.
_CHUNK = 3 * 16_384


def pack_records(directory: Path) -> Iterator[str]:
    """Yield the records as text: one JSON array per line, deflated, in base64."""
    packer, rest = zlib.compressobj(9), b""
    for line in _iterate_lines(directory):
        rest += packer.compress(line.encode())
        usable = len(rest) - len(rest) % _CHUNK
        yield base64.b64encode(rest[:usable]).decode()
        rest = rest[usable:]
    yield base64.b64encode(rest + packer.flush()).decode()


def count_left_out(directory: Path) -> int:
    """Return how many records the list does not have."""
    return max(0, sum(1 for _ in _iterate_rows(directory)) - MOST_RECORDS)


def _iterate_lines(directory: Path) -> Iterator[str]:
    # A record without changes has no plan.
    path = directory / "plan.jsonl"
    with path.open(encoding="utf-8") if path.exists() else StringIO() as plan:
        places = _find_places(plan)
        for (report, row), _ in zip(_iterate_rows(directory), range(MOST_RECORDS), strict=False):
            changes: JsonObject = {}
            if (place := places.get(f"{row.get('stream')} {row['id']}")) is not None:
                plan.seek(place)
                changes = json.loads(plan.readline())["fields"]
            yield json.dumps(_build_record(report, row, changes), ensure_ascii=False, separators=(",", ":")) + "\n"


def _find_places(plan: IO[str]) -> dict[str, int]:
    """Return where the line of each record begins."""
    places = {}
    at = 0
    while line := plan.readline():
        planned = json.loads(line)
        places[f"{planned['stream']} {planned['id']}"] = at
        at = plan.tell()
    return places


def _iterate_rows(directory: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for report in LISTED:
        with (directory / f"{report}.csv").open(encoding="utf-8", newline="") as rows:
            yield from ((report, row) for row in read_rows(rows))


def _build_record(report: str, row: dict[str, str], changes: JsonObject) -> list[JsonValue]:
    """Return a record in the order in which `page.js` reads it."""
    outcome, reason = row.get("outcome", ""), row["reason"]
    meaning = MEANINGS.get(outcome)
    why = row.get("because") or explain_outcome(outcome, reason)
    remedy = REASONS[reason].remedy if reason in REASONS else meaning.remedy if meaning else _NOT_SENT_REMEDY
    addresses = row.get("intercom_link", "").split()
    found = row.get("intercom_name") or row.get("intercom_email")
    texts = [found] if found else (row.get("intercom_ids") or row.get("intercom_id") or "").split()
    return [
        LISTED[report],
        row["id"],
        row["source_link"],
        row["name"],
        row["company"],
        row["mrr"],
        row.get("value", ""),
        [list(pair) for pair in zip(addresses, texts, strict=False)],
        meaning.would if meaning else outcome,
        why,
        remedy,
        {name.removeprefix("custom_attributes."): list(_shorten(change.values())) for name, change in changes.items()},
    ]


def _shorten(values: Iterable[JsonValue]) -> Iterator[JsonValue]:
    """Yield values, long texts with their beginning only."""
    for value in values:
        yield f"{value[:_LONGEST_TEXT]}…" if isinstance(value, str) and len(value) > _LONGEST_TEXT else value


_LONGEST_TEXT = 300
