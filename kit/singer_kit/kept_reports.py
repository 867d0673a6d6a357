"""The reports of the last runs, each in a folder of its own beside those of the last one.

`report_dir` holds the reports of the last run. Those of each run are also in `report_dir/runs/2026-11-30T12-00-00Z`, a
folder that is named after the run's start, as its log is, and `report_dir/latest` leads to the newest. They are the
same files, not copies: the next run replaces a report and does not change it.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

RUNS, LATEST = "runs", "latest"
KEPT = 10
"""How many runs are kept: their reports may be large."""
_NAME = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]-[0-9][0-9]-[0-9][0-9]*Z"


def keep_reports(folder: Path, names: Collection[str], started: float) -> Path:
    """Keep the reports that are in a folder as those of one run, and remove those of the oldest runs.

    Args:
        folder: the folder of the reports.
        names: the names of all reports.
        started: when the run began, unix seconds.

    Returns:
        The folder in which they are kept.

    Raises:
        OSError: they cannot be kept.
    """
    kept = _make_folder(folder / RUNS, datetime.fromtimestamp(started, UTC))
    for name in names:
        if (folder / name).is_file():
            _link(folder / name, kept / name)
    draft = folder / f"{LATEST}.draft"
    draft.unlink(missing_ok=True)
    draft.symlink_to(Path(RUNS) / kept.name)
    draft.replace(folder / LATEST)
    for old in list_kept_runs(folder)[:-KEPT]:
        _remove(old, names)
    return kept


def list_kept_runs(folder: Path) -> list[Path]:
    """List the folders of kept runs, the oldest first."""
    found = (path for path in (folder / RUNS).glob(_NAME) if path.is_dir() and not path.is_symlink())
    # A second run within the same second has a longer name.
    return sorted(found, key=lambda path: (path.name[:19], len(path.name), path.name))


def remove_empty_runs(folder: Path) -> None:
    """Remove the folders of kept runs that are empty, and the link to the newest run."""
    for path in list_kept_runs(folder):
        with suppress(OSError):
            path.rmdir()
    with suppress(OSError):
        (folder / RUNS).rmdir()
    if (folder / LATEST).is_symlink() and not (folder / LATEST).exists():
        (folder / LATEST).unlink()


def _make_folder(runs: Path, started: datetime) -> Path:
    """Make the folder of a run. Two runs may start within one second."""
    runs.mkdir(mode=0o700, exist_ok=True)
    for number in count(1):
        suffix = f".{number}" if number > 1 else ""
        path = runs / f"{started:%Y-%m-%dT%H-%M-%S}{suffix}Z"
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
            return path
    raise AssertionError("unreachable: the numbers do not end")


def _link(report: Path, place: Path) -> None:
    try:
        place.hardlink_to(report)
    except OSError:
        # Not every file system has hard links.
        shutil.copy2(report, place)


def _remove(run: Path, names: Collection[str]) -> None:
    for name in names:
        (run / name).unlink(missing_ok=True)
    # A folder with another program's file stays.
    with suppress(OSError):
        run.rmdir()
