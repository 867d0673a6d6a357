"""What the tap refuses before it asks for a record, and the marker that says that it read everything."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tap_intercom._kit.urls import describe_unencrypted, is_base_url, is_unencrypted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

MARKER = "_sync"
TIMES = ("replication_key_value", "read_at", "whole_at")
_VERSION = re.compile(r"\d+\.\d+|Preview|Unstable")


def setting_problems(config: Mapping[str, Any], known: Collection[str]) -> list[str]:
    """One sentence for each setting that is missing, misspelt or impossible.

    Args:
        config: the settings as given.
        known: the names of all settings.
    """
    return [
        *_misspelt(config, known),
        *_wrong_token(config.get("access_token")),
        *_wrong_region(config.get("region")),
        *_wrong_url(config.get("api_url")),
        *_wrong_version(config.get("intercom_version")),
        *_wrong_date(config.get("start_date")),
    ]


def _misspelt(config: Mapping[str, Any], known: Collection[str]) -> Iterable[str]:
    for name in config:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            yield f"There is no setting `{name}`" + (f": is `{near[0]}` meant?" if near else ".")


def _wrong_token(token: object) -> Iterable[str]:
    if not token:
        yield "The setting `access_token` is missing: the token of an Intercom app (TAP_INTERCOM_ACCESS_TOKEN)."
    elif isinstance(token, str) and not (token.isascii() and token.isprintable() and " " not in token):
        yield "The setting `access_token` holds a blank or a character that no token has: copy it again."


def _wrong_region(region: object) -> Iterable[str]:
    if isinstance(region, str) and region not in ("us", "eu", "au"):
        yield "The setting `region` is `us`, `eu` or `au`."


def _wrong_url(url: object) -> Iterable[str]:
    if not isinstance(url, str) or not url:
        return
    if not is_base_url(url):
        yield "The setting `api_url` is not a URL such as https://api.intercom.io."
    elif is_unencrypted(url):
        yield describe_unencrypted("api_url")


def _wrong_version(version: object) -> Iterable[str]:
    if isinstance(version, str) and not _VERSION.fullmatch(version):
        yield "The setting `intercom_version` is not a version such as 2.14."


def _wrong_date(date: object) -> Iterable[str]:
    if isinstance(date, str) and date:
        try:
            unix_seconds(date)
        except ValueError:
            yield "The setting `start_date` is not a date such as 2024-01-31 or 2024-01-31T00:00:00Z."


def unix_seconds(date: str) -> int:
    """An ISO 8601 date or time in unix seconds; one without a zone is UTC.

    Raises:
        ValueError: it is neither.
    """
    moment = datetime.fromisoformat(date)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


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


def state_problems(state: object) -> list[str]:
    """One sentence for a state that this tap cannot start from.

    Args:
        state: what the state file holds; ``{"bookmarks": {NAME: {...}, ...}}`` is well-formed.
    """
    bookmarks = state.get("bookmarks", {}) if isinstance(state, dict) else None
    if not isinstance(bookmarks, dict):
        return ['The state is not a Singer state, {"bookmarks": {...}}.']
    return [problem for name, bookmark in bookmarks.items() for problem in _wrong_bookmark(name, bookmark)]


def _wrong_bookmark(name: str, bookmark: object) -> Iterable[str]:
    if not isinstance(bookmark, dict):
        yield f"The bookmark of `{name}` in the state is not an object: mend it, or start with a full refresh."
    elif not all(type(bookmark.get(time, 0)) is int for time in TIMES) or type(bookmark.get("from") or 0) is not int:
        yield f"The bookmark of `{name}` in the state is no unix time: mend it, or start with a full refresh."


def workspace_problems(state: Mapping[str, Any], workspace: str) -> list[str]:
    """One sentence when the bookmarks are those of another workspace: they say nothing of this one.

    Args:
        state: a well-formed state.
        workspace: the id of the one that the token belongs to.
    """
    found = (bookmark.get("workspace", workspace) for bookmark in state.get("bookmarks", {}).values())
    return [
        f"The state was left by the workspace `{other}`, and `access_token` belongs to `{workspace}`: start with a "
        "full refresh (--full-refresh), or set it back."
        for other in sorted({str(one) for one in found if one != workspace})
    ]


def catalog_problems(catalog: object, known: Collection[str]) -> list[str]:
    """One sentence for a catalog that is none, or for each stream of it that does not exist.

    Args:
        catalog: what the catalog file holds; ``{"streams": [{"tap_stream_id": NAME, ...}, ...]}`` is well-formed.
        known: the streams that there are.
    """
    streams = catalog.get("streams") if isinstance(catalog, dict) else None
    if not isinstance(streams, list) or not all(isinstance(stream, dict) for stream in streams):
        return ['The catalog is not a Singer catalog, {"streams": [{...}, ...]}.']
    names = [stream.get("tap_stream_id") for stream in streams]
    return [_unknown_stream(name, known) for name in names if name not in known]


def _unknown_stream(name: object, known: Collection[str]) -> str:
    near = get_close_matches(str(name), known, n=1)
    return f"The catalog lists the stream `{name}`, which there is not" + (f": is `{near[0]}` meant?" if near else ".")


def marker(streams: Iterable[str], *, start_date: int | None, completed_at: int) -> dict[str, Any]:
    """What the last STATE of a run carries when every selected stream was read to its end; no float, no list.

    Args:
        streams: the names of the selected streams.
        start_date: the bound of the run in unix seconds, None when it had none.
        completed_at: when the run ended, unix milliseconds.
    """
    return {"completed_at": completed_at, "streams": ",".join(sorted(streams)), "from": start_date, "subset": 0}
