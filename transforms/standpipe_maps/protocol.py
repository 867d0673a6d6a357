"""When a join may be made: which store a run continues, and whether its input was whole. Nothing else decides."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from standpipe_maps._kit.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

FULL_REFRESH = "run once with --full-refresh"
DAY = 86_400
FEWEST = 1000
"""Of fewer joined records than this none may be missing."""
STORE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True)
class Marker:
    """What a tap says in its last STATE, ``bookmarks._sync``, when every selected stream ended well."""

    streams: frozenset[str]
    bounded: bool
    """It read from a date on, not everything."""
    subset: bool
    """It read some customers, not all."""
    completed_at: int
    """Unix milliseconds by the tap's clock."""
    whole: frozenset[str] = frozenset()
    """The streams read whole: what did not come of them does not exist."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """How many records the tap read of each stream; empty for a tap that does not say."""


@dataclass(frozen=True)
class Echo:
    """What the STATE before the first SCHEMA says: what the target confirmed last."""

    has_bookmarks: bool = False
    """The tap reads only what changed."""
    store: str | None = None
    generation: int = 0


@dataclass(frozen=True)
class Opening:
    """The store that a run uses."""

    name: str | None
    """None: one of its own, under a new name."""
    must_exist: bool = False
    fresh: bool = False
    """Whatever the store holds is left behind."""
    confirmed: int = 0
    """The generation that the target confirmed; 0 when it is not known."""
    throw_away: bool = False


def bookmarks_of(state: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The bookmarks of a STATE's value; empty when it has none."""
    bookmarks = (state or {}).get("bookmarks")
    return bookmarks if isinstance(bookmarks, dict) else {}


def marker_of(state: Mapping[str, Any] | None) -> Marker | None:
    """The completion marker of a STATE's value; None when it has none, or none that can be read."""
    sync = bookmarks_of(state).get("_sync")
    if not isinstance(sync, dict) or not isinstance(sync.get("completed_at"), int):
        return None
    return Marker(
        streams=frozenset(_split(sync.get("streams"))),
        bounded=sync.get("from") is not None,
        subset=bool(sync.get("subset")),
        completed_at=sync["completed_at"],
        whole=frozenset(_split(sync.get("whole"))),
        rows=_parse_rows(sync.get("rows")),
    )


def _split(names: object) -> list[str]:
    return [name for name in str(names or "").split(",") if name]


def _parse_rows(rows: object) -> Mapping[str, int]:
    """Return the counts of ``customers:107,invoices:204``; what cannot be read counts nothing."""
    parts = (part.rpartition(":") for part in _split(rows))
    return {name: int(count) for name, _, count in parts if count.isdecimal()}


def find_start(state: Mapping[str, Any] | None, marker: Marker, needed: Iterable[tuple[str, ...]]) -> int:
    """Return when the tap began to read, unix seconds: what is older was there to be read.

    Its bookmarks say so. Without one a day is taken off the end, longer than a read takes.
    """
    bookmarks = bookmarks_of(state)
    times = [
        bookmarks[name].get("read_at") for names in needed for name in names if isinstance(bookmarks.get(name), dict)
    ]
    began = [at for at in times if isinstance(at, int)]
    ended = marker.completed_at // 1000
    return min([*began, ended]) if began else ended - DAY


def echo_of(state: Mapping[str, Any] | None) -> Echo:
    """What a STATE's value says of the last run; a STATE of another shape counts as bookmarks."""
    bookmarks = bookmarks_of(state)
    foreign = bool(state) and "bookmarks" not in (state or {})
    has_bookmarks = foreign or any(not name.startswith("_") for name in bookmarks)
    named = bookmarks.get("_map")
    if not isinstance(named, dict) or not isinstance(named.get("store"), str) or not isinstance(named.get("gen"), int):
        return Echo(has_bookmarks)
    return Echo(has_bookmarks, named["store"], named["gen"])


def opening(echo: Echo, *, store_name: str | None, allow_partial: bool, preview: bool) -> Opening:
    """The store to use, from what came before the first SCHEMA and the settings of these names.

    Raises:
        UserError: the run cannot know the rows that its tap will not send again.
    """
    if preview:
        return _preview(echo)
    if echo.store is not None:
        return _continued(echo.store, echo.generation, store_name)
    # A tap that repeats nothing of what it was given can only be known by a store of a fixed name.
    if store_name and allow_partial:
        return Opening(store_name, must_exist=echo.has_bookmarks)
    if echo.has_bookmarks:
        raise UserError(
            "STATE has bookmarks but does not name the map's store, so the rows before them are unknown: "
            f"{FULL_REFRESH}; if this was one, `stream_maps` of the tap drops a stream."
        )
    return Opening(store_name, fresh=True)


def _preview(echo: Echo) -> Opening:
    if echo.has_bookmarks:
        raise UserError(
            "A preview reads everything, but STATE has bookmarks: give it a state of its own, or --full-refresh."
        )
    return Opening(None, throw_away=True)


def _continued(store: str, generation: int, store_name: str | None) -> Opening:
    if store_name and store != store_name:
        raise UserError(
            f"STATE names the store `{store}` and the setting `store_name` is `{store_name}`: set it back, or "
            f"{FULL_REFRESH}."
        )
    if not STORE_NAME.fullmatch(store):
        raise UserError(f"STATE names a store that cannot be a file: {FULL_REFRESH}.")
    return Opening(store, must_exist=True, confirmed=generation)


def check_late_echo(echo: Echo, opened: Opening) -> None:
    """Refuse a STATE that names another store than the one that is open.

    Raises:
        UserError: the tap repeated its old STATE after its first SCHEMA.
    """
    if echo.store is not None and not opened.throw_away and echo.store != opened.name:
        raise UserError("The tap repeats its old STATE too late to be used: set `store_name` and `allow_partial`.")


def check_generation(opened: Opening, generation: int) -> None:
    """Refuse a store that is older than what the target confirmed.

    Raises:
        UserError: the store is an old copy.
    """
    if generation < opened.confirmed:
        raise UserError(
            f"The store `{opened.name}` is an old copy (run {generation}, STATE says {opened.confirmed}): "
            f"bring back the newer one, or {FULL_REFRESH}."
        )


@dataclass(frozen=True)
class Arrived:
    """What reached the map."""

    rows: Mapping[str, int]
    """How many records came of each stream whose SCHEMA came."""
    accept_filtered: Collection[str] = ()
    """The setting: streams of which fewer records may come than the tap read."""


def check_complete(  # noqa: PLR0913 all that decides
    marker: Marker | None,
    needed: Iterable[tuple[str, ...]],
    opened: Opening,
    *,
    arrived: Arrived,
    new: bool,
    allow_partial: bool,
) -> None:
    """Refuse an input that is not whole, unless ``allow_partial`` says that it need not be.

    Args:
        marker: the completion marker of the last STATE.
        needed: the streams that the join needs; of each tuple, one.
        opened: the store in use.
        arrived: what reached the map.
        new: the store knows nothing from earlier runs.
        allow_partial: the setting.

    Raises:
        UserError: rows may be missing.
    """
    if allow_partial:
        return _check_known_tap(marker, opened)
    if marker is None:
        raise UserError(
            "The tap ended without saying that it read everything, so nothing is sent: look at its log, and run again."
        )
    for names in needed:
        if not marker.streams.intersection(names):
            raise UserError(f"The tap did not read the stream {' or '.join(names)}, which the join needs: select it.")
        _check_arrived(marker, names, arrived)
    # Not of a first run only: a bounded run moves the bookmarks past changes of older rows, which then never come.
    if marker.bounded:
        raise UserError("The tap's run was bounded by `start_date`, so rows are missing: remove it.")
    if new and marker.subset and not opened.throw_away:
        raise UserError(
            "The tap read some customers only, which cannot open a store: use the mapping `preview` (of leads, "
            "`leads-preview`)."
        )
    return None


def _check_arrived(marker: Marker, names: tuple[str, ...], arrived: Arrived) -> None:
    """Refuse a stream that was read by the tap and did not reach the map, or not in full."""
    came = [name for name in names if name in arrived.rows]
    if not came:
        raise UserError(
            f"The tap read the stream {' or '.join(names)}, which the join needs, but it never reached the map: "
            "`stream_maps` of the tap, or a mapper between the two, drops or renames it; let it pass."
        )
    for name in came:
        read, found = marker.rows.get(name, 0), arrived.rows[name]
        if found < read and name not in arrived.accept_filtered:
            raise UserError(
                f"The tap read {read} records of the stream {name}, and {found} reached the map: `stream_maps` of the "
                f"tap, or a mapper between the two, drops some; let them pass, or name {name} in `accept_filtered`."
            )


@dataclass(frozen=True)
class Missing:
    """What the join refers to and nobody knows, after the tap read all that there is."""

    what: str
    count: int
    known: int
    """How many are known."""
    ids: Sequence[str]
    """Of some that are missing."""


def check_missing(missing: Missing, max_missing: float) -> str | None:
    """Return a warning when some are missing, within what the setting `max_missing` allows.

    Raises:
        UserError: more are missing.
    """
    if not missing.count:
        return None
    total = missing.known + missing.count
    told = f"{missing.count} of {total} {missing.what} that other records belong to did not come, such as "
    told += ", ".join(missing.ids)
    if total < FEWEST or missing.count > total * max_missing:
        raise UserError(
            f"{told}: the tap read less than there is, so nothing is sent; run again, and if it stays, look at these "
            "by hand, or raise `max_missing`."
        )
    return told


def _check_known_tap(marker: Marker | None, opened: Opening) -> None:
    if marker is None and opened.name is None and not opened.throw_away:
        raise UserError("This tap does not say what it read, nor repeat STATE: with `allow_partial`, set `store_name`.")
