"""People who were erased and must not come back, as keyed hashes of ids and e-mail addresses that reveal no name."""

from __future__ import annotations

import json
import os
import secrets
import unicodedata
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE = "erased.json"


def fold_name(name: str) -> str:
    """Return an id or e-mail address in the form for comparisons, without letter case and with accents composed."""
    return unicodedata.normalize("NFC", name.strip()).casefold()


class BlockList:
    """The block list of a folder of stores.

    Args:
        folder: the folder of the file, which need not exist yet.

    Raises:
        ValueError: the file is damaged. Without it, erased people would come back.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._salt, self._hashes = secrets.token_hex(16), set[str]()
        if self._path.exists():
            try:
                held = json.loads(self._path.read_text(encoding="utf-8"))
                self._salt, self._hashes = str(held["salt"]), {str(one) for one in held["hashes"]}
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"The block list {self._path} is damaged: restore it from a copy.") from error

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def is_blocked(self, *names: str | None) -> bool:
        """Return whether one of these ids or e-mail addresses belongs to a person who was erased."""
        return any(self._hash_name(name) in self._hashes for name in names if name)

    def add_names(self, names: Iterable[str]) -> None:
        """Block these ids and e-mail addresses, from now on."""
        self._hashes |= {self._hash_name(name) for name in names if name.strip()}
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path.with_name(f"{FILE}.new")
        # The file is created with its final mode, so that nobody else can read it even for a moment.
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump({"salt": self._salt, "hashes": sorted(self._hashes)}, file)
        draft.replace(self._path)

    def _hash_name(self, name: str) -> str:
        folded = fold_name(name).encode("utf-8", "surrogatepass")
        # Each folder has its own salt, so hashes from elsewhere match nothing here.
        return blake2b(folded, digest_size=16, key=self._salt.encode()).hexdigest()
