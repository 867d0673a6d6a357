"""The maps' stores, and the states that name them. Only the map reads a store, through its commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from standpipe_console._kit.block_list import BlockList
from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline


class State(msgspec.Struct, frozen=True):
    """What a state of Meltano contains about a store."""

    id: str
    store: str | None
    generation: int
    completed_at: int | None  #: unix seconds


class Store(msgspec.Struct, frozen=True):
    """A store in its map's list."""

    name: str
    path: str
    generation: int
    summary: str | None = None
    committed_at: int | None = None  #: unix seconds of the last run; None if a version before this wrote it

    @property
    def is_file(self) -> bool:
        """Whether the store is a file; otherwise its path is the address of a schema in a database."""
        return "://" not in self.path

    @property
    def files(self) -> list[Path]:
        """The store, if it is a file, and its summary."""
        return [Path(one) for one in (self.path if self.is_file else None, self.summary) if one]


class StoreList(msgspec.Struct, frozen=True):
    """The answer of the map's command `stores`."""

    store_dir: str
    stores: list[Store]
    empty: list[str] = []  #: files that never became a store
    preview_summary: str | None = None


class PersonRows(msgspec.Struct, frozen=True):
    """The number of rows of a store that name a person."""

    path: str
    rows: int


class PersonTrace(msgspec.Struct, frozen=True):
    """The answer of the map's command `find-person`."""

    names: list[str]
    sent_as: list[str]
    stores: list[PersonRows]


class ErasedRows(msgspec.Struct, frozen=True):
    """The answer of the map's command `erase-person`."""

    rows: int


def parse_state(state_id: str, value: JsonObject) -> State:
    """Return the content of a state. A state of another tool has none."""
    bookmarks = (value.get("singer_state") or {}).get("bookmarks") or {}
    confirmed, marker = bookmarks.get("_map") or {}, bookmarks.get("_sync") or {}
    completed_at = marker.get("completed_at")
    return State(state_id, confirmed.get("store"), int(confirmed.get("gen", 0)), completed_at and completed_at // 1000)


def read_states(project: Project) -> list[State]:
    """Return every state that Meltano has, in all environments."""
    state_ids = project.list_state_ids()
    project.run_ahead(build_state_command(state_id) for state_id in state_ids)
    return [_fetch_state(project, state_id) for state_id in state_ids]


def read_state(project: Project, pipeline: Pipeline) -> State:
    """Return the state of a pipeline in the project's environment."""
    return _fetch_state(project, pipeline.build_state_id(project.environment))


def build_state_command(state_id: str) -> tuple[str, ...]:
    """Return Meltano's command that prints a state."""
    return ("state", "get", state_id)


def _fetch_state(project: Project, state_id: str) -> State:
    return parse_state(state_id, project.read_json(*build_state_command(state_id)) or {})


def find_store_dir(project: Project, pipeline: Pipeline) -> Path:
    """Return the folder of a map's stores."""
    return Path(project.get_settings(pipeline.map).get("store_dir") or project.system_dir / "transforms")


def is_in_database(project: Project, pipeline: Pipeline) -> bool:
    """Return whether a map's stores are in a database, and only the map can reach them."""
    return bool(project.get_settings(pipeline.map).get("store_url"))


def has_stores(project: Project, pipeline: Pipeline) -> bool:
    """Return whether a store may exist. Before the first run there is none, and the map need not be installed."""
    folder = find_store_dir(project, pipeline)
    return is_in_database(project, pipeline) or (folder.is_dir() and any(folder.iterdir()))


def list_stores(project: Project, pipeline: Pipeline) -> StoreList:
    """Return the stores of a pipeline's map: those in a state, and those that a full refresh left."""
    if not has_stores(project, pipeline):
        return StoreList(str(find_store_dir(project, pipeline)), [])
    return msgspec.convert(_ask_map(project, pipeline, "stores"), StoreList)


def list_store_files(project: Project, pipeline: Pipeline) -> list[Path]:
    """Return every file of a map's stores."""
    listed = list_stores(project, pipeline)
    files = [path for store in listed.stores for path in store.files]
    # All maps share the summary of previews, so it is removed with the last pipeline.
    if listed.preview_summary and project.ready_pipelines in ([], [pipeline]):
        files.append(Path(listed.preview_summary))
    return files


def list_remote_stores(project: Project, pipeline: Pipeline) -> list[Store]:
    """Return the map's stores that are no files."""
    if not is_in_database(project, pipeline):
        return []
    return [store for store in list_stores(project, pipeline).stores if not store.is_file]


def remove_store(project: Project, pipeline: Pipeline, store: str) -> None:
    """Remove a store that is not a file."""
    _ask_map(project, pipeline, "store", "remove", store)


def inspect_customer(project: Project, pipeline: Pipeline, customer: str, store: str, catalog: str) -> JsonObject:
    """Return a store's data about a customer, and what follows from it; see `map-subscriptions inspect`.

    Args:
        project: the project.
        pipeline: the pipeline.
        customer: an id or a match value.
        store: the name of the store.
        catalog: the tap's catalog as JSON; empty if the map needs none.

    Raises:
        ConsoleError: no customer, or several, have this value.
    """
    options = ("--catalog", "-") if catalog else ()
    answer: JsonObject = _ask_map(project, pipeline, "inspect", customer, "--store", store, *options, stdin=catalog)
    return answer


def find_person(project: Project, pipeline: Pipeline, names: Iterable[str]) -> PersonTrace:
    """Return what a map's stores contain about the person with one of these ids or addresses."""
    if not has_stores(project, pipeline):
        return PersonTrace(names=list(names), sent_as=[], stores=[])
    answer = _ask_map(project, pipeline, "find-person", stdin=json.dumps(sorted(names)))
    return msgspec.convert(answer, PersonTrace)


def erase_person(project: Project, pipeline: Pipeline, names: Iterable[str]) -> int:
    """Delete the rows with these ids and addresses from a map's stores, and return their number."""
    answer = _ask_map(project, pipeline, "erase-person", stdin=json.dumps(sorted(names)))
    return msgspec.convert(answer, ErasedRows).rows


def block_person(project: Project, pipeline: Pipeline, names: Iterable[str]) -> None:
    """Keep a person out of a map's stores from now on. In a folder, the block list is a file beside the stores.

    Raises:
        ConsoleError: the block list cannot be written.
    """
    if is_in_database(project, pipeline):
        _ask_map(project, pipeline, "block-person", stdin=json.dumps(sorted(names)))
        return
    folder = find_store_dir(project, pipeline)
    try:
        BlockList(folder).add_names(names)
    except (ValueError, OSError) as error:
        raise ConsoleError(f"The block list of {folder} cannot be written: {error}") from None


def _ask_map(project: Project, pipeline: Pipeline, command: str, *args: str, stdin: str = "") -> JsonObject:
    """Return the JSON output of a command of the map."""
    answer: JsonObject = json.loads(project.run_plugin(pipeline.map, command, *args, "--json", stdin=stdin))
    return answer
