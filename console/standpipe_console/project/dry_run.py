"""A dry run: rows pass through a pipeline's own map and target, which store, write and confirm nothing.

So the console itself calculates and decides nothing about a customer, but shows what a run would do.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from standpipe_console._kit.csv_files import read_rows
from standpipe_console._kit.json_types import JsonObject
from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import build_variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

#: Records by stream.
Rows = dict[str, list[JsonObject]]
#: The target's reports that together contain every record once.
TABLES = ("matched", "unmatched", "ambiguous")
#: The map's stream of what it does not send.
NOT_SENT = "not_sent"
#: The map's stream of the subscriptions that custom objects show.
OBJECTS = "subscription_objects"


@dataclass
class DryRun:
    """The map's output for the rows, and what the target would do with it."""

    records: list[JsonObject] = field(default_factory=list)
    tables: dict[str, list[dict[str, str]]] = field(default_factory=dict)  #: the lines of each of `TABLES`

    def find_line(self, record_id: str) -> tuple[str, dict[str, str]]:
        """Return the table and the line for a record. Both are empty if there is none."""
        for name, lines in self.tables.items():
            for line in lines:
                if line["id"] == record_id:
                    return name, line
        return "", {}


def dry_run_rows(project: Project, pipeline: Pipeline, rows: Rows, ignored: Iterable[str] = ()) -> DryRun:
    """Send rows through the map, and its output into the target.

    Args:
        project: the project.
        pipeline: the pipeline.
        rows: records of the tap.
        ignored: settings of the map that do not apply, such as a filter that leaves out an invented record.

    Raises:
        ConsoleError: the map or the target refused, with its own message.
    """
    schemas = parse_catalog(fetch_catalog(project, pipeline)) if needs_catalog(project, pipeline) else {}
    messages = build_messages(pipeline, rows, schemas)
    env = {build_variable(pipeline.map, name): "" for name in ignored if name}
    return dry_run_target(project, pipeline, project.run_meltano("invoke", pipeline.preview, stdin=messages, env=env))


def dry_run_target(project: Project, pipeline: Pipeline, messages: str) -> DryRun:
    """Send the map's messages into the target in mode `validate`.

    Raises:
        ConsoleError: the target refused, with its own message.
    """
    with tempfile.TemporaryDirectory(prefix="standpipe-") as folder:
        env = {
            build_variable(pipeline.dry_run_target, "mode"): "validate",
            build_variable(pipeline.dry_run_target, "report_dir"): folder,
            # A dry run over a few records does not belong in the history.
            build_variable(pipeline.dry_run_target, "journal_dir"): "",
        }
        project.run_meltano("invoke", pipeline.dry_run_target, stdin=messages, env=env)
        tables = {name: read_report(Path(folder) / f"{name}.csv") for name in TABLES}
    parsed = [json.loads(line) for line in messages.splitlines() if line.strip()]
    records = [one["record"] for one in parsed if one["type"] == "RECORD" and one["stream"] not in {NOT_SENT, OBJECTS}]
    return DryRun(records, tables)


def build_messages(pipeline: Pipeline, rows: Rows, schemas: Mapping[str, JsonObject]) -> str:
    """Return the Singer messages of a tap that read exactly these rows as a subset."""
    messages: list[JsonObject] = []
    # The map needs a SCHEMA for every stream of the join, even without rows.
    for stream in {**dict.fromkeys(pipeline.streams), **rows}:
        schema = schemas.get(stream) or {"properties": {"id": {"type": ["null", "string"]}}}
        messages.append({"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": ["id"]})
        messages += [{"type": "RECORD", "stream": stream, "record": row} for row in rows.get(stream, [])]
    streams = ",".join(sorted({*pipeline.streams, *rows}))
    marker = {"completed_at": int(time.time() * 1000), "streams": streams, "from": None, "subset": 1}
    messages.append({"type": "STATE", "value": {"bookmarks": {"_sync": marker}}})
    return "".join(json.dumps(message) + "\n" for message in messages)


def needs_catalog(project: Project, pipeline: Pipeline) -> bool:
    """Return whether the map's settings name fields whose types only the tap knows."""
    settings = project.get_settings(pipeline.map)
    return any(settings.get(name) for name in pipeline.typed_settings)


def fetch_catalog(project: Project, pipeline: Pipeline) -> str:
    """Return the tap's catalog as JSON, with the site's own fields. The tap calls the vendor, which takes seconds.

    Raises:
        ConsoleError: the tap has no streams.
    """
    catalog = project.read_json("invoke", "--dump=catalog", pipeline.tap) or {}
    if not catalog.get("streams"):
        raise ConsoleError(f"{pipeline.tap} lists no streams: run `meltano invoke {pipeline.tap} --discover`.")
    return json.dumps(catalog)


def parse_catalog(catalog: str) -> dict[str, JsonObject]:
    """Return the JSON schemas of a catalog by stream."""
    return {stream["tap_stream_id"]: stream["schema"] for stream in json.loads(catalog)["streams"]}


def read_report(path: Path) -> list[dict[str, str]]:
    """Return the lines of a target's CSV report, or none if the run did not write it."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(read_rows(file))
