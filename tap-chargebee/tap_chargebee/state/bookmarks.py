"""What a bookmark holds and what it is worth to a later run; nothing else decides either.

A bookmark is ``{"replication_key": .., "replication_key_value": .., "read_at": .., "scope": .., "seen": ..}``: the
greatest replication key that was read and when that was, both in unix seconds, under which settings, and what of the
last stretch was sent. A stream without a replication key, of which events or days tell, has the last three only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPES: dict[str, tuple[type, ...]] = {
    "replication_key_value": (int,),
    "read_at": (int,),
    "scope": (str,),
    "seen": (str,),
    "version": (int,),
}


def scope(site: str, *, include_deleted: bool, start_date: int | None) -> str:
    """What a bookmark was read under, for people to read too: ``acme with deleted since 1704067200``.

    Under other settings other records were passed by, so a bookmark says nothing of them.

    Args:
        site: the setting.
        include_deleted: the setting.
        start_date: the earliest change that was read, unix seconds.
    """
    deleted = " with deleted" if include_deleted else ""
    bound = "" if start_date is None else f" since {start_date}"
    return f"{site.lower()}{deleted}{bound}"


def site_of(bookmark: Mapping[str, Any]) -> str | None:
    """The site that left a bookmark; None when it does not say."""
    words = str(bookmark.get("scope", bookmark.get("site", ""))).split()
    return words[0].lower() if words else None


def usable(bookmark: Mapping[str, Any], replication_key: str | None, now: str) -> bool:
    """Whether a run under the scope ``now`` may start from a bookmark.

    The first bookmarks had ``site`` and ``deleted`` in place of a scope, and those of other hands have neither.
    """
    if bookmark.get("replication_key") != replication_key:
        return False
    if "scope" in bookmark:
        return bool(bookmark["scope"] == now)
    return "deleted" not in bookmark or bool(bookmark["deleted"]) is (" with deleted" in now)


def progress(  # noqa: PLR0913 one argument a part of the bookmark
    replication_key: str | None,
    reached: int | None,
    *,
    read_at: int | None,
    scope: str,
    seen: str,
    version: int | None = None,
) -> dict[str, int | str]:
    """The bookmark after a stream was read to its end; empty when there is nothing to remember."""
    if replication_key is not None and reached is None:
        return {}
    held = {
        "replication_key": replication_key,
        "replication_key_value": reached if replication_key else None,
        "read_at": read_at,
        "scope": scope,
        "seen": seen or None,
        "version": version,
    }
    return {name: value for name, value in held.items() if value is not None}
