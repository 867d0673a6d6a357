"""Decides which store a run continues, and whether its input was complete. Only this module decides that.

docs/state.md describes the contract between tap, map and target.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from standpipe_maps._kit.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from standpipe_maps._kit.json_types import JsonValue

FULL_REFRESH = "run once with --full-refresh"
DAY = 86_400
ALL_NEEDED_BELOW = 1000
"""With fewer records than this, none may be missing."""
STORE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True)
class Marker:
    """The marker ``bookmarks._sync`` in a tap's last STATE, which says that every selected stream ended well."""

    streams: frozenset[str]
    bounded: bool
    """Whether the tap read only from a date on."""
    subset: bool
    """Whether the tap read only some customers."""
    completed_at: int
    """Unix milliseconds of the tap's clock."""
    whole: frozenset[str] = frozenset()
    """The streams that the tap read completely, so that a record that did not come does not exist."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """The number of records per stream; empty if the tap does not say it."""


@dataclass(frozen=True)
class IncomingState:
    """The facts about the last confirmed run in the STATE before the first SCHEMA."""

    has_bookmarks: bool = False
    """Whether the tap reads only what changed."""
    store: str | None = None
    generation: int = 0


@dataclass(frozen=True)
class StoreChoice:
    """The store that a run uses."""

    name: str | None
    """None for a new store under a new name."""
    must_exist: bool = False
    fresh: bool = False
    """Whether the rows of the store are deleted first."""
    confirmed: int = 0
    """The run that the target confirmed; 0 if it is unknown."""
    throw_away: bool = False


def get_bookmarks(state: Mapping[str, JsonValue] | None) -> Mapping[str, JsonValue]:
    """Return the bookmarks of a STATE's value, or an empty object."""
    bookmarks = (state or {}).get("bookmarks")
    return bookmarks if isinstance(bookmarks, dict) else {}


def parse_marker(state: Mapping[str, JsonValue] | None) -> Marker | None:
    """Return the completion marker of a STATE's value; None if it is missing or malformed."""
    sync = get_bookmarks(state).get("_sync")
    if not isinstance(sync, dict) or not isinstance(sync.get("completed_at"), int):
        return None
    return Marker(
        streams=frozenset(_split_names(sync.get("streams"))),
        bounded=sync.get("from") is not None,
        subset=bool(sync.get("subset")),
        completed_at=sync["completed_at"],
        whole=frozenset(_split_names(sync.get("whole"))),
        rows=_parse_rows(sync.get("rows")),
    )


def _split_names(names: object) -> list[str]:
    return [name for name in str(names or "").split(",") if name]


def _parse_rows(rows: object) -> Mapping[str, int]:
    """Return the counts of ``customers:107,invoices:204``, without malformed ones."""
    parts = (part.rpartition(":") for part in _split_names(rows))
    return {name: int(count) for name, _, count in parts if count.isdecimal()}


def find_read_start(state: Mapping[str, JsonValue] | None, marker: Marker, needed: Iterable[tuple[str, ...]]) -> int:
    """Return when the tap began to read, in Unix seconds. Every older record existed then.

    The tap's bookmarks have this time. Without them it is a day before the end, because no read takes that long.
    """
    bookmarks = get_bookmarks(state)
    times = [
        bookmarks[name].get("read_at") for names in needed for name in names if isinstance(bookmarks.get(name), dict)
    ]
    began = [at for at in times if isinstance(at, int)]
    ended = marker.completed_at // 1000
    return min([*began, ended]) if began else ended - DAY


def parse_incoming_state(state: Mapping[str, JsonValue] | None) -> IncomingState:
    """Return the facts about the last run in a STATE's value. A STATE of another form counts as bookmarks."""
    bookmarks = get_bookmarks(state)
    # STATE of another form comes from another tap, which continues from it in its own way.
    foreign = bool(state) and "bookmarks" not in (state or {})
    has_bookmarks = foreign or any(not name.startswith("_") for name in bookmarks)
    named = bookmarks.get("_map")
    if not isinstance(named, dict) or not isinstance(named.get("store"), str) or not isinstance(named.get("gen"), int):
        return IncomingState(has_bookmarks)
    return IncomingState(has_bookmarks, named["store"], named["gen"])


def choose_store(incoming: IncomingState, *, store_name: str | None, allow_partial: bool, preview: bool) -> StoreChoice:
    """Return the store to use, from the STATE before the first SCHEMA and these settings.

    Raises:
        UserError: the tap will not send some rows again, and no known store has them.
    """
    if preview:
        if incoming.has_bookmarks:
            raise UserError(
                "A preview reads everything, but STATE has bookmarks: give it a state of its own, or --full-refresh."
            )
        return StoreChoice(None, throw_away=True)
    # The name in STATE has priority, as the bookmarks continue the rows of that store.
    if incoming.store is not None:
        return _continue_store(incoming.store, incoming.generation, store_name)
    # A tap that does not repeat its STATE cannot name the store, so the store needs a fixed name.
    if store_name and allow_partial:
        return StoreChoice(store_name, must_exist=incoming.has_bookmarks)
    # The tap would send only changes since these bookmarks, and no store has the rows before them.
    if incoming.has_bookmarks:
        raise UserError(
            "STATE has bookmarks but does not name the map's store, so the rows before them are unknown: "
            f"{FULL_REFRESH}; if this was one, `stream_maps` of the tap drops a stream."
        )
    return StoreChoice(store_name, fresh=True)


def _continue_store(store: str, generation: int, store_name: str | None) -> StoreChoice:
    if store_name and store != store_name:
        raise UserError(
            f"STATE names the store `{store}` and the setting `store_name` is `{store_name}`: set it back, or "
            f"{FULL_REFRESH}."
        )
    if not STORE_NAME.fullmatch(store):
        raise UserError(f"STATE names a store that cannot be a file: {FULL_REFRESH}.")
    return StoreChoice(store, must_exist=True, confirmed=generation)


def check_late_state(incoming: IncomingState, choice: StoreChoice) -> None:
    """Check that a STATE after the first SCHEMA names the store that is open.

    Raises:
        UserError: the tap repeated its old STATE after its first SCHEMA.
    """
    if incoming.store is not None and not choice.throw_away and incoming.store != choice.name:
        raise UserError("The tap repeats its old STATE too late to be used: set `store_name` and `allow_partial`.")


def check_generation(choice: StoreChoice, generation: int) -> None:
    """Check that the store is not older than the confirmed run.

    Raises:
        UserError: the store is an old copy.
    """
    if generation < choice.confirmed:
        raise UserError(
            f"The store `{choice.name}` is an old copy (run {generation}, STATE says {choice.confirmed}): "
            f"restore the newer one, or {FULL_REFRESH}."
        )


@dataclass(frozen=True)
class ReceivedRows:
    """The rows that reached the map."""

    rows: Mapping[str, int]
    """The number of records per stream. A stream with only a SCHEMA is included."""
    accept_filtered: Collection[str] = ()
    """The streams in the setting `accept_filtered`, which may have fewer records than the tap read."""


def check_complete(  # noqa: PLR0913 everything that the decision needs
    marker: Marker | None,
    needed: Iterable[tuple[str, ...]],
    choice: StoreChoice,
    *,
    received: ReceivedRows,
    new: bool,
    allow_partial: bool,
) -> None:
    """Check that the input is whole, unless ``allow_partial`` says that it need not be.

    Args:
        marker: the completion marker of the last STATE.
        needed: the streams that the join needs; of each tuple, one.
        choice: the store in use.
        received: the rows that reached the map.
        new: the store has no rows from earlier runs.
        allow_partial: the setting.

    Raises:
        UserError: rows may be missing.
    """
    if allow_partial:
        if marker is None and choice.name is None and not choice.throw_away:
            raise UserError(
                "This tap neither says what it read nor repeats STATE: with `allow_partial`, set `store_name`."
            )
        return
    if marker is None:
        raise UserError(
            "The tap ended without saying that it read everything, so nothing is sent: look at its log, and run again."
        )
    for names in needed:
        _check_received(marker, names, received)
    _check_bounds(marker, choice, new=new)


def _check_bounds(marker: Marker, choice: StoreChoice, *, new: bool) -> None:
    """Check that the tap left out no records on purpose."""
    # This applies to later runs too. A bounded run moves the bookmarks past changes of older rows.
    if marker.bounded:
        raise UserError("The tap's run was bounded by `start_date`, so rows are missing: remove it.")
    # A store with some customers would later look like a store with all of them.
    if new and marker.subset and not choice.throw_away:
        raise UserError(
            "The tap read only some customers, and a new store needs all of them: use the mapping `preview` (of leads, "
            "`leads-preview`)."
        )


def _check_received(marker: Marker, names: tuple[str, ...], received: ReceivedRows) -> None:
    """Check that the tap read a stream, or one of two, and that all of its records reached the map."""
    if not marker.streams.intersection(names):
        raise UserError(f"The tap did not read the stream {' or '.join(names)}, which the join needs: select it.")
    came = [name for name in names if name in received.rows]
    if not came:
        raise UserError(
            f"The tap read the stream {' or '.join(names)}, which the join needs, but it never reached the map: "
            "`stream_maps` of the tap, or a mapper between the two, drops or renames it; let it pass."
        )
    for name in came:
        read, found = marker.rows.get(name, 0), received.rows[name]
        if found < read and name not in received.accept_filtered:
            raise UserError(
                f"The tap read {read} records of the stream {name}, and {found} reached the map: `stream_maps` of the "
                f"tap, or a mapper between the two, drops some; let them pass, or name {name} in `accept_filtered`."
            )


@dataclass(frozen=True)
class Missing:
    """Records that others refer to and that did not come, although the tap read everything."""

    what: str
    count: int
    known: int
    """The number of known records."""
    ids: Sequence[str]
    """The ids of some missing records."""


def check_missing(missing: Missing, max_missing: float) -> str | None:
    """Return a warning when some are missing, within what the setting `max_missing` allows.

    Raises:
        UserError: more are missing.
    """
    if not missing.count:
        return None
    total = missing.known + missing.count
    told = f"{missing.count} of {total} {missing.what} that other records belong to did not arrive, such as "
    told += ", ".join(missing.ids)
    if total < ALL_NEEDED_BELOW or missing.count > total * max_missing:
        raise UserError(
            f"{told}: the tap did not read everything, so nothing is sent; run again; if the error persists, check "
            "these by hand, or raise `max_missing`."
        )
    return told
