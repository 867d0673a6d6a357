"""The decision which store a run continues, and whether its input was whole. It is made nowhere else.

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
"""Below this number of records none may be missing."""
STORE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True)
class Marker:
    """What a tap says in its last STATE, ``bookmarks._sync``, when every selected stream ended well."""

    streams: frozenset[str]
    bounded: bool
    """The tap read from a date on, not everything."""
    subset: bool
    """The tap read some customers, not all."""
    completed_at: int
    """Unix milliseconds by the tap's clock."""
    whole: frozenset[str] = frozenset()
    """The streams that the tap read whole: a record that did not come does not exist."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """How many records the tap read of each stream; empty for a tap that does not say."""


@dataclass(frozen=True)
class IncomingState:
    """What the STATE before the first SCHEMA says of the last run that the target confirmed."""

    has_bookmarks: bool = False
    """The tap reads only what changed."""
    store: str | None = None
    generation: int = 0


@dataclass(frozen=True)
class StoreChoice:
    """The store that a run uses."""

    name: str | None
    """None: a new store under a new name."""
    must_exist: bool = False
    fresh: bool = False
    """The rows of the store are deleted first."""
    confirmed: int = 0
    """The run that the target confirmed; 0 when it is not known."""
    throw_away: bool = False


def get_bookmarks(state: Mapping[str, JsonValue] | None) -> Mapping[str, JsonValue]:
    """Return the bookmarks of a STATE's value; empty when it has none."""
    bookmarks = (state or {}).get("bookmarks")
    return bookmarks if isinstance(bookmarks, dict) else {}


def parse_marker(state: Mapping[str, JsonValue] | None) -> Marker | None:
    """Return the completion marker of a STATE's value; None when it is missing or cannot be read."""
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
    """Return the counts of ``customers:107,invoices:204``, without those that cannot be read."""
    parts = (part.rpartition(":") for part in _split_names(rows))
    return {name: int(count) for name, _, count in parts if count.isdecimal()}


def find_read_start(state: Mapping[str, JsonValue] | None, marker: Marker, needed: Iterable[tuple[str, ...]]) -> int:
    """Return when the tap began to read, in unix seconds; every older record was there to be read.

    The tap's bookmarks say when. Without them it is a day before the end, because no read takes that long.
    """
    bookmarks = get_bookmarks(state)
    times = [
        bookmarks[name].get("read_at") for names in needed for name in names if isinstance(bookmarks.get(name), dict)
    ]
    began = [at for at in times if isinstance(at, int)]
    ended = marker.completed_at // 1000
    return min([*began, ended]) if began else ended - DAY


def parse_incoming_state(state: Mapping[str, JsonValue] | None) -> IncomingState:
    """Return what a STATE's value says of the last run; a STATE of another form counts as bookmarks."""
    bookmarks = get_bookmarks(state)
    # STATE of another form comes from another tap, which continues from it in its own way.
    foreign = bool(state) and "bookmarks" not in (state or {})
    has_bookmarks = foreign or any(not name.startswith("_") for name in bookmarks)
    named = bookmarks.get("_map")
    if not isinstance(named, dict) or not isinstance(named.get("store"), str) or not isinstance(named.get("gen"), int):
        return IncomingState(has_bookmarks)
    return IncomingState(has_bookmarks, named["store"], named["gen"])


def choose_store(incoming: IncomingState, *, store_name: str | None, allow_partial: bool, preview: bool) -> StoreChoice:
    """Return the store to use, from the STATE before the first SCHEMA and the settings of these names.

    Raises:
        UserError: the tap will not send some rows again, and no store is known to have them.
    """
    if preview:
        if incoming.has_bookmarks:
            raise UserError(
                "A preview reads everything, but STATE has bookmarks: give it a state of its own, or --full-refresh."
            )
        return StoreChoice(None, throw_away=True)
    # The name in STATE wins: it is the store whose rows the bookmarks continue.
    if incoming.store is not None:
        return _continue_store(incoming.store, incoming.generation, store_name)
    # A tap that does not repeat its STATE cannot name the store, so only a fixed name leads back to it.
    if store_name and allow_partial:
        return StoreChoice(store_name, must_exist=incoming.has_bookmarks)
    # The tap would send only what changed since these bookmarks, and the rows before them are nowhere.
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
    """Check that the store is not older than what the target confirmed.

    Raises:
        UserError: the store is an old copy.
    """
    if generation < choice.confirmed:
        raise UserError(
            f"The store `{choice.name}` is an old copy (run {generation}, STATE says {choice.confirmed}): "
            f"bring back the newer one, or {FULL_REFRESH}."
        )


@dataclass(frozen=True)
class ReceivedRows:
    """The rows that reached the map."""

    rows: Mapping[str, int]
    """How many records came, by stream; a stream without records is there when its SCHEMA came."""
    accept_filtered: Collection[str] = ()
    """The setting: streams that may have fewer records than the tap read."""


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
                "This tap does not say what it read, nor repeat STATE: with `allow_partial`, set `store_name`."
            )
        return
    if marker is None:
        raise UserError(
            "The tap ended without saying that it read everything, so nothing is sent: look at its log, and run again."
        )
    for names in needed:
        if not marker.streams.intersection(names):
            raise UserError(f"The tap did not read the stream {' or '.join(names)}, which the join needs: select it.")
        _check_received(marker, names, received)
    # Later runs too: a bounded run moves the bookmarks past changes of older rows, which then never come.
    if marker.bounded:
        raise UserError("The tap's run was bounded by `start_date`, so rows are missing: remove it.")
    # A store of some customers would later look like a store of all.
    if new and marker.subset and not choice.throw_away:
        raise UserError(
            "The tap read some customers only, which cannot open a store: use the mapping `preview` (of leads, "
            "`leads-preview`)."
        )


def _check_received(marker: Marker, names: tuple[str, ...], received: ReceivedRows) -> None:
    """Check that the stream that the tap read reached the map in full."""
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
    """Records that others refer to and that did not come, though the tap read everything."""

    what: str
    count: int
    known: int
    """How many are known."""
    ids: Sequence[str]
    """The ids of some of them."""


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
            f"{told}: the tap did not read everything, so nothing is sent; run again; if the error stays, look at "
            "these by hand, or raise `max_missing`."
        )
    return told
