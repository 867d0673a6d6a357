"""What the console does with a map's stores in PostgreSQL, which it reaches only through the map's commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from map_stores import ON_POSTGRESQL, database, databases, list_schemas
from standpipe_console.project.pipelines import SYNC
from standpipe_console.project.stores import (
    block_person,
    erase_person,
    find_person,
    inspect_customer,
    list_store_files,
    list_stores,
)
from standpipe_console.removal import unlink
from standpipe_console.removal.clean import find_unused_files
from standpipe_maps.store_places import open_place
from standpipe_maps.subscriptions.store import BillingStore
from standpipe_maps.subscriptions.tables import FORM

if TYPE_CHECKING:
    from collections.abc import Callable

    from standpipe_console.project.meltano import Project

__all__ = ["database", "databases"]  # fixtures
pytestmark = ON_POSTGRESQL
ANN = {"id": "c1", "email": "ann@x.io", "created_at": 1700000000}
DAY = 86_400


@pytest.fixture
def url(installed_project: Project, database: Callable[[], str]) -> str:
    """Fill a store in an empty database, and return the database's address."""
    found, folder = database(), installed_project.system_dir / "transforms"
    installed_project.set_settings(SYNC.map, {"store_dir": str(folder), "store_url": found})
    with open_place(found, folder, FORM).open_store("s", must_exist=False) as written:
        written.begin()
        BillingStore(written, 4, lambda one: one["email"]).keep_customers("customers", [json.dumps(ANN).encode()])
        written.write_value("generation", 4)
        written.write_value("match", ["email", "email", None])
        written.write_value("committed_at", 40 * DAY)
        written.commit()
    return found


def test_a_store_in_a_database_is_read(installed_project: Project, url: str) -> None:
    """The store is found without a file; its address has no password, and it is no file to remove."""
    (store,) = list_stores(installed_project, SYNC).stores
    assert (store.name, store.generation, store.is_file) == ("s", 4, False)
    assert store.path == f"postgresql:///{url.rpartition('/')[2].partition('?')[0]}/standpipe_store_s"
    assert list_store_files(installed_project, SYNC) == []
    found = inspect_customer(installed_project, SYNC, "c1", "s", "")
    assert found["chargebee"]["customers"] == [ANN]


@pytest.mark.usefixtures("url")
def test_a_person_is_erased_from_a_database(installed_project: Project) -> None:
    """A person is found, blocked and erased there."""
    trace = find_person(installed_project, SYNC, ["ann@x.io"])
    assert (trace.names, [one.rows for one in trace.stores]) == (["ann@x.io", "c1"], [1])
    block_person(installed_project, SYNC, trace.names)
    assert erase_person(installed_project, SYNC, trace.names) == 1
    assert find_person(installed_project, SYNC, ["ann@x.io"]).stores == []
    assert not (installed_project.system_dir / "transforms/erased.json").exists()


def test_an_unnamed_store_in_a_database_is_removed(
    installed_project: Project, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`clean` finds a store that no state names by the time of its last run, and removes it."""
    monkeypatch.setattr("standpipe_console.removal.clean.read_states", lambda _: [])
    monkeypatch.setattr("standpipe_console.removal.clean.time.time", lambda: 80 * DAY)
    assert find_unused_files(installed_project, 41) == []
    (unused,) = find_unused_files(installed_project, 40)
    assert (unused.why, unused.days) == ("no state names it", 40)
    unused.remove()
    assert list_schemas(url) == []


def test_unlink_removes_stores_in_a_database(installed_project: Project, url: str) -> None:
    """`unlink` removes the stores of its pipeline from the database."""
    (step,) = [one for one in unlink.STEPS if one.__name__ == "_remove_stores"]
    assert step(installed_project, SYNC) == "Removed 1 store in the database."
    assert list_schemas(url) == []
