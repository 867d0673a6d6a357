"""What a bookmark holds, and when a later run may start from it; nothing else decides either.

A bookmark is ``{"replication_key": .., "replication_key_value": .., "read_at": .., "scope": .., "seen": ..}``: the
greatest replication key that was read and the time of that run (both in unix seconds), the settings of that run, and
hashes of the newest records that it sent. A stream without a replication key has the last three only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_chargebee._kit.json_types import JsonValue

TYPES: dict[str, tuple[type, ...]] = {
    "replication_key_value": (int,),
    "read_at": (int,),
    "scope": (str,),
    "seen": (str,),
    "version": (int,),
}


_ENTITY = " of entity "


def describe_scope(site: str, *, include_deleted: bool, start_date: int | None, entity: str = "") -> str:
    """Return the settings that decide which records a run reads, in words: ``acme with deleted since 1704067200``.

    A run under other settings skipped other records, so its bookmark is of no use to this run.

    Args:
        site: the setting.
        include_deleted: the setting.
        start_date: the setting, in unix seconds.
        entity: the setting `business_entity_id`.
    """
    deleted = " with deleted" if include_deleted else ""
    bound = "" if start_date is None else f" since {start_date}"
    return f"{site.lower()}{deleted}{bound}{_ENTITY if entity else ''}{entity}"


def find_site_problems(bookmarks: Iterable[Mapping[str, JsonValue]], site: str) -> list[str]:
    """Return one sentence for each other site that wrote one of the bookmarks.

    Args:
        bookmarks: the bookmarks of the tap's own streams.
        site: the setting; empty when the run reads nothing.
    """
    if not site:
        return []
    # The first versions of the tap wrote `site` instead of `scope`, which begins with the site.
    scopes = [str(bookmark.get("scope", bookmark.get("site", ""))).split() for bookmark in bookmarks]
    others = {scope[0].lower() for scope in scopes if scope} - {site.lower()}
    return [
        f"The state belongs to the site `{other}`, and the setting `site` is `{site}` now: start with a full refresh "
        "(--full-refresh), or set it back."
        for other in sorted(others)
    ]


def find_entity_problems(bookmarks: Iterable[Mapping[str, JsonValue]], entity: str) -> list[str]:
    """Return one sentence if a bookmark belongs to another business entity than this run, or to the whole site.

    What was read for it, such as the store of a map, holds the records of other business entities too, or has customers
    as deleted who only moved to one of them.

    Args:
        bookmarks: the bookmarks of the tap's own streams.
        entity: the setting; empty for the whole site.
    """
    # The SDK leaves an empty bookmark for a stream without a record, or one that is read whole each time.
    written = [bookmark for bookmark in bookmarks if bookmark]
    others = {str(bookmark.get("scope", "")).partition(_ENTITY)[2] for bookmark in written} - {entity}
    if not others:
        return []
    before = " and ".join(f"the business entity `{other}`" if other else "the whole site" for other in sorted(others))
    now = f"`{entity}`" if entity else "not set"
    sentence = (
        f"The state belongs to {before}, and the setting `business_entity_id` is {now} now: start with a full refresh "
        "(--full-refresh), or set it back."
    )
    return [sentence]


def is_usable(bookmark: Mapping[str, JsonValue], replication_key: str | None, scope: str) -> bool:
    """Return whether a run with this scope may start from a bookmark."""
    if bookmark.get("replication_key") != replication_key:
        return False
    if "scope" in bookmark:
        return bool(bookmark["scope"] == scope)
    # The first versions of the tap wrote `site` and `deleted` instead of `scope`; other taps write neither.
    return "deleted" not in bookmark or bool(bookmark["deleted"]) is (" with deleted" in scope)


def build_bookmark(  # noqa: PLR0913 one argument per member of the bookmark
    replication_key: str | None,
    reached: int | None,
    *,
    read_at: int | None,
    scope: str,
    seen: str,
    version: int | None = None,
) -> dict[str, int | str]:
    """Return the bookmark of a stream that was read to its end. It is empty if there is nothing to store."""
    if replication_key is not None and reached is None:
        return {}
    members = {
        "replication_key": replication_key,
        "replication_key_value": reached if replication_key else None,
        "read_at": read_at,
        "scope": scope,
        "seen": seen or None,
        "version": version,
    }
    return {name: value for name, value in members.items() if value is not None}
