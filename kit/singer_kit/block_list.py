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


class BlockListText:
    """A block list as text, wherever that is stored.

    Args:
        text: what ``format`` returned; None for an empty list.
        place: what messages call the list.

    Raises:
        ValueError: the text is damaged. Without it, erased people would come back.
    """

    def __init__(self, text: str | None, place: object) -> None:
        self._salt, self._hashes = secrets.token_hex(16), set[str]()
        if text is not None:
            try:
                held = json.loads(text)
                self._salt, self._hashes = str(held["salt"]), {str(one) for one in held["hashes"]}
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"The block list {place} is damaged: restore it from a copy.") from error

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def is_blocked(self, *names: str | None) -> bool:
        """Return whether one of these ids or e-mail addresses belongs to a person who was erased."""
        return any(self._hash_name(name) in self._hashes for name in names if name)

    def add(self, names: Iterable[str]) -> None:
        """Add these ids and e-mail addresses."""
        self._hashes |= {self._hash_name(name) for name in names if name.strip()}

    def take_over(self, other: BlockListText) -> None:
        """Become the same list as another one.

        Raises:
            ValueError: both have names. Their hashes have different keys, so they cannot be one list.
        """
        if not other or other.format() == self.format():
            return
        if self:
            raise ValueError("Both places have a list of erased people: keep one of them, and erase the others again.")
        self._salt, self._hashes = other._salt, set(other._hashes)

    def format(self) -> str:
        """Return the list as text."""
        return json.dumps({"salt": self._salt, "hashes": sorted(self._hashes)})

    def _hash_name(self, name: str) -> str:
        folded = fold_name(name).encode("utf-8", "surrogatepass")
        # Each list has its own salt, so hashes from elsewhere match nothing here.
        return blake2b(folded, digest_size=16, key=self._salt.encode()).hexdigest()


class BlockList(BlockListText):
    """The block list of a folder of stores.

    Args:
        folder: the folder of the file, which need not exist yet.

    Raises:
        ValueError: the file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        try:
            text = self._path.read_text(encoding="utf-8") if self._path.exists() else None
        except UnicodeDecodeError:
            # Invalid UTF-8 counts as damage, like text that is not JSON.
            text = ""
        super().__init__(text, self._path)

    def add_names(self, names: Iterable[str]) -> None:
        """Block these ids and e-mail addresses, from now on."""
        self.add(names)
        self.save()

    def save(self) -> None:
        """Write the file, completely or not at all."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path.with_name(f"{FILE}.new")
        # The file is created with its final mode, so that nobody else can read it even for a moment.
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(self.format())
        draft.replace(self._path)
