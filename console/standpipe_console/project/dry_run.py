"""A rehearsal: rows through a pipeline's own map and target, which keep, write and confirm nothing.

So the console never reckons or decides anything itself: what it shows is what a run would do.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standpipe_console._kit.csv_files import read_rows
from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

#: Records by stream.
Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Rehearsed:
    """What the map made of the rows, and what the target would do with it."""

    records: list[dict[str, Any]] = field(default_factory=list)
    tables: dict[str, list[dict[str, str]]] = field(default_factory=dict)  #: matched, unmatched, ambiguous

    def line(self, record_id: str) -> tuple[str, dict[str, str]]:
        """The report's table and line about one record."""
        for name, lines in self.tables.items():
            for line in lines:
                if line["id"] == record_id:
                    return name, line
        return "", {}


def rehearse(project: Project, pipeline: Pipeline, rows: Rows, schemas: Mapping[str, Any] | None = None) -> Rehearsed:
    """Send rows through the map and, in mode `validate`, into the target.

    Raises:
        ConsoleError: the map or the target refused, in its own sentence.
    """
    made = project.meltano("invoke", pipeline.preview, given=messages(pipeline, rows, schemas or {}))
    with tempfile.TemporaryDirectory(prefix="standpipe-") as folder:
        env = {variable(pipeline.rehearsal, "mode"): "validate", variable(pipeline.rehearsal, "report_dir"): folder}
        project.meltano("invoke", pipeline.rehearsal, given=made, env=env)
        return Rehearsed(_records(made), {name: _lines(Path(folder), name) for name in TABLES})


TABLES = ("matched", "unmatched", "ambiguous")


def messages(pipeline: Pipeline, rows: Rows, schemas: Mapping[str, Any]) -> str:
    """The Singer messages of a tap that has read these rows, a part of what there is, to their end."""
    lines = []
    for stream in {**dict.fromkeys(pipeline.streams), **rows}:
        schema = schemas.get(stream) or {"properties": {"id": {"type": ["null", "string"]}}}
        lines.append({"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": ["id"]})
        lines += [{"type": "RECORD", "stream": stream, "record": row} for row in rows.get(stream, [])]
    read = ",".join(sorted({*pipeline.streams, *rows}))
    marker = {"completed_at": int(time.time() * 1000), "streams": read, "from": None, "subset": 1}
    lines.append({"type": "STATE", "value": {"bookmarks": {"_sync": marker}}})
    return "".join(json.dumps(line) + "\n" for line in lines)


def schemas_for(project: Project, pipeline: Pipeline) -> dict[str, Any]:
    """The tap's schemas, when settings of the map can only be read with them; asking the tap takes some seconds."""
    named = any(project.settings(pipeline.map).get(setting) for setting in pipeline.typed)
    return schemas(project, pipeline) if named else {}


def schemas(project: Project, pipeline: Pipeline) -> dict[str, Any]:
    """The tap's JSON schemas, by stream, with the site's own fields."""
    streams = (project.json("invoke", "--dump=catalog", pipeline.tap) or {}).get("streams", [])
    if not streams:
        raise ConsoleError(f"{pipeline.tap} tells of no stream: run `meltano invoke {pipeline.tap} --discover`.")
    return {stream["tap_stream_id"]: stream["schema"] for stream in streams}


def _records(text: str) -> list[dict[str, Any]]:
    found: Iterable[dict[str, Any]] = map(json.loads, filter(str.strip, text.splitlines()))
    return [one["record"] for one in found if one["type"] == "RECORD"]


def _lines(folder: Path, name: str) -> list[dict[str, str]]:
    path = folder / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(read_rows(file))
