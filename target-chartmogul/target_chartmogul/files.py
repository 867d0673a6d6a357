"""Folders and files that hold personal data: only their owner may read them."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

from singer_sdk.exceptions import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def make_folder(directory: Path, setting: str = "report_dir") -> None:
    """Make the folder that a setting names.

    Raises:
        ConfigurationError: it cannot be made, or written to.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"The folder of `{setting}`, {directory}, cannot be made: {error.strerror}.") from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ConfigurationError(f"The folder of `{setting}`, {directory}, cannot be written to.")


def open_private(path: Path, *, append: bool = False) -> IO[str]:
    """Open a file for writing that only its owner may read, also when it existed with another mode."""
    how = os.O_APPEND if append else os.O_TRUNC
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "a" if append else "w", encoding="utf-8", newline="")
