"""A page of a longer list, with the addresses of its neighbours, and the controls that lead to it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: Rows of one page.
SIZE = 100


@dataclass(frozen=True)
class Controls:
    """The controls in the address of a list: page, order and filters."""

    path: str
    query: Mapping[str, str]
    sort: str = ""
    number: int = 1

    @property
    def offset(self) -> int:
        """The number of rows before the page."""
        return (self.number - 1) * SIZE

    def build_address(self, path: str = "", **changes: str | int) -> str:
        """Return the address of the list with a changed query. Empty values are left out."""
        query = {**self.query, "sort": self.sort, **changes}
        text = urlencode({name: value for name, value in query.items() if value not in ("", 1)})
        return f"{path or self.path}?{text}" if text else path or self.path

    def is_limited(self, kept: Collection[str]) -> bool:
        """Return whether the query limits the list by anything but these names."""
        return any(name not in kept for name in self.query)

    def build_whole(self, kept: Collection[str]) -> str:
        """Return the address of the list without what limits it, but for these names."""
        return self.build_address(**{name: "" for name in self.query if name not in kept})

    def build_sort(self, name: str) -> tuple[str, str]:
        """Return the link in the heading of a column, and how the list is sorted by the column now."""
        state = {name: "ascending", f"-{name}": "descending"}.get(self.sort, "none")
        return self.build_address(sort=f"-{name}" if self.sort == name else name), state


@dataclass(frozen=True)
class Pager:
    """The addresses of the neighbouring pages."""

    first: int
    last: int
    total: int
    previous: str = ""
    next: str = ""
    size: int = SIZE


def read_controls(path: str, params: Mapping[str, str], names: tuple[str, ...], sorts: frozenset[str]) -> Controls:
    """Return the controls in an address, without invalid ones."""
    sort = params.get("sort", "")
    number = params.get("page", "1")
    return Controls(
        path,
        {name: params[name] for name in names if params.get(name)},
        sort if sort.removeprefix("-") in sorts else "",
        max(1, int(number)) if number.isdecimal() and len(number) < 8 else 1,  # noqa: PLR2004 no list is longer
    )


def build_pager(controls: Controls, total: int) -> Pager:
    """Return the neighbours of a page."""
    last = min(controls.offset + SIZE, total)
    return Pager(
        min(controls.offset + 1, total),
        last,
        total,
        controls.build_address(page=controls.number - 1) if controls.number > 1 else "",
        controls.build_address(page=controls.number + 1) if last < total else "",
    )
