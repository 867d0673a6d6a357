"""The command `undo` of a target: `TARGET --config FILE undo --journal FILE`.

It reads the journal of a run (`-` is standard input) and prints a JSON object for each record, as soon as it is done:

    {"stream": "contacts", "id": "c1", "remote_id": "5f…", "name": "Ann", "outcome": "restored", "reason": "",
     "restored": {"custom_attributes.cb_cust_mrr": {"before": 30, "after": 20}},
     "kept": {"custom_attributes.cb_cust_status": "it has changed since"}}

and at the end `{"outcomes": {"restored": 1}, "fields": 1}`. `undo_run.UndoResult` says what the outcomes mean. Each
record is read again first, and a field is restored only if it still has the value of the run. So the command can be
stopped and run again.
"""

from __future__ import annotations

import io
import signal
from collections import Counter
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Protocol

import click
import msgspec

from .changes import Change
from .errors import UserError
from .journal_lines import Journal, Write
from .undo import Written
from .undo_run import UndoRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .json_types import JsonObject, JsonValue
    from .target_run import RunBase
    from .undo_run import Restorer, UndoResult

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class RestoringTarget(Protocol):
    """A target whose writes can be undone."""

    @property
    def run(self) -> RunBase:
        """Its run, with the lock and the journal."""

    @property
    def config(self) -> Mapping[str, JsonValue]:
        """The settings."""

    def open_restorer(self) -> Restorer:
        """Return the object that reads, compares and writes the vendor's records."""


@click.command("undo", help="Restore the values from before a run, as recorded in its journal.")
@click.option("--journal", type=click.File("rb"), required=True, help="The journal of the run; - is standard input.")
@click.option("--archive-created", is_flag=True, help="Archive the records that the run created.")
@click.pass_obj
def undo(target: RestoringTarget, journal: IO[bytes], *, archive_created: bool) -> None:
    """Undo the run with this journal."""
    writes = read_writes(journal.read())
    if not writes:
        raise UserError("The file of --journal contains no write: there is nothing to undo.")
    outcomes: Counter[str] = Counter()
    fields = 0

    def record(result: UndoResult) -> None:
        nonlocal fields
        outcomes[result.outcome] += 1
        fields += len(result.restored)
        _print(result.build_line())

    with _end_run(target.run):
        restorer = target.open_restorer()
        run = UndoRun(restorer, target.run.journal, target.config["max_concurrency"], archive_created=archive_created)
        with _stop_on_signal(run):
            run.run(writes, record)
    _print({"outcomes": dict(outcomes), "fields": fields})


def read_writes(content: bytes) -> list[Written]:
    """Return the writes in a journal, in order. Writes with an unknown answer count too."""
    entries = Journal(io.BytesIO(content), is_busy=False).iterate_entries()
    return [written for entry in entries if isinstance(entry, Write) and (written := _build_written(entry))]


def _build_written(write: Write) -> Written | None:
    """Return the effect of one write; None if it had none."""
    intent, outcome = write
    changes = (outcome or intent).fields
    is_created = intent.action == "create" and (outcome is None or outcome.kind == "created")
    if outcome and not changes and outcome.kind in {"rejected", "skipped", "unchanged"}:
        return None
    return Written(
        intent.stream,
        intent.id,
        (outcome and outcome.remote_id) or intent.remote_id,
        {name: Change(change.before, change.after) for name, change in changes.items()},
        intent.action,
        is_created=is_created,
    )


@contextmanager
def _end_run(run: RunBase) -> Iterator[None]:
    """Keep a journal of the undo, as of any run that writes, and release the lock at its end."""
    run.summary.mode = "undo"
    try:
        yield
    except BaseException as error:
        run.end(error)
        raise
    run.summary.status = "completed"
    run.end()


@contextmanager
def _stop_on_signal(run: UndoRun) -> Iterator[None]:
    """Let a signal end the run in order: current writes are finished and recorded."""
    received: list[int] = []

    def stop(number: int, _: object) -> None:
        received.append(number)
        run.stop()

    earlier = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        if received:
            raise SystemExit(128 + received[0])


def _print(line: JsonObject) -> None:
    click.echo(msgspec.json.encode(line))
