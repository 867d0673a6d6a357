"""The decisions about leads: names, websites, a company's representative, and the records to send."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from standpipe_maps.leads.models import Contact, Profile

NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9_]")
USER, LEAD = 0, 1
GONE = 2
NETWORKS = {"linkedin": "linked_in", "twitter": "twitter", "x": "twitter"}


class Sent(NamedTuple):
    """How a record was last sent."""

    digest: bytes
    generation: int
    """The first run that sent it in this form."""
    left_at: int | None = None
    """The time at which a run noticed that the contact had left the company, in Unix seconds."""


def is_new(digest: bytes, sent: Sent | None) -> bool:
    """Return whether a record differs from the one last sent."""
    return sent is None or sent.digest != digest or sent.left_at is not None


def is_due(sent: Sent, since: int | None) -> bool:
    """Return whether an unchanged record is sent again.

    Args:
        sent: how it was last sent.
        since: the run that the target confirmed; None sends everything.
    """
    return since is None or sent.generation > since


def strip_text(value: str | None) -> str | None:
    """Return a text without surrounding white space; None if nothing is left."""
    return (value or "").strip() or None


def split_name(name: str | None) -> tuple[str | None, str | None]:
    """Split a name into the first word and the rest.

    "Ludwig van Beethoven" and "Gabriel García Márquez" are split correctly, and both parts together are always the
    name.
    """
    words = (name or "").split()
    return (words[0] if words else None), " ".join(words[1:]) or None


def normalize_website(website: str | None) -> str | None:
    """Return a website as a URL with its host in lower case; None if the text is not a website.

    Intercom accepts any text here, while ChartMogul needs a URL to find the domain.
    """
    found = strip_text(website) or ""
    try:
        parts = urlsplit(found if "://" in found else f"https://{found}")
        # Reading a port that is not a number raises ValueError.
        possible = parts.port != 0 and parts.scheme in {"http", "https"} and "@" not in parts.netloc
    except ValueError:
        return None
    # A host without a dot is a name in a local network instead of a website.
    if not possible or "." not in (parts.hostname or "").strip(".") or any(map(str.isspace, found)):
        return None
    return parts._replace(netloc=parts.netloc.lower()).geturl()


def make_attribute_key(name: str) -> str:
    """Return an attribute's key in ChartMogul, made of letters, digits and underscores."""
    return NOT_IN_A_KEY.sub("_", name)


def find_collision(names: Iterable[str]) -> tuple[str, str] | None:
    """Return the first two names with the same key; None if there are none."""
    taken: dict[str, str] = {}
    for name in names:
        if taken.setdefault(make_attribute_key(name), name) != name:
            return taken[make_attribute_key(name)], name
    return None


def find_profiles(found: Sequence[Profile]) -> dict[str, str | None]:
    """Return the URLs of the pages that ChartMogul stores; if a network has several, the first."""
    urls: dict[str, str | None] = {"linked_in": None, "twitter": None}
    for one in found:
        network = NETWORKS.get((one.name or "").strip().lower())
        # ChartMogul has one field per network.
        if network and urls[network] is None:
            urls[network] = strip_text(one.url)
    return urls


def rank_speaker(contact: Contact) -> int | None:
    """Return how well a contact represents its company. Users rank best; None without an e-mail address."""
    if strip_text(contact.email) is None:
        return None
    return USER if contact.role == "user" else LEAD


def make_external_id(contact_id: str, customer: str | None) -> str:
    """Return the id of a contact in ChartMogul, where it is a contact of one customer: one id per customer.

    Args:
        contact_id: Intercom's.
        customer: the external id of the customer. Earlier versions took Intercom's id of the company, which changes
            when a company is deleted and created again.
    """
    return f"{contact_id}:{customer or ''}"


def is_gone(absences: int) -> bool:
    """Return whether a person no longer exists, because two complete reads in succession did not show them."""
    return absences >= GONE
