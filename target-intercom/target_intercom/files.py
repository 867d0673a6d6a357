"""Files that hold personal data: only their owner may read them, and they appear whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from singer_sdk.exceptions import ConfigurationError

from target_intercom._kit.folders import registry_path, remember_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def make_folder(folder: Path, setting: str, names: Iterable[str]) -> None:
    """Make a folder that only its owner may read, and note it as one of this plugin's.

    Args:
        folder: the folder.
        setting: the setting that names it.
        names: the names of all files that are ever written there.

    Raises:
        ConfigurationError: it cannot be made, written to or noted.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"The folder of `{setting}`, {folder}, cannot be made: {error.strerror}.") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"The folder of `{setting}`, {folder}, cannot be written to.")
    registry = registry_path(os.environ)
    try:
        remember_folder(registry, "target-intercom", folder, names)
    except OSError as error:
        raise ConfigurationError(f"The folder {folder} cannot be noted in {registry}: {error.strerror}.") from None


def draft_of(path: Path) -> Path:
    """Return the name under which a file is written until it is whole."""
    return path.with_name(f"{path.name}.draft")


def open_private(path: Path) -> IO[str]:
    """Open a file for writing that only its owner may read, also when it existed with another mode."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8", newline="")


@contextmanager
def replace_file(path: Path) -> Iterator[IO[str]]:
    """Write a file that takes the place of an earlier one when it is whole."""
    draft = draft_of(path)
    with open_private(draft) as file:
        yield file
    draft.replace(path)
