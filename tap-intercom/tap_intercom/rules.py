"""What the tap refuses before it asks for a record, and the marker that says that it read everything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tap_intercom._kit.settings import find_date_problem, find_url_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BOOKMARK_TYPES: dict[str, tuple[type, ...]] = {
    "replication_key_value": (int,),
    "read_at": (int,),
    "whole_at": (int,),
    "from": (int, type(None)),
    "version": (int,),
}
_VERSION = re.compile(r"\d+\.\d+|Preview|Unstable")


def find_setting_problems(config: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each setting of the right type that is impossible."""
    return [
        *_wrong_token(config.get("access_token")),
        *find_url_problem("api_url", config.get("api_url"), "https://api.intercom.io"),
        *_wrong_version(config.get("intercom_version")),
        *find_date_problem("start_date", config.get("start_date")),
    ]


def _wrong_token(token: str | None) -> Iterable[str]:
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        yield "The setting `access_token` holds a blank or a character that no token has: copy it again."


def _wrong_version(version: str | None) -> Iterable[str]:
    if version is not None and not _VERSION.fullmatch(version):
        yield "The setting `intercom_version` is not a version such as 2.14."


def version_number(version: str) -> tuple[int, int]:
    """A version as numbers; what is still to be released is later than all of them."""
    if not version[:1].isdecimal():
        return (999, 0)
    major, _, minor = version.partition(".")
    return int(major), int(minor)


def too_old(stream: str, version: str, since: tuple[int, int]) -> str:
    """What a user is told about a stream that came with a later version."""
    major, minor = since
    return (
        f"The stream `{stream}` came with version {major}.{minor} of Intercom's API, and the setting "
        f"`intercom_version` is {version}: raise it, or deselect that stream."
    )


def wrong_region(region: str, found: str) -> list[str]:
    """One sentence when the workspace is hosted elsewhere.

    Args:
        region: the setting; empty where `api_url` names the host.
        found: what the workspace says; empty where it does not.
    """
    if not region or not found or region == found:
        return []
    return [f"The workspace of `access_token` is hosted in the region {found}, not {region}: change `region`."]


def workspace_problems(bookmarks: Iterable[Mapping[str, Any]], workspace: str) -> list[str]:
    """Return one sentence when bookmarks are those of another workspace: they say nothing of this one.

    Args:
        bookmarks: of the tap's own streams.
        workspace: the id of the one that the token belongs to.
    """
    found = (bookmark.get("workspace", workspace) for bookmark in bookmarks)
    return [
        f"The state was left by the workspace `{other}`, and `access_token` belongs to `{workspace}`: start with a "
        "full refresh (--full-refresh), or set it back."
        for other in sorted({str(one) for one in found if one != workspace})
    ]
