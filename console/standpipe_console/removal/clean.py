"""`clean`: what no state names any more, and what killed runs left."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from standpipe_console.checks import doctor
from standpipe_console.project import stores
from standpipe_console.project.stores import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

DAY = 86_400


@dataclass(frozen=True)
class Rubbish:
    """A file that may go, and why."""

    path: Path
    why: str
    size: int  #: bytes
    days: int  #: since it was last written


def rubbish(project: Project, days: int) -> list[Rubbish]:
    """Everything that may go. A list of states that cannot be had raises: then nothing may."""
    named = {state.store for state in stores.states(project)}
    now = time.time()
    found = [_judged(path, "no state names it", now) for path in _unnamed(project, named)]
    old = [one for one in found if one.days >= days]
    return old + [_judged(path, "a killed run left it, with keys", now) for path in doctor.leftovers(project)]


def _unnamed(project: Project, named: set[str | None]) -> Iterator[Path]:
    """The files of stores that neither a state nor the setting `store_name` names; an empty one never became one."""
    for folder, fixed in {_place(project, pipeline) for pipeline in project.pipelines}:
        for path in sorted(folder.glob("*.sqlite")):
            if path.stem not in {*named, fixed} and (not path.stat().st_size or Store(path).is_ours):
                yield from (one for one in (path, path.with_name(f"{path.stem}.summary.json")) if one.exists())


def _place(project: Project, pipeline: Pipeline) -> tuple[Path, str]:
    return stores.store_dir(project, pipeline), str(project.settings(pipeline.map).get("store_name") or "")


def _judged(path: Path, why: str, now: float) -> Rubbish:
    stat = path.stat()
    return Rubbish(path, why, stat.st_size, int((now - stat.st_mtime) // DAY))
