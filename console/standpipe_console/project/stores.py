"""The maps' stores, read and never written: which there are, which state names them, and what they hold of a customer.

A store is an SQLite file beside its summary; the map's README says what is in it.
"""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

#: What every SQLite database begins with: https://www.sqlite.org/fileformat.html
_MAGIC = b"SQLite format 3\0"
_INVOICE_EXTRAS = ("created_at", "known_at", "live", "odd")


@dataclass(frozen=True)
class State:
    """A state of Meltano's, as far as it speaks of a store."""

    id: str
    store: str | None
    generation: int
    completed_at: int | None  #: unix seconds

    @classmethod
    def of(cls, state_id: str, value: Mapping[str, Any]) -> State:
        """Read one."""
        bookmarks = (value.get("singer_state") or {}).get("bookmarks") or {}
        named, marker = bookmarks.get("_map") or {}, bookmarks.get("_sync") or {}
        completed = marker.get("completed_at")
        return cls(state_id, named.get("store"), int(named.get("gen", 0)), completed and completed // 1000)


def states(project: Project) -> list[State]:
    """Every state that Meltano has, of all environments."""
    return [State.of(name, project.json("state", "get", name) or {}) for name in project.state_ids()]


def state_of(project: Project, pipeline: Pipeline) -> State:
    """The state of a pipeline in the project's environment."""
    state_id = pipeline.state_id(project.environment)
    return State.of(state_id, project.json("state", "get", state_id) or {})


def store_dir(project: Project, pipeline: Pipeline) -> Path:
    """The folder of a map's stores."""
    return Path(project.settings(pipeline.map).get("store_dir") or project.system_dir / "transforms")


def store_files(project: Project, pipeline: Pipeline) -> list[Path]:
    """Every file of a map's stores: of those that a state names, and of those left by a full refresh.

    The summary of previews is all maps': it goes with the last of them.
    """
    folder = store_dir(project, pipeline)
    stores = [path for path in sorted(folder.glob("*.sqlite")) if Store(path).is_store_of(pipeline)]
    last = ["preview"] if project.linked in ([], [pipeline]) else []
    summaries = [folder / f"{name}.summary.json" for name in (*(path.stem for path in stores), *last)]
    return stores + [path for path in summaries if path.exists()]


class Store:
    """A store, open to be read.

    Raises:
        ConsoleError: it is not there, or a run is using it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise ConsoleError(f"The store {path} is missing: bring it back, or run the job once with --full-refresh.")

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """What a query finds."""
        try:
            with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=1)) as connection:
                connection.row_factory = sqlite3.Row
                return connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise ConsoleError("A run is using the store: ask again when it has ended.") from None
            raise ConsoleError(f"The store {self.path} cannot be read ({error}).") from None

    def has(self, table: str) -> bool:
        """Whether there is a table of this name."""
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table))

    def is_store_of(self, pipeline: Pipeline) -> bool:
        """Whether a pipeline's map made this file: others may keep databases in the same folder."""
        return self.is_ours and self.has(pipeline.table)

    @property
    def is_ours(self) -> bool:
        """Whether a map made this file, and it still has the name that the map gave it; what is no database is not."""
        if not self._begins_with(_MAGIC) or not self.has("meta"):
            return False
        columns = {row["name"] for row in self.rows("SELECT name FROM pragma_table_info('meta')")}
        rows = self.rows("SELECT value FROM meta WHERE name = 'name'") if columns == {"name", "value"} else []
        return [row["value"] for row in rows] == [json.dumps(self.path.stem)]

    def _begins_with(self, expected: bytes) -> bool:
        with self.path.open("rb") as file:
            return file.read(len(expected)) == expected

    @property
    def generation(self) -> int:
        """How many runs were committed."""
        rows = self.rows("SELECT value FROM meta WHERE name = 'generation'")
        return int(json.loads(rows[0]["value"])) if rows else 0

    def customer_ids(self, wanted: str) -> list[str]:
        """The customer of this id, or those whom this match value (an e-mail address, an id, a name) stands for."""
        exact = self.rows("SELECT id FROM customers WHERE id = ?", wanted)
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", wanted).strip().lower())
        found = exact or self.rows("SELECT id FROM customers WHERE match = ? ORDER BY id", key)
        return [row["id"] for row in found]

    def group(self, customer_id: str) -> list[str]:
        """All customers who share this one's match value: one record is sent for them."""
        query = (
            "SELECT b.id FROM customers a JOIN customers b ON b.id = a.id OR b.match = a.match"
            " WHERE a.id = ? ORDER BY b.id"
        )
        return [row["id"] for row in self.rows(query, customer_id)]

    def bodies(self, table: str, column: str, ids: Iterable[str]) -> list[dict[str, Any]]:
        """The records of a table that hold one of these ids, as they came from Chargebee."""
        rows = [
            row
            for one in ids
            for row in self.rows(f"SELECT body FROM {table} WHERE {column} = ? ORDER BY created_at, id", one)  # noqa: S608
        ]
        return [json.loads(row["body"]) for row in rows]

    def invoices(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """What the store keeps of the invoices of these customers, as Chargebee would send it."""
        query = "SELECT * FROM invoices WHERE customer_id = ? ORDER BY date, id"
        return [_invoice(row) for one in ids for row in self.rows(query, one)]

    def names(self) -> list[dict[str, Any]]:
        """The display names of plans and item prices."""
        return [{"id": row["id"], "name": row["name"]} for row in self.rows("SELECT id, name FROM names")]

    def any_with_mrr(self) -> list[dict[str, Any]]:
        """A subscription of the site that carries `mrr`, if there is one: whether MRR is estimated hangs on it."""
        rows = self.rows("SELECT body FROM subscriptions WHERE has_mrr = 1 LIMIT 1")
        return [json.loads(row["body"]) for row in rows]


def _invoice(row: sqlite3.Row) -> dict[str, Any]:
    invoice = {name: row[name] for name in row.keys() if name not in _INVOICE_EXTRAS and row[name] is not None}  # noqa: SIM118
    rate = {"exchange_rate": float(row["exchange_rate"])} if row["exchange_rate"] is not None else {}
    flags = {"recurring": bool(row["recurring"]), "deleted": not row["live"]}
    # The store keeps no value that cannot be right: an empty list stands for it, so that the map finds it odd again.
    odd = [entry.split(" ", 1) for entry in (row["odd"] or "").split(",") if entry] if "odd" in row.keys() else []  # noqa: SIM118
    return invoice | rate | flags | {name: [] for note, name in odd if note == "odd_value"}
