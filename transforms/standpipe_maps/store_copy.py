"""`map-subscriptions store copy | remove`: takes stores to another place, or deletes them.

    map-subscriptions store copy --from store_dir --to store_url [--store NAME] [--json]
    map-subscriptions store remove NAME [--json]

`copy` copies the map's stores, or one, with the list of erased people, and compares both by a digest before it
commits. The places are `store_dir` and `store_url`, as the settings have them, or a folder or an address. A store keeps
its name, so the next run continues it at its new place. An address with a password belongs in the settings, because
every user of the machine can read a command line.

    {"stores": [{"name": "5e0c…", "from": "/…/5e0c….sqlite", "to": "postgresql://db/name/standpipe_store_5e0c…",
     "rows": 1200, "digest": "9f86…"}]}
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from sqlalchemy import select

from standpipe_maps._kit.errors import UserError
from standpipe_maps.printing import AS_JSON, print_result
from standpipe_maps.store_places import open_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from sqlalchemy import Table

    from standpipe_maps._kit.json_types import JsonObject
    from standpipe_maps.base import JoinMapper
    from standpipe_maps.store import Store, StoreForm
    from standpipe_maps.store_places import StorePlace

PAGE = 1000


def copy_store(name: str, source: StorePlace, target: StorePlace, form: StoreForm) -> JsonObject:
    """Copy a store, and return what was copied.

    Raises:
        UserError: the target has such a store, a run is using one of them, or the copy differs.
    """
    with source.open_store(name) as old, target.open_store(name, must_exist=False) as new:
        old.begin()
        if new.generation:
            raise UserError(f"{new.location} is a store already: remove it, or copy to another place.")
        new.begin()
        for table in form.tables.sorted_tables:
            for page in _read_table(old, table):
                new.upsert_rows(table, [row._asdict() for row in page])
        digest, rows = compute_digest(old, form)
        if compute_digest(new, form) != (digest, rows):
            raise UserError(f"The copy of {old.location} differs from it, so nothing was copied: try again.")
        new.commit()
        return {"name": name, "from": old.location, "to": new.location, "rows": rows, "digest": digest}


def compute_digest(store: Store, form: StoreForm) -> tuple[str, int]:
    """Return a hash over all rows of a store, and their number."""
    digest, count = hashlib.sha256(), 0
    for table in form.tables.sorted_tables:
        digest.update(table.name.encode())
        for page in _read_table(store, table):
            count += len(page)
            for row in page:
                digest.update(msgspec.msgpack.encode(tuple(row)))
    return digest.hexdigest(), count


def _read_table(store: Store, table: Table) -> Iterator[Sequence[Any]]:
    # Both databases compare these texts byte by byte.
    return store.read_pages(select(table).order_by(*table.primary_key), PAGE)


def _find_place(mapper: JoinMapper, place: str) -> StorePlace:
    if place == "store_dir":
        return open_place(None, mapper.store_dir, mapper.form)
    if place == "store_url":
        if not mapper.config.get("store_url"):
            raise UserError("There is no setting `store_url`: set it to the address of the database.")
        return mapper.place
    if "://" in place:
        return open_place(place, mapper.store_dir, mapper.form)
    return open_place(None, Path(place).expanduser(), mapper.form)


@click.group("store", help="Copy a store to another place, or remove it.")
def STORE() -> None:  # noqa: N802 a command, like the others
    """Group the commands."""


@STORE.command("copy", params=[AS_JSON], help="Copy the stores with the list of erased people.")
@click.option("--from", "source", required=True, help="store_dir, store_url, a folder or an address.")
@click.option("--to", "target", required=True, help="Likewise.")
@click.option("--store", "name", help="Name of one store; by default all of them.")
@click.pass_obj
def _copy_command(mapper: JoinMapper, source: str, target: str, name: str | None, *, as_json: bool) -> None:
    old, new = _find_place(mapper, source), _find_place(mapper, target)
    names = old.list_names()
    if name and name not in names:
        raise UserError(f"There is no store `{name}` in {old.label}.")
    if not names:
        raise UserError(f"There is no store in {old.label}.")
    try:
        listed = old.read_block_list()
        new.change_block_list(lambda own: own.take_over(listed))
    except (ValueError, OSError) as error:
        raise UserError(f"The list of erased people cannot be copied: {error}") from error
    copied = [copy_store(one, old, new, mapper.form) for one in ([name] if name else names)]
    print_result({"stores": copied}, as_json=as_json)


@STORE.command("remove", params=[AS_JSON], help="Remove a store that no run is using.")
@click.argument("name")
@click.pass_obj
def _remove_command(mapper: JoinMapper, name: str, *, as_json: bool) -> None:
    if name not in mapper.place.list_names():
        raise UserError(f"There is no store `{name}` in {mapper.place.label}.")
    mapper.place.remove(name)
    print_result({"removed": name}, as_json=as_json)
