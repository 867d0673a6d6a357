"""The ledgers of a memory folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from target_intercom.writing.event_ledger import EventLedger
from target_intercom.writing.object_ledger import ObjectLedger

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["plain", "what?", "a#b", "100%25"])
@pytest.mark.parametrize("ledger", [EventLedger, ObjectLedger])
def test_a_validation_reads_a_ledger_in_any_folder(
    tmp_path: Path, ledger: type[EventLedger | ObjectLedger], name: str
) -> None:
    """A validation reads the ledger of a folder whatever the folder is called, and makes no other file."""
    folder = tmp_path / name
    folder.mkdir()
    ledger(folder).close()
    ledger(folder, read_only=True).close()
    assert [one.relative_to(tmp_path).parts for one in tmp_path.rglob("*.sqlite")] == [(name, ledger.file)]
    assert not [one for one in tmp_path.iterdir() if one != folder]
