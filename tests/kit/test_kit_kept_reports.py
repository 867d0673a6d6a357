"""Each run keeps its reports in its own folder, and the reports of the oldest runs are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_kit.kept_reports import keep_reports, list_kept_runs, remove_empty_runs

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("summary.json", "matched.csv", "validation.html")
NOON = 1_796_040_000.5  # 2026-11-30T12:00:00.5Z


def write(folder: Path, text: str) -> None:
    """Replace the reports as a run does."""
    for name in NAMES[:2]:
        (folder / f"{name}.draft").write_text(text)
        (folder / f"{name}.draft").replace(folder / name)


def test_each_run_has_its_reports(tmp_path: Path) -> None:
    """The next run replaces the reports in the folder, not those kept for the run before.

    `latest` is the newest run.
    """
    (tmp_path / "notes.txt").touch()
    for text, started in (("first", NOON), ("second", NOON), ("third", NOON + 60)):
        write(tmp_path, text)
        keep_reports(tmp_path, NAMES, started)
    texts = {path.name: (path / "summary.json").read_text() for path in list_kept_runs(tmp_path)}
    assert list(texts.items()) == [
        ("2026-11-30T12-00-00Z", "first"),
        ("2026-11-30T12-00-00.2Z", "second"),
        ("2026-11-30T12-01-00Z", "third"),
    ]
    assert sorted(path.name for path in (tmp_path / "latest").iterdir()) == ["matched.csv", "summary.json"]
    assert (tmp_path / "latest/summary.json").read_text() == "third"
    assert (tmp_path / "latest").resolve().stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "summary.json").stat().st_nlink == 2


def test_the_newest_runs_are_kept(tmp_path: Path) -> None:
    """Ten runs are kept. When an old run's folder has somebody else's file, the folder stays with that file alone."""
    for minute in range(12):
        write(tmp_path, str(minute))
        kept = keep_reports(tmp_path, NAMES, NOON + 60 * minute)
        if minute == 1:
            (kept / "notes.txt").touch()
    runs = list_kept_runs(tmp_path)
    assert [(path.name, len(list(path.iterdir()))) for path in runs] == [
        ("2026-11-30T12-01-00Z", 1),
        *((f"2026-11-30T12-{minute:02}-00Z", 2) for minute in range(2, 12)),
    ]


def test_what_is_removed_leaves_no_empty_folders(tmp_path: Path) -> None:
    """When the reports are removed, the empty folders of their runs are removed too."""
    write(tmp_path, "first")
    kept = keep_reports(tmp_path, NAMES, NOON)
    remove_empty_runs(tmp_path)
    assert (tmp_path / "latest").exists()
    for path in [*kept.iterdir(), *(tmp_path / name for name in NAMES[:2])]:
        path.unlink()
    remove_empty_runs(tmp_path)
    assert list(tmp_path.iterdir()) == []
