"""The folders that plugins have written to, so that `unlink` finds the files of a pipeline, and no others.

A setting such as `report_dir` names a folder that may hold other files too, and tomorrow it may name another folder.
Under Meltano every plugin therefore notes each folder that it writes to, with the names of its own files there, in one
file of the project.
"""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

REGISTRY = Path("standpipe/folders.jsonl")  #: in Meltano's folder of the project
DRAFT = ".draft"  #: what the name of a file ends with until it is complete


@dataclass(frozen=True)
class OwnFolder:
    """A folder that a plugin has written to, and the names of the files in it that are its own."""

    plugin: str
    folder: str
    names: tuple[str, ...]

    def list_files(self) -> list[Path]:
        """List the plugin's own files that are there, unfinished ones too."""
        # Users can edit the registry, and a name with a path in it would lead out of the folder.
        names = sorted(name + suffix for name in self.names if Path(name).name == name for suffix in ("", DRAFT))
        paths = [Path(self.folder) / name for name in names]
        return [path for path in paths if path.is_file() or path.is_symlink()]


def get_registry_path(environ: Mapping[str, str]) -> Path | None:
    """Return where Meltano's plugins note their folders; None outside of Meltano, where nothing reads the note."""
    root = environ.get("MELTANO_PROJECT_ROOT")
    folder = environ.get("MELTANO_SYS_DIR_ROOT") or (root and Path(root) / ".meltano")
    return Path(folder) / REGISTRY if folder else None


def remember_folder(path: Path | None, plugin: str, folder: Path, names: Iterable[str]) -> None:
    """Note in the registry that a plugin writes files of these names into a folder.

    Args:
        path: the registry, see `get_registry_path`; None notes nothing.
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
        # An earlier version may have written files of other names.
        earlier = known[key].names if key in known else ()
        known[key] = OwnFolder(*key, tuple(sorted({*earlier, *names})))
        _write_folders(path, known.values())


def forget_folders(path: Path, plugin: str) -> None:
    """Take a plugin's folders out of the registry, which goes with the last one."""
    if not path.exists():
        return
    with _lock_registry(path):
        _write_folders(path, [one for one in read_folders(path) if one.plugin != plugin])
    # Other plugins lock the registry too, so the lock file goes only with the registry itself.
    if not path.exists():
        _find_lock_path(path).unlink(missing_ok=True)


def read_folders(path: Path) -> list[OwnFolder]:
    """Read the registry; one that is not there names no folder."""
    if not path.exists():
        return []
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [OwnFolder(line["plugin"], line["folder"], tuple(line["names"])) for line in lines]


def _find_lock_path(path: Path) -> Path:
    return path.with_suffix(".lock")


@contextmanager
def _lock_registry(path: Path) -> Iterator[None]:
    """Keep other plugins from the registry: several may start at once."""
    with _find_lock_path(path).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write_folders(path: Path, entries: Collection[OwnFolder]) -> None:
    """Replace the registry whole, or remove it when it names nothing."""
    if not entries:
        path.unlink(missing_ok=True)
        return
    # A process that is killed while it writes leaves the earlier registry as it was.
    draft = path.with_name(path.name + DRAFT)
    draft.write_text("".join(json.dumps(asdict(one)) + "\n" for one in entries), encoding="utf-8")
    draft.replace(path)
