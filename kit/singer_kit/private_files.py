"""Folders and files with personal data. Only their owner may read them, and files appear complete or not at all."""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigurationError

from .folders import get_registry_path, remember_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PLUGIN = __name__.partition(".")[0].replace("_", "-")


def make_folder(folder: Path, setting: str, names: Iterable[str]) -> None:
    """Make a folder that only its owner may read, and register it as this plugin's.

    Args:
        folder: the folder.
        setting: the setting that names it.
        names: the names of all files that are ever written there.

    Raises:
        ConfigurationError: the folder cannot be made, written to or registered.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"The folder of `{setting}`, {folder}, cannot be created: {error.strerror}.") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"The folder of `{setting}`, {folder}, cannot be written to.")
    registry = get_registry_path(os.environ)
    try:
        remember_folder(registry, PLUGIN, folder, names)
    except OSError as error:
        raise ConfigurationError(f"The folder {folder} cannot be recorded in {registry}: {error.strerror}.") from None


def get_draft_path(path: Path) -> Path:
    """Return the path of a file until it is complete."""
    return path.with_name(f"{path.name}.draft")


def open_private(path: Path, *, append: bool = False) -> IO[str]:
    """Open a file for writing that only its owner may read, even if it existed with another mode.

    Raises:
        ConfigurationError: it cannot be opened, or a later write fails.
    """
    with _explain_write_error(path):
        raw = _PrivateFile(path, append=append)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", newline="")


@contextmanager
def replace_file(path: Path) -> Iterator[IO[str]]:
    """Write a file that replaces an earlier one when it is complete."""
    # If the run is killed, a draft remains beside the last complete file.
    draft = get_draft_path(path)
    with open_private(draft) as file:
        yield file
    move_into_place(path)


def move_into_place(path: Path) -> None:
    """Replace a file with its draft."""
    with _explain_write_error(path):
        get_draft_path(path).replace(path)


class _PrivateFile(io.FileIO):
    """A file with mode 0600 whose errors contain its path. On a full disk any write of the buffer may fail."""

    def __init__(self, path: Path, *, append: bool) -> None:
        self._path = path
        how = os.O_APPEND if append else os.O_TRUNC
        super().__init__(path, "a" if append else "w", opener=lambda name, _: os.open(name, _FLAGS | how, 0o600))
        # `open` sets the mode of new files only, and an older file might be readable by everybody.
        os.fchmod(self.fileno(), 0o600)

    def write(self, data: Any) -> int:
        """Write bytes."""
        with _explain_write_error(self._path):
            return super().write(data)


_FLAGS = os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


@contextmanager
def _explain_write_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"The file {path} cannot be written ({error.strerror}): free some space, or set `report_dir` (or "
            "`memory_dir`) to another folder."
        ) from error
