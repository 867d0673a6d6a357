"""The registry of folders that a plugin has written to, with the names of its files."""

from __future__ import annotations

from pathlib import Path

import pytest
from singer_kit.folders import OwnFolder, forget_folders, get_registry_path, read_folders, remember_folder
from singer_kit.kept_reports import keep_reports


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"MELTANO_PROJECT_ROOT": "/p"}, Path("/p/.meltano/standpipe/folders.jsonl")),
        ({"MELTANO_PROJECT_ROOT": "/p", "MELTANO_SYS_DIR_ROOT": "/s"}, Path("/s/standpipe/folders.jsonl")),
    ],
    ids=["without Meltano", "under Meltano", "with a folder of its own"],
)
def test_folders_are_noted_under_meltano_only(environ: dict[str, str], expected: Path | None) -> None:
    """The registry exists only under Meltano, in the project's system folder."""
    assert get_registry_path(environ) == expected
    remember_folder(get_registry_path({}), "target-intercom", Path("/nowhere"), ["a.csv"])


def test_every_folder_is_remembered_once_with_all_names(tmp_path: Path) -> None:
    """Each folder is stored once with the file names of all versions, until the folder no longer exists."""
    registry, one, two = tmp_path / "s/folders.jsonl", tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    remember_folder(registry, "target-intercom", one, ["a.csv", "old.csv"])
    remember_folder(registry, "target-intercom", two, ["a.csv"])
    remember_folder(registry, "target-chartmogul", two, ["b.csv"])
    remember_folder(registry, "target-intercom", one, ["a.csv", "new.csv"])
    assert read_folders(registry) == [
        OwnFolder("target-intercom", str(one), ("a.csv", "new.csv", "old.csv")),
        OwnFolder("target-intercom", str(two), ("a.csv",)),
        OwnFolder("target-chartmogul", str(two), ("b.csv",)),
    ]
    one.rmdir()
    remember_folder(registry, "target-intercom", two, ["a.csv"])
    assert [Path(entry.folder) for entry in read_folders(registry)] == [two, two]
    forget_folders(registry, "target-intercom")
    assert read_folders(registry) == [OwnFolder("target-chartmogul", str(two), ("b.csv",))]
    forget_folders(registry, "target-chartmogul")
    assert list(registry.parent.iterdir()) == []


def test_own_files_are_those_of_its_names_and_no_others(tmp_path: Path) -> None:
    """A folder's own files are those with its names, with drafts and kept runs, and nothing outside of it."""
    for name in ("a.csv", "b.csv.draft", "foreign.csv", "c.csv.bak"):
        (tmp_path / name).touch()
    (tmp_path / "c.csv").mkdir()
    (tmp_path.parent / "outside.csv").touch()
    own = OwnFolder("target-intercom", str(tmp_path), ("a.csv", "b.csv", "c.csv", "../outside.csv"))
    kept = keep_reports(tmp_path, own.names, 1_796_040_000)
    assert own.list_files() == [tmp_path / "a.csv", tmp_path / "b.csv.draft", kept / "a.csv"]
