"""`clean`: removes stores that no state names, and files that killed runs left."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from standpipe_console.project.stores import list_remote_stores, list_stores, read_states, remove_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.project.meltano import Project

_DAY = 86_400
_UNNAMED = "no state names it"


@dataclass(frozen=True)
class UnusedFile:
    """A file, or a store in a database, that can be removed, and the reason."""

    path: Path | str
    why: str
    size: int  #: bytes; 0 for a store in a database
    days: int  #: since its last write
    remove: Callable[[], object]

    def describe(self) -> JsonObject:
        """Return what `--json` prints."""
        return {"path": self.path, "why": self.why, "size": self.size, "days": self.days}


def find_unused_files(project: Project, min_days: int) -> list[UnusedFile]:
    """Return all files that can be removed: unnamed stores of that age, and leftovers of any age.

    Raises:
        ConsoleError: Meltano cannot list the states, so no store counts as unnamed.
    """
    now = time.time()
    in_states = {state.store for state in read_states(project)}
    stores = [_describe_file(path, _UNNAMED, now) for path in find_unnamed_stores(project, in_states)]
    stores += _find_unnamed_remote_stores(project, in_states, now)
    leftovers = [_describe_file(path, "a killed run left it, with keys", now) for path in project.find_leftovers()]
    return [one for one in stores if one.days >= min_days] + leftovers


def find_unnamed_stores(project: Project, in_states: set[str | None]) -> Iterator[Path]:
    """Yield the files of stores that neither a state nor the setting `store_name` names."""
    empty = set()
    for pipeline in project.pipelines:
        fixed = project.get_settings(pipeline.map).get("store_name")
        listed = list_stores(project, pipeline)
        for store in listed.stores:
            if store.name not in {*in_states, fixed}:
                yield from store.files
        empty |= {Path(path) for path in listed.empty if Path(path).stem not in {*in_states, fixed}}
    # Both maps list the empty files of a shared folder.
    for path in sorted(empty):
        yield path
        summary = path.with_suffix(".summary.json")
        if summary.exists():
            yield summary


def _find_unnamed_remote_stores(project: Project, in_states: set[str | None], now: float) -> Iterator[UnusedFile]:
    for pipeline in project.pipelines:
        fixed = project.get_settings(pipeline.map).get("store_name")
        for store in list_remote_stores(project, pipeline):
            if store.name not in {*in_states, fixed}:
                days = int((now - (store.committed_at or now)) // _DAY)
                remove = partial(remove_store, project, pipeline, store.name)
                yield UnusedFile(store.path, _UNNAMED, 0, days, remove)


def _describe_file(path: Path, why: str, now: float) -> UnusedFile:
    stat = path.stat()
    return UnusedFile(path, why, stat.st_size, int((now - stat.st_mtime) // _DAY), path.unlink)
