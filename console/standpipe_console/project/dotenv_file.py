"""The project's `.env`, which holds the keys: readable by its owner alone, from before the first key is in it.

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
    """One `.env` file; a missing one has no values."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def values(self) -> dict[str, str]:
        """What it sets, as Meltano reads it: `${HOME}` is the home folder. A variable without a value is not set."""
        if not self.path.exists():
            return {}
        return {name: value for name, value in dotenv_values(self.path).items() if value}

    def meaning(self, text: str) -> str:
        """What Meltano will read when this text is written into the file: `${NAME}` is another variable's value."""
        written = [*self._pairs().items(), ("", text)]
        return dict(resolve_variables(written, override=True))[""] or ""

    def put(self, name: str, value: str) -> None:
        """Set a variable. The value never leaves this process but into the file."""
        self.make_private()
        set_key(self.path, name, value)
        self.path.chmod(PRIVATE)

    def remove(self, chosen: Callable[[str], bool]) -> list[str]:
        """Take out the variables that are chosen, and tell their names; an empty file is taken away."""
        names = [name for name in self._pairs() if chosen(name)]
        for name in names:
            unset_key(self.path, name)
        if names:
            self.path.chmod(PRIVATE)
        if self.path.exists() and not self.path.read_text(encoding="utf-8").strip():
            self.path.unlink()
        return names

    def make_private(self) -> None:
        """Make the file, or take it from the eyes of others."""
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL, PRIVATE))
        self.path.chmod(PRIVATE)

    @property
    def is_private(self) -> bool:
        """Whether nobody but its owner may read it; a missing one tells nothing."""
        return not self.path.exists() or not self.path.stat().st_mode & 0o077

    def _pairs(self) -> dict[str, str | None]:
        """Names and values as they stand there."""
        return dotenv_values(self.path, interpolate=False) if self.path.exists() else {}
