"""Stored times count only when they are not in the future of the clock that wrote them."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest
import tap_chargebee.streams.windows
import tap_intercom.streams.windows
from singer_kit.clock import is_believable, is_recent
from standpipe_maps.leads.mapper import MapLeads
from target_chartmogul.records.payloads import Change
from target_chartmogul.writing.memory import COLUMNS, Memory
from target_intercom.writing.memory import Memory as RememberedContacts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = 1_768_478_400
OFFSETS = [(-1, True), (0, True), (300, True), (301, False), (10**9, False)]


def write_table(path: Path, columns: tuple[str, ...], *row: object) -> None:
    """Write a CSV file with a header and one row."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, row])


def chargebee_bookmark(at: int, _: Path) -> bool:
    """Return whether tap-chargebee uses its bookmark and reads only later changes."""
    return tap_chargebee.streams.windows.choose_window(at, lookback=300, run_start=NOW) is not None


def intercom_bookmark(name: str) -> Callable[[int, Path], bool]:
    """Return a function that tells whether tap-intercom uses this time of its bookmark."""

    def is_used(at: int, _: Path) -> bool:
        bookmark = {"replication_key_value": NOW - 500, "read_at": NOW - 100, "whole_at": NOW - 100, name: at}
        if name == "replication_key_value":
            del bookmark["read_at"]
        rest: dict[str, Any] = {"lookback": 600, "start_date": None, "run_start": NOW, "reread_every": 86_400}
        return tap_intercom.streams.windows.choose_since(bookmark, **rest) is not None

    return is_used


def held_value(at: int, folder: Path) -> bool:
    """Return whether target-chartmogul uses `held_values.csv` and does not send the value again."""
    write_table(folder / "held_values.csv", COLUMNS, "customers", "c1", "name", '"A"', '"B"', "kept", at)
    return Memory(folder, folder, NOW).is_overridden("customers", "c1", "name", Change("B", "A"))


def archived_contact(at: int, folder: Path) -> bool:
    """Return whether target-intercom uses `archived.jsonl` and does not search for the contact again."""
    line = {"id": "c1", "value": "a@x.io", "intercom_id": "i1", "found_at": at}
    (folder / "archived.jsonl").write_text(json.dumps(line) + "\n")
    return bool(RememberedContacts(folder, NOW, folder).archived)


def reconciled(at: int, folder: Path) -> bool:
    """Return whether a map uses `reconciled_at` of its store and sends only changes."""
    mapper = MapLeads(config={"store_dir": str(folder)})
    mapper._confirmed = 1  # noqa: SLF001 what the echo would have said

    class Remembered:
        """A store that was reconciled at this time."""

        def read_value(self, name: str, default: Any = None) -> Any:
            return {"reconciled_at": at, "fingerprint": mapper._compute_fingerprint()}.get(name, default)  # noqa: SLF001

    mapper.store = Remembered()  # type: ignore[assignment]
    return mapper._choose_since(NOW) is not None  # noqa: SLF001


MEMORIES: list[tuple[str, Callable[[int, Path], bool]]] = [
    ("bookmarks of tap-chargebee", chargebee_bookmark),
    *(
        (f"{name} of tap-intercom", intercom_bookmark(name))
        for name in ("replication_key_value", "read_at", "whole_at")
    ),
    ("held values of target-chartmogul", held_value),
    ("archived contacts of target-intercom", archived_contact),
    ("reconciled_at of the maps", reconciled),
]


@pytest.mark.parametrize(("offset", "believed"), OFFSETS)
@pytest.mark.parametrize("is_used", [row[1] for row in MEMORIES], ids=[row[0] for row in MEMORIES])
def test_a_time_in_the_future_is_not_believed(
    *, offset: int, believed: bool, is_used: Callable[[int, Path], bool], tmp_path: Path
) -> None:
    """A time more than five minutes in the future is ignored."""
    assert is_used(NOW + offset, tmp_path) is believed


@pytest.mark.parametrize(("offset", "expected"), [(-100, False), (-99, True), (0, True), (300, True), (301, False)])
def test_what_is_recent(*, offset: int, expected: bool) -> None:
    """A time is recent when it is at most so many seconds old and not in the future."""
    assert is_recent(NOW + offset, NOW, 100) is expected
    assert is_believable(NOW + offset, NOW) is (offset <= 300)
