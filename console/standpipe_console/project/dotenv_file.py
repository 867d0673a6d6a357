"""The project's `.env`, which contains the keys. Only its owner can read it, even before the first key is written.

https://pypi.org/project/python-dotenv/
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from dotenv import dotenv_values, set_key, unset_key
from dotenv.main import resolve_variables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PRIVATE = 0o600


class DotEnv:
    """A `.env` file. A missing one has no values."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read_values(self) -> dict[str, str]:
        """Return the variables as Meltano reads them: `${HOME}` is the home folder. Empty variables are left out."""
        if not self.path.exists():
            return {}
        return {name: value for name, value in dotenv_values(self.path).items() if value}

    def resolve_text(self, text: str) -> str:
        """Return what Meltano would read if the file had this text. `${NAME}` is another variable's value."""
        variables = [*self._read_raw().items(), ("", text)]
        return dict(resolve_variables(variables, override=True))[""] or ""

    def set_value(self, name: str, value: str) -> None:
        """Write a variable into the file."""
        self.make_private()
        set_key(self.path, name, value)
        # set_key replaces the file, so its mode must be set again.
        self.path.chmod(PRIVATE)

    def remove_values(self, is_chosen: Callable[[str], bool]) -> list[str]:
        """Remove the chosen variables and return their names. An empty file is deleted."""
        names = [name for name in self._read_raw() if is_chosen(name)]
        for name in names:
            unset_key(self.path, name)
        if names:
            self.path.chmod(PRIVATE)
        if self.path.exists() and not self.path.read_text(encoding="utf-8").strip():
            self.path.unlink()
        return names

    def make_private(self) -> None:
        """Create the file if it is missing, and let only its owner read it."""
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL, PRIVATE))
        self.path.chmod(PRIVATE)

    @property
    def is_private(self) -> bool:
        """Whether only its owner can read it. A missing file counts as private."""
        return not self.path.exists() or not self.path.stat().st_mode & 0o077

    def _read_raw(self) -> dict[str, str | None]:
        """Return names and values exactly as the file has them."""
        return dotenv_values(self.path, interpolate=False) if self.path.exists() else {}
