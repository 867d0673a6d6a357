"""The commands of a map beside its run. Other programs read and change a store through these commands only.

    map-subscriptions stores [--json]
    map-subscriptions inspect CUSTOMER [--store NAME] [--catalog FILE] [--json]
    map-subscriptions find-person [--json] < names.json
    map-subscriptions erase-person [--json] < names.json
    map-subscriptions --about --format=json

`map-leads` has the same, without `inspect`. Settings come from `--config` (before the command), else from the
environment. A person's ids and addresses come through standard input, as a JSON list of texts, because every user of
the machine can read a command line. While a run uses the store, each command ends with one sentence and exit code 1.

`stores`: this map's own stores in `store_dir`; a file that another map or program made is not among them.

    {"store_dir": "/…/transforms", "stores": [{"name": "5e0c…", "path": "/…/5e0c….sqlite", "generation": 4,
     "summary": "/…/5e0c….summary.json" or null}], "empty": ["/…/a file that never became a store.sqlite"],
     "preview_summary": "/…/preview.summary.json" or null}

`inspect`: see `subscriptions.inspect`.

`find-person`: the names that were given, with all ids and addresses of the same person; the external ids under which
the person was sent to ChartMogul (map-leads); and the stores that name the person, with the number of rows.

    {"names": ["ann", "ann@example.com"], "sent_as": ["ann:acme"], "stores": [{"path": "/…", "rows": 3}]}

`erase-person`: deletes exactly the rows of these names, and everything that is left of them in the files. Call it with
the names that `find-person` found. Only the block list keeps the person from coming back; the caller writes it.

    {"stores": [{"path": "/…", "rows": 3}], "rows": 3}

`--about --format=json`: the SDK's keys (`name`, `version`, `settings`, …) and, as `facts`, what other programs would
otherwise copy: `defaults` by setting; for map-subscriptions `attributes` and `reasons`; for map-leads `fields`.

    {"facts": {"defaults": {"attribute_prefix": "cb_", …},
     "attributes": [{"name": "cb_cust_id", "type": "text", "description": …, "source": "customer.id"}, …],
     "reasons": {"shares_match_value": {"text": …, "remedy": …}, "replaced": {…}}}}
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import msgspec

from standpipe_maps._kit.errors import UserError
from standpipe_maps.persons import erase_person, find_person
from standpipe_maps.printing import AS_JSON, print_result
from standpipe_maps.store_copy import STORE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from standpipe_maps.base import JoinMapper

NAMES = msgspec.json.Decoder(list[str])


@click.command("stores", params=[AS_JSON], help="List the stores of this map.")
@click.pass_obj
def _stores_command(mapper: JoinMapper, *, as_json: bool) -> None:
    folder, stores = mapper.store_dir, []
    for name in mapper.place.list_names():
        with mapper.place.open_to_read(name) as store:
            facts = {"generation": store.generation, "committed_at": store.read_value("committed_at")}
        summary = _find_summary(folder, name)
        stores.append({"name": name, "path": mapper.place.locate(name), **facts, "summary": summary})
    print_result(
        {
            "store_dir": str(folder),
            "stores": stores,
            "empty": mapper.place.list_empty(),
            "preview_summary": _find_summary(folder, "preview"),
        },
        as_json=as_json,
    )


def _find_summary(folder: Path, name: str) -> str | None:
    path = folder / f"{name}.summary.json"
    return str(path) if path.exists() else None


def _read_names() -> list[str]:
    try:
        names = [name for name in NAMES.decode(sys.stdin.buffer.read()) if name.strip()]
    except (msgspec.DecodeError, UnicodeError) as error:
        raise UserError(
            'Standard input is not a JSON list of ids and e-mail addresses, like ["ann", "a@x.io"].'
        ) from error
    if not names:
        raise UserError("Standard input has no id and no address: give those of one person as a JSON list.")
    return names


@click.command("find-person", params=[AS_JSON], help="Find a person in the stores, named on standard input.")
@click.pass_obj
def _find_person_command(mapper: JoinMapper, *, as_json: bool) -> None:
    names = set(_read_names())
    sent_as: set[str] = set()
    rows: dict[str, int] = {}
    # A name in one store may lead to another name in a store that was read before.
    while True:
        before = len(names)
        for name in mapper.place.list_names():
            with mapper.place.open_to_read(name) as store:
                trace = find_person(store, mapper.person_columns, names)
            names |= trace.names
            sent_as |= trace.sent_as
            rows[mapper.place.locate(name)] = trace.rows
        if len(names) == before:
            break
    stores = [{"path": path, "rows": count} for path, count in rows.items() if count]
    print_result({"names": sorted(names), "sent_as": sorted(sent_as), "stores": stores}, as_json=as_json)


@click.command("erase-person", params=[AS_JSON], help="Delete the rows of a person, named on standard input.")
@click.pass_obj
def _erase_person_command(mapper: JoinMapper, *, as_json: bool) -> None:
    names = _read_names()
    stores = []
    for name in mapper.place.list_names():
        with mapper.place.open_store(name) as store:
            store.begin()
            if rows := erase_person(store, mapper.person_columns, names):
                store.commit()
                # Deleted rows stay in free pages of the file until it is rewritten.
                store.rewrite_file()
                stores.append({"path": mapper.place.locate(name), "rows": rows})
    print_result({"stores": stores, "rows": sum(one["rows"] for one in stores)}, as_json=as_json)


@click.command("block-person", params=[AS_JSON], help="Keep a person, named on standard input, out of the stores.")
@click.pass_obj
def _block_person_command(mapper: JoinMapper, *, as_json: bool) -> None:
    names = _read_names()
    try:
        mapper.place.change_block_list(lambda listed: listed.add(names))
    except (ValueError, OSError) as error:
        raise UserError(f"The block list cannot be written: {error}") from error
    print_result({"names": len(names)}, as_json=as_json)


STORE_COMMANDS: Sequence[click.Command] = (
    _stores_command,
    STORE,
    _find_person_command,
    _erase_person_command,
    _block_person_command,
)
