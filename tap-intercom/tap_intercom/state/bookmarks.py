"""What a bookmark holds.

A bookmark is ``{"replication_key": .., "replication_key_value": .., "read_at": .., "whole_at": .., "from": ..,
"workspace": ..}``, times in unix seconds: the greatest replication key that was read, the start of the last run and of
the last one that read everything, the start date of that one, and the workspace. A stream that reads the scroll also
has ``listed``, the length of the list; `contacts` has ``user_counts``, see :mod:`tap_intercom.state.user_counts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_intercom._kit.json_types import JsonValue

TYPES: dict[str, tuple[type, ...]] = {
    "replication_key_value": (int,),
    "read_at": (int,),
    "whole_at": (int,),
    "from": (int, type(None)),
    "version": (int,),
}


def find_workspace_problems(bookmarks: Iterable[Mapping[str, JsonValue]], workspace: str) -> list[str]:
    """Return one sentence for each other workspace that wrote one of the bookmarks.

    Args:
        bookmarks: the bookmarks of the tap's own streams.
        workspace: the id of the workspace that the token belongs to.
    """
    found = (bookmark.get("workspace", workspace) for bookmark in bookmarks)
    return [
        f"The state belongs to the workspace `{other}`, and `access_token` belongs to `{workspace}`: start with a "
        "full refresh (--full-refresh), or set it back."
        for other in sorted({str(one) for one in found if one != workspace})
    ]


def build_bookmark(  # noqa: PLR0913 one argument per member of the bookmark
    before: Mapping[str, JsonValue],
    replication_key: str,
    *,
    greatest: int | None,
    run_start: int,
    start_date: int | None,
    workspace: str,
    is_whole: bool,
    listed: int | None = None,
    user_counts: str | None = None,
    version: int | None = None,
) -> dict[str, int | str | None]:
    """Return the bookmark of a stream that was read to its end.

    Args:
        before: the bookmark of the last run.
        replication_key: the stream's.
        greatest: the greatest replication key of the records; None when no record had one.
        run_start: the server's clock when the run began, unix seconds.
        start_date: the setting, in unix seconds.
        workspace: the workspace's id.
        is_whole: whether this run read everything that the settings want.
        listed: the length of the list, for a stream that reads the scroll.
        user_counts: the users of companies, for a stream that follows them.
        version: the version of the records, with `activate_version`.
    """
    times = [at for at in (before.get("replication_key_value"), greatest) if at is not None]
    optional = {"listed": listed, "user_counts": user_counts, "version": version}
    return {
        "replication_key": replication_key,
        # An empty list does not move the replication key, which never passes the start of the run.
        **({"replication_key_value": min(max(times), run_start)} if times else {}),
        "read_at": run_start,
        "whole_at": run_start if is_whole else before.get("whole_at", run_start),
        "from": start_date if is_whole else before.get("from"),
        "workspace": workspace,
        **{name: value for name, value in optional.items() if value is not None},
    }
