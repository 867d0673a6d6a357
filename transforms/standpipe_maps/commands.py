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

`erase-person`: deletes exactly the rows of these names, and what the files still hold of them. Call it with the names
that `find-person` found; what keeps the person from coming back is the block list, which is the caller's to write.

    {"stores": [{"path": "/…", "rows": 3}], "rows": 3}

`--about --format=json`: the SDK's keys (`name`, `version`, `settings`, …) and, as `facts`, what other programs would
otherwise copy: `defaults` by setting; for map-subscriptions `attributes` and `reasons`; for map-leads `fields`.

    {"facts": {"defaults": {"attribute_prefix": "cb_", …},
     "attributes": [{"name": "cb_cust_id", "type": "text", "description": …, "source": "customer.id"}, …],
     "reasons": {"shares_match_value": {"text": …, "remedy": …}, "replaced": {…}}}}
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click
import msgspec

from standpipe_maps._kit.errors import UserError
from standpipe_maps.persons import erase_person, find_person
from standpipe_maps.store import ReadOnlyStore, Store, is_database, open_to_read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from standpipe_maps._kit.json_types import JsonValue
    from standpipe_maps.base import JoinMapper

NAMES = msgspec.json.Decoder(list[str])
AS_JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print JSON.")


def list_stores(mapper: JoinMapper) -> list[Path]:
    """Return the files of a map's stores.

    Raises:
        UserError: a run is using one of them, or one is damaged.
    """
    paths = []
    for path in sorted(mapper.store_dir.glob("*.sqlite")):
        # SQLite cannot open other files, and the folder may contain another program's database.
        if is_database(path):
            with ReadOnlyStore(path, mapper.tables) as store:
                if store.is_made_by_map(mapper.core_streams):
                    paths.append(path)
    return paths


def print_result(result: Mapping[str, JsonValue], *, as_json: bool) -> None:
    """Print the result of a command: as JSON, or as lines for people."""
    click.echo(json.dumps(result, ensure_ascii=False, indent=2) if as_json else "\n".join(_format_lines(result)))


def _format_lines(value: JsonValue, indent: str = "") -> Iterator[str]:
    if not isinstance(value, dict | list):
        yield f"{indent}{value}"
        return
    entries = value.items() if isinstance(value, dict) else (("-", one) for one in value)
    for name, inner in entries:
        if inner and isinstance(inner, dict | list):
            yield f"{indent}{name}:" if name != "-" else f"{indent}-"
            yield from _format_lines(inner, f"{indent}  ")
        else:
            yield f"{indent}{name}{'' if name == '-' else ':'} {'none' if inner in (None, [], {}) else inner}"


@click.command("stores", params=[AS_JSON], help="List the stores of this map.")
@click.pass_obj
def _stores_command(mapper: JoinMapper, *, as_json: bool) -> None:
    folder, stores = mapper.store_dir, []
    for path in list_stores(mapper):
        with ReadOnlyStore(path, mapper.tables) as store:
            generation = store.generation
        summary = _find_summary(folder, path.stem)
        stores.append({"name": path.stem, "path": str(path), "generation": generation, "summary": summary})
    print_result(
        {
            "store_dir": str(folder),
            "stores": stores,
            "empty": [str(path) for path in sorted(folder.glob("*.sqlite")) if not path.stat().st_size],
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
        for path in list_stores(mapper):
            with open_to_read(path, mapper.tables, mapper.migrations) as store:
                trace = find_person(store, mapper.person_columns, names)
            names |= trace.names
            sent_as |= trace.sent_as
            rows[str(path)] = trace.rows
        if len(names) == before:
            break
    stores = [{"path": path, "rows": count} for path, count in rows.items() if count]
    print_result({"names": sorted(names), "sent_as": sorted(sent_as), "stores": stores}, as_json=as_json)


@click.command("erase-person", params=[AS_JSON], help="Delete the rows of a person, named on standard input.")
@click.pass_obj
def _erase_person_command(mapper: JoinMapper, *, as_json: bool) -> None:
    names = _read_names()
    stores = []
    for path in list_stores(mapper):
        with Store(path, path.stem, mapper.tables, mapper.migrations) as store:
            if rows := erase_person(store, mapper.person_columns, names):
                store.commit()
                # Deleted rows stay in free pages of the file until it is rewritten.
                store.rewrite_file()
                stores.append({"path": str(path), "rows": rows})
    print_result({"stores": stores, "rows": sum(one["rows"] for one in stores)}, as_json=as_json)


STORE_COMMANDS: Sequence[click.Command] = (_stores_command, _find_person_command, _erase_person_command)
