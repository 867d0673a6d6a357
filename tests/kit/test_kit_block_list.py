"""The block list recognises erased people without storing their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_kit.block_list import FILE, BlockList

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["ann@x.io", " Ann@X.io ", "id-7", "JOSE\u0301@x.io"])
def test_a_name_is_known_again(name: str, tmp_path: Path) -> None:
    """Names are recognised whatever their letter case, spaces and encoding of accents; other names are not."""
    BlockList(tmp_path).add_names(["ann@x.io", "id-7", "jos\u00e9@x.io"])
    found = BlockList(tmp_path)
    assert found.is_blocked("nobody", name)
    assert not found.is_blocked("nobody", "", None)


def test_the_file_names_nobody(tmp_path: Path) -> None:
    """The file has only hashes, with a key per list, and only its owner can read it."""
    other = tmp_path / "other"
    for folder in (tmp_path, other):
        BlockList(folder).add_names(["ann@x.io"])
    texts = [(folder / FILE).read_text() for folder in (tmp_path, other)]
    assert "ann" not in texts[0]
    assert texts[0] != texts[1]
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_what_was_added_before_stays(tmp_path: Path) -> None:
    """Adding a second person keeps the first one blocked."""
    for name in ("ann@x.io", "bob@x.io"):
        BlockList(tmp_path).add_names([name])
    assert BlockList(tmp_path).is_blocked("ann@x.io")
    assert not BlockList(tmp_path / "none")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"salt": "a"}'])
def test_a_damaged_list_is_an_error(text: str, tmp_path: Path) -> None:
    """A damaged list is an error, because ignoring it would bring erased people back."""
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ValueError, match="is damaged"):
        BlockList(tmp_path)
