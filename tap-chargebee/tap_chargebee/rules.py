"""What the tap refuses before it asks for a record, and the marker that says that it read everything."""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tap_chargebee import bookmarks
from tap_chargebee._kit.urls import describe_unencrypted, is_base_url, is_host_label, is_unencrypted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

MARKER = "_sync"


def setting_problems(config: Mapping[str, Any], known: Collection[str]) -> list[str]:
    """One sentence for each setting that is missing, misspelt or impossible.

    Args:
        config: the settings as given.
        known: the names of all settings.
    """
    return [
        *_misspelt(config, known),
        *_missing(config),
        *_wrong_site(config.get("site")),
        *_wrong_url(config.get("api_url")),
        *_wrong_date(config.get("start_date")),
        *_wrong_part(config),
    ]


def _misspelt(config: Mapping[str, Any], known: Collection[str]) -> Iterable[str]:
    for name in config:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            yield f"There is no setting `{name}`" + (f": is `{near[0]}` meant?" if near else ".")


def _missing(config: Mapping[str, Any]) -> Iterable[str]:
    if not config.get("site"):
        yield "The setting `site` is missing: `acme` for https://acme.chargebee.com (TAP_CHARGEBEE_SITE)."
    if not config.get("api_key"):
        yield "The setting `api_key` is missing: a read-only key of the site (TAP_CHARGEBEE_API_KEY)."
    elif not isinstance(config["api_key"], str):
        # The schema's own words would show it.
        yield "The setting `api_key` is no text."


def _wrong_site(site: object) -> Iterable[str]:
    if isinstance(site, str) and site and not is_host_label(site):
        yield "The setting `site` takes the name alone, not a URL: `acme` for https://acme.chargebee.com."


def _wrong_url(url: object) -> Iterable[str]:
    if not isinstance(url, str) or not url:
        return
    if not is_base_url(url):
        yield "The setting `api_url` is not a URL such as https://acme.chargebee.com/api/v2."
    elif is_unencrypted(url):
        yield describe_unencrypted("api_url")


def _wrong_date(date: object) -> Iterable[str]:
    if isinstance(date, str) and date:
        try:
            unix_seconds(date)
        except ValueError:
            yield "The setting `start_date` is not a date such as 2024-01-31 or 2024-01-31T00:00:00Z."


def _wrong_part(config: Mapping[str, Any]) -> Iterable[str]:
    if config.get("customer_limit") and config.get("customer_ids"):
        yield "The settings `customer_limit` and `customer_ids` exclude each other: leave one of them out."
    if config.get("customer_ids") == []:
        yield "The setting `customer_ids` is empty: name at least one customer, or leave it out."


def unix_seconds(date: str) -> int:
    """An ISO 8601 date or time in unix seconds; one without a zone is UTC.

    Raises:
        ValueError: it is neither.
    """
    moment = datetime.fromisoformat(date)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def state_problems(state: object) -> list[str]:
    """One sentence for a state that this tap cannot start from.

    Args:
        state: what the state file holds; ``{"bookmarks": {NAME: {...}, ...}}`` is well-formed.
    """
    held = state.get("bookmarks", {}) if isinstance(state, dict) else None
    if not isinstance(held, dict):
        return ['The state is not a Singer state, {"bookmarks": {...}}.']
    return [problem for name, bookmark in held.items() for problem in bookmarks.wrong(name, bookmark)]


def site_problems(state: Mapping[str, Any], site: str) -> list[str]:
    """One sentence when the bookmarks are those of another site: what they passed by there says nothing of this one.

    Args:
        state: a well-formed state.
        site: the setting; empty when nothing is going to be read.
    """
    if not site:
        return []
    sites = {bookmarks.site_of(bookmark) for bookmark in state.get("bookmarks", {}).values()}
    return [
        f"The state was left by the site `{other}`, and the setting `site` is `{site}` now: start with a full refresh "
        "(--full-refresh), or set it back."
        for other in sorted(other for other in sites if other and other != site.lower())
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
    return [problem for stream in streams for problem in _wrong_entry(stream, known)]


def _wrong_entry(stream: Mapping[str, Any], known: Collection[str]) -> Iterable[str]:
    name, metadata = stream.get("tap_stream_id"), stream.get("metadata", [])
    if name not in known:
        yield _unknown_stream(name, known)
    elif not isinstance(metadata, list) or not all(_is_metadata(one) for one in metadata):
        yield f'The metadata of `{name}` in the catalog are no list of {{"breadcrumb": [...], "metadata": {{...}}}}.'


def _is_metadata(one: object) -> bool:
    place, said = (one.get("breadcrumb"), one.get("metadata")) if isinstance(one, dict) else (None, None)
    return isinstance(place, list | tuple) and isinstance(said, dict)


def _unknown_stream(name: object, known: Collection[str]) -> str:
    near = get_close_matches(str(name), known, n=1)
    return f"The catalog lists the stream `{name}`, which there is not" + (f": is `{near[0]}` meant?" if near else ".")


def wrong_catalog(stream: str, site: str, version: int) -> str:
    """What a user is told about a stream that a site of that Product Catalog cannot have."""
    return f"The site `{site}` is of Product Catalog {version}, which has no `{stream}`: deselect that stream."


def marker(
    streams: Iterable[str], *, start_date: int | None, completed_at: int, subset: bool = False
) -> dict[str, Any]:
    """What the last STATE of a run carries when every selected stream was read to its end; no float, no list.

    Args:
        streams: the names of the selected streams.
        start_date: the bound of the run in unix seconds, None when it had none.
        completed_at: when the run ended, unix milliseconds.
        subset: whether only some customers were read.
    """
    return {
        "completed_at": completed_at,
        "streams": ",".join(sorted(streams)),
        "from": start_date,
        "subset": int(subset),
    }
