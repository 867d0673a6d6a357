"""Where the stores of a map are: SQLite files in the folder `store_dir`, or the PostgreSQL database of `store_url`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from standpipe_maps._kit.errors import UserError
from standpipe_maps.sqlite_store import StoreFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from standpipe_maps._kit.block_list import BlockListText
    from standpipe_maps.store import Store, StoreForm

DRIVERS = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
DRIVER = "psycopg"


class StorePlace(Protocol):
    """The stores of a map."""

    @property
    def label(self) -> str:
        """The folder or the database, without any password."""

    def locate(self, name: str) -> str:
        """Return the path or the address of a store, without any password."""

    def open_store(self, name: str, *, must_exist: bool = True) -> Store:
        """Open a store to change it; nobody else can change it until it is closed.

        Raises:
            UserError: it does not exist but must, another run is using it, or it cannot be used.
        """

    def open_to_read(self, name: str, is_current: Callable[[Store], bool] = ...) -> AbstractContextManager[Store]:
        """Open a store for reading. If it must be migrated first, the stored rows stay as they are.

        Args:
            name: the store.
            is_current: returns whether the rows match the settings; otherwise the caller may change the copy.
        """

    def list_names(self) -> list[str]:
        """Return the names of the map's stores."""

    def list_empty(self) -> list[str]:
        """Return the paths of files that never became a store."""

    def remove(self, name: str) -> None:
        """Delete a store that no run is using."""

    def read_block_list(self) -> BlockListText:
        """Return the list of erased people, which all stores here share.

        Raises:
            ValueError: it is damaged.
        """

    def change_block_list(self, change: Callable[[BlockListText], None]) -> None:
        """Change the list of erased people, completely or not at all.

        Raises:
            ValueError: it is damaged, or cannot be changed in this way.
        """


def open_place(url: str | None, folder: Path, form: StoreForm) -> StorePlace:
    """Return where the stores of a map are.

    Args:
        url: the address of a PostgreSQL database; None for files.
        folder: the folder for files.
        form: the tables of the map's stores.

    Raises:
        UserError: the address is not one, or the driver is missing.
    """
    if not url:
        return StoreFolder(folder, form)
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername not in DRIVERS:
        # The address itself is not shown, as it may contain a password.
        raise UserError(
            "`store_url` is not the address of a PostgreSQL database, such as postgresql://USER:PASSWORD@HOST/NAME."
        )
    try:
        # Stores in files need no driver.
        from standpipe_maps.postgres_database import StoreDatabase  # noqa: PLC0415
    except ImportError as error:
        if error.name != DRIVER:
            raise
        raise UserError(
            "`store_url` needs the driver psycopg: install the map with its extra, `standpipe-maps[postgres]`; in "
            "meltano.yml, `-e ./transforms[postgres]` in the `pip_url` of the mapper."
        ) from error
    return StoreDatabase(parsed.set(drivername="postgresql+psycopg"), form)
