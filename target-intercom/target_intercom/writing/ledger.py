"""What the ledgers of a `memory_dir` share: a SQLite file that several threads use, and a copy for a validation."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, ClassVar

from singer_sdk.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Ledger:
    """A ledger of one `memory_dir`. Several threads may use it.

    Args:
        folder: the memory folder.
        read_only: whether nothing is changed, for a validation.

    Raises:
        ConfigurationError: it cannot be opened.
    """

    file: ClassVar[str]
    ddl: ClassVar[str]
    problem: ClassVar[str]
    """The sentence for a file that cannot be used, with `{path}` and `{error}` to be filled in."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self._path, self._read_only = folder / self.file, read_only
        self._lock = threading.Lock()
        with self._explain_errors():
            self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        if self._read_only:
            # A validation works on a copy in memory, so that it leaves nothing behind.
            copy = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
            if self._path.exists():
                with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)) as original:
                    original.backup(copy)
            copy.executescript(self.ddl)
            return copy
        # SQLite would create the file with a mode that others can read.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=30)
        db.execute("PRAGMA synchronous=FULL")
        db.executescript(self.ddl)
        return db

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise ConfigurationError(self.problem.format(path=self._path, error=error)) from None
