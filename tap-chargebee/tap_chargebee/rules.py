"""What the tap refuses before it asks for a record, and the marker that says that it read everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_chargebee._kit.settings import find_date_problem, find_url_problem
from tap_chargebee._kit.urls import is_host_label
from tap_chargebee.state import bookmarks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def find_setting_problems(config: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each setting of the right type that is impossible."""
    return [
        *_wrong_site(config.get("site")),
        *find_url_problem("api_url", config.get("api_url"), "https://acme.chargebee.com/api/v2"),
        *find_date_problem("start_date", config.get("start_date")),
        *_wrong_part(config),
    ]


def _wrong_site(site: str | None) -> Iterable[str]:
    if site and not is_host_label(site):
        yield "The setting `site` takes the name alone, not a URL: `acme` for https://acme.chargebee.com."


def _wrong_part(config: Mapping[str, Any]) -> Iterable[str]:
    if config.get("customer_limit") and config.get("customer_ids"):
        yield "The settings `customer_limit` and `customer_ids` exclude each other: leave one of them out."
    if config.get("customer_ids") == []:
        yield "The setting `customer_ids` is empty: name at least one customer, or leave it out."


def site_problems(found: Iterable[Mapping[str, Any]], site: str) -> list[str]:
    """Return one sentence when bookmarks are those of another site: what they passed by there says nothing of this one.

    Args:
        found: the bookmarks.
        site: the setting; empty when nothing is going to be read.
    """
    if not site:
        return []
    sites = {bookmarks.site_of(bookmark) for bookmark in found}
    return [
        f"The state was left by the site `{other}`, and the setting `site` is `{site}` now: start with a full refresh "
        "(--full-refresh), or set it back."
        for other in sorted(other for other in sites if other and other != site.lower())
    ]


def wrong_catalog(stream: str, site: str, version: int) -> str:
    """What a user is told about a stream that a site of that Product Catalog cannot have."""
    return f"The site `{site}` is of Product Catalog {version}, which has no `{stream}`: deselect that stream."
