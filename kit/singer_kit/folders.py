"""The folders that plugins wrote to, so that `unlink` finds a pipeline's files and no others.

A setting such as `report_dir` may name a folder with other files in it, and its value may change. So under Meltano
every plugin registers each folder that it writes to, and the names of its own files there, in one file of the
project.
"""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .kept_reports import list_kept_runs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

REGISTRY = Path("standpipe/folders.jsonl")  #: below Meltano's folder in the project
DRAFT = ".draft"  #: the suffix of an incomplete file


@dataclass(frozen=True)
class OwnFolder:
    """A folder that a plugin wrote to, and the names of the plugin's own files in it."""

    plugin: str
    folder: str
    names: tuple[str, ...]

    def list_files(self) -> list[Path]:
        """List the plugin's existing files, including unfinished ones and the kept reports of earlier runs."""
        # Users can edit the registry, and a name with a path in it would lead out of the folder.
        names = sorted(name + suffix for name in self.names if Path(name).name == name for suffix in ("", DRAFT))
        folders = [Path(self.folder), *list_kept_runs(Path(self.folder))]
        paths = [folder / name for folder in folders for name in names]
        return [path for path in paths if path.is_file() or path.is_symlink()]


def get_registry_path(environ: Mapping[str, str]) -> Path | None:
    """Return the path of Meltano's registry; None outside of Meltano, where nothing reads the registry."""
    root = environ.get("MELTANO_PROJECT_ROOT")
    folder = environ.get("MELTANO_SYS_DIR_ROOT") or (root and Path(root) / ".meltano")
    return Path(folder) / REGISTRY if folder else None


def remember_folder(path: Path | None, plugin: str, folder: Path, names: Iterable[str]) -> None:
    """Register that a plugin writes files with these names into a folder.

    Args:
        path: the registry, see `get_registry_path`; None registers nothing.
        plugin: the plugin's name.
        folder: the folder.
        names: the names of all files that the plugin ever writes there.

    Raises:
        OSError: the registry cannot be written.
    """
    if path is None:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _lock_registry(path):
        known = {(one.plugin, one.folder): one for one in read_folders(path) if Path(one.folder).is_dir()}
        key = plugin, str(folder.resolve())
        # An earlier version may have written files with other names.
        earlier = known[key].names if key in known else ()
        known[key] = OwnFolder(*key, tuple(sorted({*earlier, *names})))
        _write_folders(path, known.values())


def forget_folders(path: Path, plugin: str) -> None:
    """Remove a plugin's folders from the registry. The file is deleted with its last entry."""
    if not path.exists():
        return
    with _lock_registry(path):
        _write_folders(path, [one for one in read_folders(path) if one.plugin != plugin])
    # Other plugins use the lock file too, so it is deleted only with the registry.
    if not path.exists():
        _find_lock_path(path).unlink(missing_ok=True)


def read_folders(path: Path) -> list[OwnFolder]:
    """Read the registry; a missing one contains no folder."""
    if not path.exists():
        return []
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [OwnFolder(line["plugin"], line["folder"], tuple(line["names"])) for line in lines]


def _find_lock_path(path: Path) -> Path:
    return path.with_suffix(".lock")


@contextmanager
def _lock_registry(path: Path) -> Iterator[None]:
    """Lock the registry, as several plugins may start at once."""
    with _find_lock_path(path).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write_folders(path: Path, entries: Collection[OwnFolder]) -> None:
    """Replace the whole registry, or delete it when it is empty."""
    if not entries:
        path.unlink(missing_ok=True)
        return
    # If the process is killed while it writes, the earlier registry stays unchanged.
    draft = path.with_name(path.name + DRAFT)
    draft.write_text("".join(json.dumps(asdict(one)) + "\n" for one in entries), encoding="utf-8")
    draft.replace(path)
